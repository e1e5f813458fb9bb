"""What is done with results: replayed, also after a kill; compared; and plans written by asking a host."""

import html
import json
import re
import signal

import harness
from harness import plan_text

REPORTS = ("report.json", "report.txt", "report.md", "steps.csv", "report.html", "plan.yaml")
# So slow that a busy machine measures it well.
SLOW = ("--a", "60ms")


class Replay(harness.TestCase):
    def test_replay_writes_the_same_bytes(self):
        first, second = self.simhost(), self.simhost()
        plan = self.write_plan(plan_text([first.url, second.url], steps="[2, 6]", slo="    slo: {ttft: {p95: 500ms}}\n"))
        code, report, output = self.run_plan(plan, "--agents", "2")
        self.assertIsNotNone(report, output)
        again = self.kneepoint("replay", self.scratch / "out", "--out", self.scratch / "again")
        self.assertEqual(again.wait(), code, again.output)
        for name in REPORTS:
            self.assertEqual((self.scratch / "again" / name).read_bytes(), (self.scratch / "out" / name).read_bytes(), name)
        # In place, too, and from nothing but what was recorded.
        for name in REPORTS:
            (self.scratch / "again" / name).unlink()
        for name in ("timeline.binpb.gz", "telemetry.jsonl"):
            (self.scratch / "out" / name).rename(self.scratch / "again" / name)
        self.assertEqual(self.kneepoint("replay", self.scratch / "again").wait(), code)
        self.assertEqual((self.scratch / "again/report.json").read_bytes(), (self.scratch / "out/report.json").read_bytes())

    def test_a_killed_coordinator_leaves_what_it_had_measured(self):
        host = self.simhost()
        plan = self.write_plan(plan_text([host.url], steps="[2, 4, 6]", hold="4s"))
        out = self.scratch / "out"
        process = self.kneepoint("run", plan, "--out", out, "--serve", "none")
        process.wait_for(r"(?m)^\s+4\s+[34]\.\d", timeout=60)  # the second row
        # What is shown may still be on its way to the disk, which no decision waits for: two groups later it is there.
        for _ in range(2):
            size = (out / "timeline.binpb.gz").stat().st_size
            harness.wait_until(lambda: (out / "timeline.binpb.gz").stat().st_size > size, "the recording grows")
        process.signal(signal.SIGKILL)
        process.wait()
        self.assertFalse((out / "report.json").exists())
        replay = self.kneepoint("replay", out)
        self.assertEqual(replay.wait(), 130, replay.output)
        report = self.report(out)
        self.assertTrue(report["run"]["interrupted"])
        self.assertEqual([s["concurrency"] for s in report["results"][0]["steps"]], [2, 4])
        self.assertGreater(report["totals"]["completed"], 10)
        self.assertIn("recording ends after", report["verdict"]["reasons"][0])

    def test_without_a_recording_it_says_so_in_one_line(self):
        replay = self.kneepoint("replay", self.scratch)
        self.assertEqual(replay.wait(), 2)
        self.assertEqual(len(replay.lines), 1, replay.output)
        self.assertIn("timeline.binpb.gz", replay.output)


