"""A search for the saturation point over real HTTP, against hosts whose true knee is known."""

import json
import math
import re
import subprocess
import unittest

import harness


def search_plan(url, prompt, output_tokens, most, ramp="", slo=""):
    """`prompt`: its text, or the number of tokens that one is made to."""
    prompt = f"synthetic: {{input_tokens: {prompt}}}" if isinstance(prompt, int) else f'prompts: ["{prompt}"]'
    return f"""\
kneepoint: 1
name: search
targets:
  - {{name: host, url: "{url}", model: qwen3-4b-instruct-2507, gpus: 1, cost_per_hour: 3.6}}
scenarios:
  - name: chat
    workload: {{{prompt}, output_tokens: {output_tokens}}}
    ramp: {{search: {{max: {most}, precision: 0.2}}, warmup: 2s{ramp}}}
{slo}"""


def true_sessions(curve, tokens, pause, most):
    """The saturation point in sessions of a host with this `curve` of tokens a second by requests in flight: with the
    pauses a closed network of two stations, P(k in flight) = z^(N-k)/(N-k)! / (X(1)...X(k)) but for a factor."""
    def served(k):  # requests a second; k/X is a line up to the slots, and X is what it is past them
        points = [(p["concurrency"], p["output_tokens_per_second"] / tokens) for p in curve]
        top = max(x for _, x in points)
        for (a, x), (b, y) in zip(points, points[1:]):
            if a <= k <= b and y < 0.99 * top:
                return k / (a / x + (k - a) / (b - a) * (b / y - a / x))
        (a, x), (b, y) = [p for p in points if p[1] < 0.99 * top][-2:]
        return min(top, k / (a / x + (k - a) / (b - a) * (b / y - a / x)))

    rates = [served(k) for k in range(1, 2 * most + 1)]

    def throughput(sessions):
        logs = [sessions * math.log(pause) - math.lgamma(sessions + 1)]
        for k in range(1, sessions + 1):
            logs.append(logs[-1] - math.log(pause) + math.log(sessions - k + 1) - math.log(rates[k - 1]))
        shares = [math.exp(each - max(logs)) for each in logs]
        return sum(x * share for x, share in zip(rates, shares[1:])) / sum(shares)

    found = [throughput(n) for n in range(1, 2 * most + 1)]
    return next(n for n in range(1, most + 1) if found[n - 1] >= 0.95 * max(found[n - 1:2 * n]))


