"""Traffic as hosts meet it: other texts in each run, adapters and tenants in one mix, whole bodies, logged chats, traces."""

import json
import re

import harness

MODEL = "qwen3-4b-instruct-2507"


def plan_text(url, workload, ramp="{steps: [4], requests: 60}", slo="", target=""):
    return f"""\
kneepoint: 1
name: traffic
targets:
  - {{name: host, url: "{url}", model: {MODEL}{target}}}
scenarios:
  - name: mix
    workload: {{{workload}}}
    ramp: {ramp}
{slo}"""


class Traffic(harness.TestCase):
    QUICK = ("--a", "1ms", "--c", "0ms", "--d", "0us", "--e", "0", "--max-model-len", "300000")

    def run_text(self, text, *arguments, timeout=120):
        code, report, output = self.run_plan(self.write_plan(text), *arguments, timeout=timeout)
        self.assertIsNotNone(report, output)
        self.assertIn(code, (0, 3), output)
        self.output = output
        return report

    def metric(self, host, name):
        return sum(float(value) for value in re.findall(rf"^{name}\{{.*\}} (\S+)$", host.get("/metrics"), re.M))

    def hit_ratio(self, host):
        return self.metric(host, "vllm:prefix_cache_hits_total") / self.metric(host, "vllm:prefix_cache_queries_total")

    def test_a_second_run_of_a_plan_finds_no_cache_that_the_first_one_warmed(self):
        hits = {}
        for texts in ("new", "repeat"):
            host = self.simhost(*self.QUICK, "--prefix-cache")
            for _ in range(2):
                self.run_text(plan_text(host.url, f"synthetic: {{input_tokens: 400}}, texts: {texts}, output_tokens: 2"))
            hits[texts] = self.hit_ratio(host)
        self.assertEqual(hits["new"], 0)
        self.assertGreater(hits["repeat"], 0.42)  # half, but for the end of each text that fills no block

    def test_the_slow_adapter_of_a_mix_breaks_its_limit_first_and_is_named(self):
        # A prompt of 200 tokens takes 10 ms, on the slow adapter 320 ms: it breaks a limit of 250 ms with nobody else there.
        host = self.simhost("--a", "1ms", "--c", "0ms", "--d", "50us", "--e", "0", "--adapter", "fast-1", "--adapter", "fast-2",
                            "--adapter", "slow=32")
        limit = "slo: {ttft: {p50: 250ms}}"
        report = self.run_text(plan_text(
            host.url, "synthetic: {input_tokens: 200}, output_tokens: {distribution: uniform, min: 100, max: 300}, classes: ["
                      f"{{class: 'fast-{{n}}', count: 2, model: 'fast-{{n}}', {limit}}}, {{class: slow, model: slow, {limit}}}]",
            ramp="{steps: [1], requests: 60}"))
        (result,) = report["results"]
        states = {criterion["name"]: criterion["state"] for criterion in result["slo"]["criteria"]}
        self.assertEqual(states, {"ttft_p50 of fast-1": "PASS", "ttft_p50 of fast-2": "PASS", "ttft_p50 of slow": "FAIL"}, self.output)
        self.assertEqual(result["slo"]["joint"]["state"], "FAIL", self.output)
        self.assertRegex(self.output, r"Your SLO: holds nowhere \(TTFT p50 of slow ")
        good = {share["name"]: share["goodput_ratio"] for share in result["steps"][-1]["classes"]}
        self.assertEqual(good["slow"], 0)
        self.assertEqual(good["fast-1"], 1)

    def test_a_zipf_mix_asks_the_adapters_in_proportion(self):
        names = [f"lora-{n}" for n in range(1, 5)]
        host = self.simhost(*self.QUICK, *[word for name in names for word in ("--adapter", name)])
        report = self.run_text(plan_text(
            host.url, "synthetic: {input_tokens: 20}, output_tokens: 2, "
                      "classes: [{class: 'lora-{n}', count: 4, model: 'lora-{n}', zipf: 1, weight: 12}]",
            ramp="{steps: [5], requests: 250}"))
        (step,) = report["results"][0]["steps"]
        self.assertEqual([(c["name"], c["requests"]["completed"]) for c in step["classes"]],
                         [("lora-1", 120), ("lora-2", 60), ("lora-3", 40), ("lora-4", 30)])

    def test_whole_bodies_reach_the_host_and_bad_lines_may_be_left_out(self):
        picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
        lines = [json.dumps({"model": "another", "stream": False, "max_tokens": 3 + i % 2, "messages": [
            {"role": "user", "content": [{"type": "text", "text": f"What is this, number {i}?"}, picture]}]}) for i in range(9)]
        (self.scratch / "bodies.jsonl").write_text("\n".join([*lines, "{}"]))
        host = self.simhost(*self.QUICK)
        workload = "dataset: {file: bodies.jsonl, format: bodies, order: sequential, bad_lines: BAD}"
        report = self.run_text(plan_text(host.url, workload.replace("BAD", "skip"), ramp="{steps: [3], requests: 18}"))
        self.assertEqual(report["totals"]["completed"], 18, self.output)
        self.assertEqual(report["totals"]["output_tokens"], 2 * (5 * 3 + 4 * 4))
        plan = self.write_plan(plan_text(host.url, workload.replace("BAD", "refuse")))
        process = self.kneepoint("validate", plan)
        self.assertEqual(process.wait(20), 2)
        self.assertIn("bodies.jsonl:10: has none of 'messages'", process.output)

    def test_a_logged_chat_is_sent_turn_by_turn_with_its_own_answers(self):
        chat = [{"role": "system", "content": "word " * 32}, {"role": "user", "content": "word " * 64},
                {"role": "assistant", "content": None, "tool_calls": [
                    {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]},
                {"role": "tool", "tool_call_id": "c1", "content": "word " * 96}, {"role": "assistant", "content": "word " * 64},
                {"role": "user", "content": "word " * 64}]
        (self.scratch / "log.jsonl").write_text(json.dumps({"messages": chat}))
        host = self.simhost(*self.QUICK)
        report = self.run_text(plan_text(
            host.url, "dataset: {file: log.jsonl, prompt: messages, roles: all}, conversation: {}, output_tokens: 2",
            ramp="{steps: [2], requests: 12}"))
        (step,) = report["results"][0]["steps"]
        self.assertEqual([turn["requests"]["completed"] for turn in step["turns"]], [4, 4, 4], self.output)
        mean = self.metric(host, "vllm:prompt_tokens_total") / 13  # with the one that asked for usage, of a few tokens
        self.assertAlmostEqual(mean, (96 + 192 + 320) / 3, delta=35)

    def test_a_trace_with_hashes_hits_the_cache_as_often_as_it_says(self):
        # Chats whose every turn brings the blocks of those before: what a cache that forgets nothing hits follows from the file.
        rows, seen, hits, asked, fresh = [], set(), 0, 0, 1000
        for turn in range(1, 6):
            for chat in range(8):
                ids = [0] + [chat * 100 + i for i in range(1, turn + 1)] + [fresh]
                fresh += 1
                length = 512 * (len(ids) - 1) + 100
                for place, block in enumerate(ids[:-1]):
                    if tuple(ids[:place + 1]) not in seen:
                        break
                    hits += 512
                seen.update(tuple(ids[:place + 1]) for place in range(len(ids)))
                asked += length
                rows.append({"timestamp": 10 * len(rows), "input_length": length, "output_length": 2, "hash_ids": ids})
        (self.scratch / "trace.jsonl").write_text("\n".join(json.dumps(row) for row in rows))
        host = self.simhost(*self.QUICK, "--prefix-cache")
        report = self.run_text(plan_text(host.url, "dataset: {file: trace.jsonl, format: mooncake}",
                                         ramp=f"{{steps: [1], requests: {len(rows)}}}"))
        self.assertEqual(report["totals"]["completed"], len(rows))
        self.assertAlmostEqual(self.hit_ratio(host), hits / asked, delta=0.02)

    def test_keys_and_sessions(self):
        host = self.simhost(*self.QUICK, "--api-key", "sesame")
        secret = self.scratch / "keys"
        secret.write_text("sesame\n")
        report = self.run_text(plan_text(
            host.url, "prompts: [Hello], output_tokens: 2", ramp="{steps: [2], requests: 10}",
            target=f", auth: {{file: '{secret}', header: authorization}}, session: {{header: X-Session-Id}}"))
        self.assertEqual(report["totals"]["completed"], 10, self.output)


if __name__ == "__main__":
    harness.main()