class Gate(harness.TestCase):
    def test_a_figure_past_its_limit_is_4_in_every_file(self):
        host = self.simhost()
        plan = self.write_plan(plan_text([host.url], steps="[2]", hold="3s", slo="    slo: {ttft: {p95: 500ms}}\n")
                               .replace("name: test\n", "name: test\nthresholds: ['errors>1%']\n"))
        code, report, output = self.run_plan(plan, "--quiet", "--fail-on", "ttft_p50@2>1us", "--fail-on", "e2e_p99@2>1s")
        self.assertEqual(code, 4, output)
        self.assertEqual(len(output.splitlines()), 1, output)
        self.assertRegex(output, r"^✗ ttft_p50@2>1us: [\d.]+ ms( ± [\d.]+ (ms|µs))? at 2 \(and 1 threshold more\); ")
        self.assertEqual([(t["expression"], t["state"]) for t in report["thresholds"]],
                         [("errors>1%", "HELD"), ("ttft_p50@2>1us", "MISSED"), ("e2e_p99@2>1s", "UNCHECKED")])
        self.assertEqual(report["exit"], {"code": 4, "reason": "threshold_missed"})
        for name in ("report.txt", "report.md", "report.html"):
            text = html.unescape((self.scratch / "out" / name).read_text()).replace("\\", "")
            self.assertRegex(text, "✓ errors>1%: 0 % at 2", name)
            self.assertRegex(text, r"\? e2e_p99@2>1s: UNCHECKED: at 2: n/a \(n=\d+\), too few requests", name)
        again = self.kneepoint("replay", self.scratch / "out", "--out", self.scratch / "again")
        self.assertEqual(again.wait(), 4, again.output)
        self.assertTrue(again.output.startswith("✓ errors>1%: 0 % at 2\n✗ ttft_p50@2>1us: "), again.output)

    def test_what_was_not_checked_is_no_pass(self):
        host = self.simhost()
        plan = self.write_plan(plan_text([host.url], steps="[1, 2]", hold="2s"))
        code, report, output = self.run_plan(plan, "--fail-on", "n_slo<1", "--fail-on", "errors>50%")
        self.assertEqual(code, 3, output)
        self.assertIn("? n_slo<1: UNCHECKED: the scenario has no slo\n✓ errors>50%: 0 % at 1\n", output)
        # Of a run that is trustworthy by itself the threshold is the reason, else its own verdict is.
        self.assertEqual(report["exit"]["reason"], "threshold_unchecked" if report["verdict"]["valid"] else "inconclusive")

    def test_nonsense_is_refused_before_any_load(self):
        plan = self.write_plan(plan_text(["http://127.0.0.1:1"]))
        refused = self.kneepoint("run", plan, "--fail-on", "ttft_p95>0.5")
        self.assertEqual(refused.wait(), 2)
        self.assertEqual(refused.output, "kneepoint: 'ttft_p95>0.5': the limit of ttft_p95 is a duration; write it as in "
                                         "ttft_p95>500ms")
        never = self.kneepoint("run", plan, "--fail-on", "ttft_p95@64>500ms")
        self.assertEqual(never.wait(), 2)
        self.assertIn("no step of the plan has a load of 64", never.output)


class Compare(harness.TestCase):
    def measure(self, name, *arguments, **plan):
        host = self.simhost(*arguments)
        path = self.write_plan(plan_text([host.url], steps="[1, 3]", hold="6s", output_tokens=16, **plan), name + ".yaml")
        process = self.kneepoint("run", path, "--out", self.scratch / name, "--serve", "none")
        process.wait(120)
        self.assertIsNotNone(self.report(self.scratch / name), process.output)
        return self.scratch / name

    def test_a_slower_host_misses_the_threshold_and_an_equal_one_does_not(self):
        base = self.measure("base", *SLOW)
        equal = self.measure("equal", *SLOW)
        slower = self.measure("slower", "--a", "90ms")
        limits = ("--fail-on", "throughput<-5%", "--fail-on", "tpot_p50>+10%")
        held = self.kneepoint("compare", base, equal, *limits)
        self.assertEqual(held.wait(), 0, held.output)
        self.assertIn("✓ throughput<-5%: ", held.output)
        missed = self.kneepoint("compare", base, slower, *limits, "--out", self.scratch / "both")
        self.assertEqual(missed.wait(), 4, missed.output)
        words = " ".join(missed.output.split())
        self.assertRegex(words, r"✗ throughput<-5%: chat on host, output tok/s at 1: slower against base: -3\d\.\d %")
        self.assertRegex(words, r"slower is slower than base: output tok/s -3\d\.\d( to -3\d\.\d)? % at every load[,.] ")
        quiet = self.kneepoint("compare", base, slower, *limits, "--quiet")
        self.assertEqual(quiet.wait(), 4, quiet.output)
        self.assertEqual(len(quiet.lines), 1, quiet.output)
        self.assertRegex(quiet.output, r"^✗ throughput<-5%: .*; and 1 more \(and 1 threshold more\); slower is slower than base: ")
        told = self.kneepoint("compare", base, slower, *limits, "--format", "json")
        self.assertEqual(told.wait(), 4)
        written = (self.scratch / "both/compare.json").read_text()
        self.assertEqual(told.output + "\n", written)
        comparison = json.loads(written)
        self.assertEqual(comparison["exit"], {"code": 4, "reason": "threshold_missed"})
        self.assertEqual([t["state"] for t in comparison["thresholds"]], ["MISSED", "UNCHECKED"])  # of so short a look
        (row,) = [r for r in comparison["results"][0]["rows"] if r["metric"] == "throughput" and r["load"] == 3]
        self.assertLess(row["differences"][0]["ratio"], -0.2)
        self.assertNotIn("WORKLOADS DIFFER", missed.output)
        page = (self.scratch / "both/compare.html").read_text()
        self.assertIn("comparison-data", page)
        self.assertIn("Thresholds: 0 held, 1 missed, 1 unchecked", page)
        self.assertIn("worse", (self.scratch / "both/compare.md").read_text())
        named = self.kneepoint("compare", f"{base}@host", f"{slower}@host")
        self.assertEqual(named.wait(), 0, named.output)
        unknown = self.kneepoint("compare", f"{base}@host", f"{slower}@other")
        self.assertEqual(unknown.wait(), 2)
        self.assertIn("there is no target 'other'", unknown.output)
        twice = self.kneepoint("compare", base, self.scratch / "base" / "report.json", *limits)
        self.assertEqual(twice.wait(), 2, twice.output)
        self.assertIn("are the same run (", twice.output)
        three = self.kneepoint("compare", base, equal, slower / "report.json")
        self.assertEqual(three.wait(), 0, three.output)
        self.assertIn("slower against base", three.output)

    def test_other_workloads_are_named(self):
        first = self.measure("first", *SLOW)
        other = self.measure("other", *SLOW, workload_extra=", temperature: 0.1")
        compare = self.kneepoint("compare", first, other)
        self.assertEqual(compare.wait(), 0, compare.output)
        self.assertIn("THE WORKLOADS DIFFER", compare.output)
        self.assertIn("temperature 0.1", re.sub(r"\s+", " ", compare.output))

    def test_mistakes_are_one_line(self):
        for arguments in (("nowhere", "nowhere"), (self.scratch, self.scratch),
                          ("a", "b", "--fail-on", "speed<-5%"), ("a", "b", "--fail-on", "throughput")):
            compare = self.kneepoint("compare", *arguments)
            self.assertEqual(compare.wait(), 2, compare.output)
            self.assertEqual(len(compare.lines), 1, compare.output)