class Search(harness.TestCase):
    def truth_of(self, profile, prompt_tokens, output_tokens):
        said = subprocess.run([harness.BIN / "kneepoint-simhost", "--print-truth", "--profile", profile, "--prompt-tokens",
                               str(prompt_tokens), "--output-tokens", str(output_tokens)], capture_output=True, check=True)
        return json.loads(said.stdout)["per_replica"]

    def search(self, profile, prompt, output_tokens, most, ramp, slo="", agents=1):
        """Runs it; the result, the host's true knee and what was printed."""
        host = self.simhost(profile=profile)
        truth = float(host.wait_for(r"true knee ([\d.]+)")[1])
        plan = self.write_plan(search_plan(host.url, prompt, output_tokens, most, ramp, slo))
        code, report, output = self.run_plan(plan, "--agents", agents, timeout=900)
        self.assert_ran(code, output)
        return report["results"][0], truth, output

    def assert_found(self, result, truth):
        saturation = result["saturation"]
        self.assertIsNotNone(saturation["concurrency"], saturation["explanation"])
        self.assertAlmostEqual(saturation["concurrency"], truth, delta=0.1 * truth)
        low, high = saturation["ci95"]
        self.assertLessEqual(low, 1.02 * truth)
        self.assertGreaterEqual(high, 0.98 * truth)

    def test_hard_knee_proof_and_the_way_back(self):
        result, truth, output = self.search(
            "demo", "What is a transformer?", 64, 256,
            ", hold: 8s, max_duration: 8m, descend: true, proof: {agents: [2, 1, 3]}",
            slo="    slo: {ttft: {p95: 500ms}}\n", agents=2)
        self.assert_found(result, truth)
        self.assertEqual(result["saturation"]["knee_kind"], "hard")
        self.assertEqual(result["proof"]["state"], "HOLDS", result["proof"])
        self.assertIn("not with 3 agents, of which 2 joined", result["proof"]["explanation"])
        self.assertEqual(result["descent"]["state"], "NO HYSTERESIS", result["descent"])
        roles = [row["role"] for row in result["after"]]
        self.assertEqual(roles[:2], ["proof", "proof"])
        self.assertEqual(set(roles[2:]), {"descending"})
        self.assertEqual([row["agents"] for row in result["after"][:2]], [2, 1])
        down = [row["concurrency"] for row in result["after"][2:]]
        self.assertEqual(down, sorted(down, reverse=True))
        self.assertEqual(down[-1], 1)
        self.assertGreaterEqual(down[0], 1.5 * truth)
        notes = {row["concurrency"]: row["note"] for row in result["steps"] if row["attempt"] == 1}
        self.assertIn("lowest latency", notes[1])
        self.assertIn("near-linear", notes[8])
        self.assertIn("saturated", notes[64])
        self.assertTrue(any("queueing begins" in note for note in notes.values()), notes)
        points = {each["name"]: each["value"] for each in result["recommendations"]}
        self.assertLessEqual(points["interactive"], truth * 1.05)
        self.assertGreaterEqual(points["batch"], truth * 0.9)
        self.assertAlmostEqual(points["cost, batch"] * points["output per GPU, batch"], 1000, delta=1)
        # The text shows each concurrency once, and says how many rows there are besides.
        text = (self.scratch / "out" / "report.txt").read_text()
        self.assertRegex(text, r"\d+ of \d+ rows are shown")
        table = text.split("Load and throughput")[1].split("rows are shown")[0]
        shown = [int(n) for n in re.findall(r"(?m)^ *(\d+)(?: #\d+)?  +[\d.,]+  +[\d.,]+ ", table)]
        self.assertEqual(shown, sorted(set(shown)), table)
        csv = (self.scratch / "out" / "steps.csv").read_text().splitlines()
        self.assertEqual(len(csv), 1 + len(result["steps"]) + len(result["after"]))

    def test_soft_knee(self):
        result, truth, _ = self.search("soft", "What is a transformer?", 64, 128, ", hold: 8s, max_duration: 10m")
        self.assert_found(result, truth)
        self.assertEqual(result["saturation"]["knee_kind"], "soft")

    def test_kv_bound_host(self):
        result, truth, _ = self.search("kv-bound", 256, 256, 128, ", hold: 12s, max_duration: 10m")
        self.assert_found(result, truth)

    def test_sessions_that_think(self):
        host = self.simhost()
        turns, think, tokens = 4, 1.0, 64
        # Each prompt holds what was said before.
        prompt = sum(60 * turn + tokens * (turn - 1) for turn in range(1, turns + 1)) // turns
        said, pause = self.truth_of("demo", prompt, tokens), think * (turns - 1) / turns
        # Answers of one length come more evenly than chance, so that less is lost to empty slots: in between lies the truth.
        most = true_sessions(said["curve"], tokens, pause, 256)
        least = said["saturation_concurrency"] + 0.95 * said["max_output_tokens_per_second"] / tokens * pause
        plan = self.write_plan(search_plan(host.url, 60, tokens, 256, ", hold: 16s, max_duration: 10m").replace(
            f"output_tokens: {tokens}", f"output_tokens: {tokens}, conversation: {{turns: {turns}, think_time: 1s}}"))
        code, report, output = self.run_plan(plan, timeout=900)
        self.assert_ran(code, output)
        (result,) = report["results"]
        saturation = result["saturation"]
        self.assertIsNotNone(saturation["concurrency"], saturation["explanation"])
        self.assertGreater(saturation["concurrency"], 0.95 * least)
        self.assertLess(saturation["concurrency"], 1.05 * most)
        low, high = saturation["ci95"]
        self.assertLess(low, most)
        self.assertGreater(high, least)
        # The slots hold 23 requests at the point, and more sessions think than that.
        self.assertRegex(result["saturation"]["explanation"], r"They hold 2[0-9](\.[0-9])? requests in flight")
        self.assertRegex(output, r"batch; \d+ sessions: the lowest step at or above saturation")

    def test_max_duration_cuts_it_and_the_report_says_so(self):
        host = self.simhost()
        plan = self.write_plan(search_plan(host.url, "hi", 64, 4096, ", hold: 8s, max_duration: 1m"))
        code, report, output = self.run_plan(plan, timeout=150)
        self.assertIn(code, (0, 3), output)
        self.assertLess(report["run"]["duration_seconds"], 75)
        (result,) = report["results"]
        self.assertIn("The search ended early: max_duration of 60.0 s", result["saturation"]["explanation"])
        self.assertIn("ended early", (self.scratch / "out" / "report.txt").read_text())


class Soak(harness.TestCase):
    def test_a_minute_in_six_bins(self):
        host = self.simhost()
        plan = self.write_plan(search_plan(host.url, "hi", 64, 8).replace("search: {max: 8, precision: 0.2}", "soak: 8, hold: 1m"))
        code, report, output = self.run_plan(plan, timeout=150)
        self.assert_ran(code, output)
        (result,) = report["results"]
        self.assertEqual([row["concurrency"] for row in result["steps"]], [8] * 6)
        begins = [row["window_begin_seconds"] for row in result["steps"]]
        self.assertEqual([b - a for a, b in zip(begins, begins[1:])], [10] * 5)
        self.assertEqual([trend["name"] for trend in result["soak"]["trends"]],
                         ["throughput", "TTFT p50", "agent memory"])
        self.assertIn(result["soak"]["state"], ("STEADY", "DRIFTS", "LEAKS"))
        for row in result["steps"]:
            self.assertGreater(row["generator"]["resident_bytes"], 1e6)
        self.assertIn("Soak:     8 requests in flight held for 60.0 s", output)


if __name__ == "__main__":
    harness.main()