class Init(harness.TestCase):
    def test_the_plan_of_a_running_host_loads(self):
        host = self.simhost("--max-model-len", "4096")
        plan = self.scratch / "gpu-1.yaml"
        init = self.kneepoint("init", host.url + "/v1/", "--output", plan)
        self.assertEqual(init.wait(), 0, init.output)
        text = plan.read_text()
        self.assertIn("at most 4096 tokens", text)
        self.assertIn("/health says ready; /metrics are those of vLLM", text)
        self.assertIn("counts tokens while it streams", text)
        validate = self.kneepoint("validate", plan)
        self.assertEqual(validate.wait(), 0, validate.output)
        self.assertIn("search for saturation", validate.output)
        again = self.kneepoint("init", host.url, "--output", plan)
        self.assertEqual(again.wait(), 2)
        self.assertIn("is there already", again.output)
        self.assertEqual(plan.read_text(), text)

    def test_a_plan_is_named_after_its_file(self):
        host = self.simhost()
        for file, name in (("gpu 1.yaml", '"gpu 1"'), ("gpu\u200b1.yaml", "gpu-1"), (".hidden.yaml", "plan")):
            plan = self.scratch / file
            init = self.kneepoint("init", host.url, "--output", plan)
            self.assertEqual(init.wait(), 0, init.output)
            self.assertIn(f"\nname: {name}\n", plan.read_text())

    def test_the_plan_runs(self):
        host = self.simhost("--a", "1ms", "--c", "0ms", "--d", "0us", "--e", "0")
        printed = self.kneepoint("init", host.url)
        self.assertEqual(printed.wait(), 0, printed.output)
        text = re.sub(r"search: .*\n.*max_duration: .*", "steps: [2]\n      requests: 4", printed.output)
        code, report, output = self.run_plan(self.write_plan(text))
        self.assertIn(code, (0, 3), output)
        self.assertEqual(report["results"][0]["steps"][0]["requests"]["completed"], 4)

    def test_what_is_no_host_is_one_line(self):
        for arguments, words in ((("127.0.0.1:1",), "write http://HOST:PORT"),
                                 ((f"http://127.0.0.1:{harness.free_port()}",), "refused")):
            init = self.kneepoint("init", *arguments)
            self.assertEqual(init.wait(), 2, init.output)
            self.assertEqual(len(init.lines), 1, init.output)
            self.assertIn(words, init.output)

    def test_an_unknown_model_names_one_that_is_served(self):
        host = self.simhost()
        init = self.kneepoint("init", host.url, "--model", "other")
        self.assertEqual(init.wait(), 2)
        self.assertIn("it does not serve 'other' but 'qwen3-4b-instruct-2507'", init.output)


if __name__ == "__main__":
    harness.main()
