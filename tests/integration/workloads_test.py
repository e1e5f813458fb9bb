"""What the host receives is what the plan asks for: lengths, uniqueness, sharing, conversations, traces."""

import gzip
import hashlib
import json
import re

import harness

MODEL = "qwen3-4b-instruct-2507"


def plan_text(url, workload, ramp="{steps: [4], requests: 60}", more="", seed=1):
    return f"""\
kneepoint: 1
name: workloads
seed: {seed}
targets:
  - {{name: host, url: "{url}", model: {MODEL}}}
scenarios:
  - name: made
    workload: {{{workload}}}
    ramp: {ramp}
{more}"""


class Workloads(harness.TestCase):
    # Fast: lengths are looked at here, not times.
    QUICK = ("--a", "1ms", "--c", "0ms", "--d", "0us", "--e", "0")

    def quick_host(self, *arguments):
        return self.simhost("--max-model-len", "300000", *self.QUICK, *arguments)

    def run_text(self, text, *arguments, timeout=120):
        code, report, output = self.run_plan(self.write_plan(text), *arguments, timeout=timeout)
        self.assertIsNotNone(report, output)
        self.assertIn(code, (0, 3), output)
        self.output = output
        return report

    def metric(self, host, name):
        return sum(float(value) for value in re.findall(rf"^{name}\{{.*\}} (\S+)$", host.get("/metrics"), re.M))

    def assert_close(self, prompt_tokens, asked, ratio=0.02):
        self.assertAlmostEqual(prompt_tokens["asked_mean"], asked, delta=ratio * asked)
        self.assertAlmostEqual(prompt_tokens["achieved_mean"], prompt_tokens["asked_mean"],
                               delta=ratio * prompt_tokens["asked_mean"])

    def test_asked_and_achieved_lengths_over_a_matrix(self):
        host = self.quick_host()
        report = self.run_text(plan_text(
            host.url, "output_tokens: 2", ramp="{steps: [2], requests: 8}",
            more="    matrix: {input_tokens: [100, 1024, 32768, 131072]}\n"))
        names = [result["scenario"] for result in report["results"]]
        self.assertEqual(names, [f"made[input_tokens={n}]" for n in (100, 1024, 32768, 131072)])
        for result, asked in zip(report["results"], (100, 1024, 32768, 131072)):
            (step,) = result["steps"]
            self.assertEqual(step["requests"]["completed"], 8, self.output)
            self.assertEqual(step["prompt_tokens"]["asked_mean"], asked)
            self.assert_close(step["prompt_tokens"], asked)
        self.assertIn("calibrated by /tokenize", self.output)
        self.assertRegex((self.scratch / "out/report.txt").read_text(), r"made to 1024 tokens on average")

    def test_distributed_lengths_and_the_template_are_met_on_average(self):
        host = self.quick_host()
        report = self.run_text(plan_text(
            host.url, "system: 'You are a careful and friendly assistant who answers in full sentences.', "
                      "synthetic: {input_tokens: {distribution: lognormal, mean: 600, stddev: 300, min: 50}}, "
                      "output_tokens: {distribution: uniform, min: 2, max: 6}",
            ramp="{steps: [8], requests: 400}"))
        (step,) = report["results"][0]["steps"]
        tokens = step["prompt_tokens"]
        self.assertAlmostEqual(tokens["asked_mean"], 600, delta=60)
        self.assertAlmostEqual(tokens["achieved_mean"], tokens["asked_mean"], delta=0.02 * tokens["asked_mean"])
        self.assertAlmostEqual(report["totals"]["output_tokens"] / 400, 4, delta=0.4)

    def test_the_completions_dialect(self):
        host = self.quick_host()
        text = plan_text(host.url, "system: 'Be brief.', synthetic: {input_tokens: 500}, output_tokens: 2")
        report = self.run_text(text.replace("model: " + MODEL, f"model: {MODEL}, api: openai-completions"))
        (step,) = report["results"][0]["steps"]
        self.assert_close(step["prompt_tokens"], 500)

    def test_requests_share_nothing_unless_the_plan_says_so(self):
        host = self.quick_host("--prefix-cache")
        steps = "{steps: [4, 8], requests: 60}"
        self.run_text(plan_text(host.url, "synthetic: {input_tokens: 400}, output_tokens: 2", ramp=steps))
        self.assertGreater(self.metric(host, "vllm:prefix_cache_queries_total"), 120 * 380)
        self.assertEqual(self.metric(host, "vllm:prefix_cache_hits_total"), 0)

        shared = self.quick_host("--prefix-cache")
        self.run_text(plan_text(
            shared.url, "synthetic: {input_tokens: 400, shared_prefix_tokens: 200, prefix_groups: 2}, "
                        "output_tokens: 2", ramp=steps))
        hits = self.metric(shared, "vllm:prefix_cache_hits_total")
        queries = self.metric(shared, "vllm:prefix_cache_queries_total")
        self.assertAlmostEqual(hits / queries, 0.5, delta=0.1)

    def test_given_prompts_are_shared_unless_made_unique(self):
        prompt = "'" + "Explain how a transformer predicts the next token, step by step. " * 3 + "'"
        hits = {}
        for unique in ("false", "true"):
            host = self.quick_host("--prefix-cache")
            self.run_text(plan_text(host.url, f"prompts: [{prompt}], unique: {unique}, output_tokens: 2"))
            hits[unique] = self.metric(host, "vllm:prefix_cache_hits_total")
        self.assertGreater(hits["false"], 0)
        self.assertEqual(hits["true"], 0)

    def test_one_and_two_agents_send_the_same_requests(self):
        totals = set()
        for agents in (1, 2):
            host = self.quick_host()
            report = self.run_text(plan_text(
                host.url, "synthetic: {input_tokens: {distribution: uniform, min: 50, max: 900}}, "
                          "output_tokens: {distribution: uniform, min: 1, max: 9}",
                ramp="{steps: [8], requests: 100}", seed=7), "--agents", agents)
            self.assertEqual(report["totals"]["completed"], 100, self.output)
            totals.add((self.metric(host, "vllm:prompt_tokens_total"), self.metric(host, "vllm:generation_tokens_total")))
        self.assertEqual(len(totals), 1, totals)

    def test_conversations_grow_think_and_are_reported_by_turn(self):
        host = self.quick_host()
        report = self.run_text(plan_text(
            host.url, "synthetic: {input_tokens: 100}, conversation: {turns: 3, think_time: 300ms}, output_tokens: 20",
            ramp="{steps: [6], warmup: 2s, hold: 6s}"))
        (step,) = report["results"][0]["steps"]
        self.assertNotIn("LOW_OCCUPANCY", step["flags"], self.output)
        self.assertGreater(step["thinking"], 3)
        self.assertAlmostEqual(step["thinking"] + step["achieved_concurrency"], 6, delta=0.1)
        self.assertEqual([turn["name"] for turn in step["turns"]], ["1", "2", "3"])
        done = [turn["requests"]["completed"] for turn in step["turns"]]
        self.assertGreater(min(done), 0.6 * max(done))
        self.assert_close(step["prompt_tokens"], 100)
        # Turns of 100, 100 + 20 + 100 and 340 tokens.
        mean = self.metric(host, "vllm:prompt_tokens_total") / report["totals"]["completed"]
        self.assertAlmostEqual(mean, 220, delta=15)
        text = (self.scratch / "out/report.txt").read_text()
        self.assertIn("By turn", text)
        self.assertRegex(text, r"N counts sessions, which think between two turns: of 6 [0-9.]+ in flight and [0-9.]+ think")

    def test_an_arrival_of_an_open_loop_may_be_a_session(self):
        host = self.quick_host()
        report = self.run_text(plan_text(
            host.url, "synthetic: {input_tokens: 60}, conversation: {turns: 3, think_time: 1s}, output_tokens: 8",
            ramp="{rate: [8], warmup: 4s, hold: 12s}"), "--agents", "2")
        (step,) = report["results"][0]["steps"]
        # Three requests a session; twelve seconds of a Poisson process, whose sessions come three by three.
        self.assertAlmostEqual(step["due_per_second"], 24, delta=5 * 3 * (8 * 12) ** 0.5 / 12)
        self.assertAlmostEqual(step["achieved_rate"], step["due_per_second"], delta=0.5)
        self.assertAlmostEqual(step["thinking"], 16, delta=8)
        self.assertNotIn("UNSTEADY", step["flags"])
        done = [turn["requests"]["completed"] for turn in step["turns"]]
        self.assertEqual(len(done), 3)
        self.assertGreater(min(done), 0.7 * max(done))
        self.assertEqual(report["totals"]["started"], host.load_stats()["requests"]["received"])
        text = (self.scratch / "out/report.txt").read_text()
        self.assertRegex(text, r"N counts sessions that begin in a second, which think between two turns: at 8/s")

    def test_a_conversation_stays_on_its_replica(self):
        hosts = [self.quick_host("--prefix-cache", "--usage-details") for _ in range(2)]
        text = plan_text("URL", "synthetic: {input_tokens: 96}, conversation: {turns: 3}, output_tokens: 16",
                         ramp="{steps: [6], requests: 90}")
        report = self.run_text(text.replace('url: "URL"', f"urls: [{', '.join(host.url for host in hosts)}]"))
        (step,) = report["results"][0]["steps"]
        self.assertEqual([turn["requests"]["completed"] for turn in step["turns"]], [30, 30, 30])
        self.assertEqual([replica["requests"]["completed"] for replica in step["replicas"]], [45, 45])
        # Of turns of 96, 208 and 320 tokens the replica has met 0, 96 and 208: half of them, if it is the same one.
        hits, queries = (sum(self.metric(host, f"vllm:prefix_cache_{what}_total") for host in hosts)
                         for what in ("hits", "queries"))
        self.assertAlmostEqual(hits / queries, (96 + 208) / (96 + 208 + 320), delta=0.05)
        # What each answer tells of its own prompt comes to the same.
        self.assertAlmostEqual(step["cached_prompt_ratio"], hits / queries, delta=0.03)
        first, second, third = (turn["cached_prompt_ratio"] for turn in step["turns"])
        self.assertLess(first, 0.05)
        self.assertAlmostEqual(second, 96 / 208, delta=0.08)
        self.assertAlmostEqual(third, 208 / 320, delta=0.08)

    def test_a_trace_gives_its_lengths_and_its_sharing(self):
        rows = [{"timestamp": 100 * i, "input_length": 600 + i, "output_length": 1 + i % 5, "hash_ids": [0, i + 1]}
                for i in range(40)]
        (self.scratch / "trace.jsonl").write_text("\n".join(json.dumps(row) for row in rows))
        host = self.quick_host("--prefix-cache")
        report = self.run_text(plan_text(host.url, "dataset: {file: trace.jsonl, format: mooncake}",
                                         ramp="{steps: [4], requests: 40}"), "--agents", "2")
        (step,) = report["results"][0]["steps"]
        self.assert_close(step["prompt_tokens"], sum(row["input_length"] for row in rows) / 40)
        self.assertEqual(report["totals"]["output_tokens"], sum(row["output_length"] for row in rows))
        hits = self.metric(host, "vllm:prefix_cache_hits_total")
        self.assertAlmostEqual(hits / 40, 500, delta=75)  # block 0, 512 tokens, in nearly all of them
        self.assertEqual(report["results"][0]["dataset"], {
            "file": "trace.jsonl", "entries": 40,
            "sha256": hashlib.sha256((self.scratch / "trace.jsonl").read_bytes()).hexdigest()})

    def test_a_traces_sessions_keep_their_gaps_and_their_sharing(self):
        # Each session: 320 tokens, and 160 more in the next turn, which begins with the 20 blocks before; a second passes between.
        rows = []
        for session in range(40):
            first = [1000 * session + i for i in range(20)]
            rows.append({"chat_id": 2 * session, "parent_chat_id": -1, "timestamp": session, "input_length": 320,
                         "output_length": 4, "type": "text", "turn": 1, "hash_ids": first})
            rows.append({"chat_id": 2 * session + 1, "parent_chat_id": 2 * session, "timestamp": session + 1,
                         "input_length": 480, "output_length": 4, "type": "text", "turn": 2,
                         "hash_ids": first + [1000 * session + 100 + i for i in range(10)]})
        (self.scratch / "sessions.jsonl").write_text("\n".join(json.dumps(row) for row in rows))
        host = self.quick_host("--prefix-cache")
        report = self.run_text(plan_text(
            host.url, "dataset: {file: sessions.jsonl, format: bailian}, conversation: {}, extra_body: {ignore_eos: true}",
            ramp="{steps: [8], requests: 80}"), "--agents", "2")
        (step,) = report["results"][0]["steps"]
        self.assertEqual([turn["requests"]["completed"] for turn in step["turns"]], [40, 40])
        # Of 320 and 480 tokens the cache has met 0 and 320.
        hits = self.metric(host, "vllm:prefix_cache_hits_total") / self.metric(host, "vllm:prefix_cache_queries_total")
        self.assertAlmostEqual(hits, 320 / 800, delta=0.03)
        # Five sessions a slot, one after the other, each a second from send to send.
        self.assertGreater(step["duration_seconds"], 5)

    def test_agents_spans_are_sessions_whose_sub_agents_run_beside_each_other(self):
        # A call, two sub-agents of two calls each, half a second late, and what goes on when both have ended.
        def span(name, parent, begin, end, **attributes):
            return {"traceId": "t", "spanId": name, "parentSpanId": parent, "name": name, "kind": 3,
                    "startTimeUnixNano": str(10**18 + int(begin * 1e9)), "endTimeUnixNano": str(10**18 + int(end * 1e9)),
                    "attributes": [{"key": key.replace("__", "."), "value":
                                    {"stringValue": value} if isinstance(value, str) else {"intValue": str(value)}}
                                   for key, value in attributes.items()]}

        def call(name, parent, begin, end, tokens):
            return span(name, parent, begin, end, gen_ai__operation__name="chat", gen_ai__usage__input_tokens=tokens,
                        gen_ai__usage__output_tokens=10)

        calls = [call("1", "main", 0, 1, 100), call("2", "a", 1.5, 2.5, 50), call("3", "b", 1.5, 3, 60),
                 call("4", "a", 2.5, 3.5, 70), call("5", "b", 3, 4, 80), call("6", "main", 4, 5, 200)]
        agents = [span(name, "main", 1.2, 4, gen_ai__operation__name="invoke_agent") for name in ("a", "b")]
        (self.scratch / "spans.jsonl").write_text("".join(
            json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [each]}]}]}) + "\n" for each in calls + agents))
        host = self.simhost("--max-model-len", "300000", "--a", "20ms", "--c", "0ms", "--d", "0us", "--e", "0")
        report = self.run_text(plan_text(
            host.url, "dataset: {file: spans.jsonl, format: otel}, conversation: {}, extra_body: {ignore_eos: true}",
            ramp="{steps: [6], warmup: 2s, hold: 8s}", more="records: true\n"), "--agents", "2")
        (step,) = report["results"][0]["steps"]
        self.assertNotIn("LOW_OCCUPANCY", step["flags"], self.output)
        self.assertGreater(step["beside"], 1)
        self.assertAlmostEqual(step["thinking"] + step["achieved_concurrency"] - step["beside"], 6, delta=0.1)
        with gzip.open(self.scratch / "out/records.jsonl.gz", "rt") as file:
            rows = [json.loads(line) for line in file]
        records = sorted((row for row in rows if "sent" in row), key=lambda row: row["sent"])
        sessions = {}
        for row in records:
            slot = sessions.setdefault((row["epoch"], row["slot"]), [])
            if row["turn"] == 0:
                slot.append({})
            slot[-1][row["turn"]] = row
        whole = [session for slot in sessions.values() for session in slot if len(session) == 6]
        self.assertGreater(len(whole), 12)
        for turn in whole:
            for begun, before in ((1, 0), (2, 0), (3, 1), (4, 2), (5, 3), (5, 4)):
                self.assertGreaterEqual(turn[begun]["sent"], turn[before]["ended"], (begun, before))
            self.assertAlmostEqual(turn[1]["sent"] - turn[0]["ended"], 0.5, delta=0.2)
            self.assertLess(turn[1]["sent"], turn[2]["ended"])
            self.assertLess(turn[2]["sent"], turn[1]["ended"])
        text = (self.scratch / "out/report.txt").read_text()
        self.assertRegex(text, r"N counts sessions, which think between two turns")

    def test_a_large_dataset_reaches_the_agents(self):
        with open(self.scratch / "prompts.jsonl", "w") as file:
            for i in range(40_000):
                json.dump({"q": f"Question {i}: " + "why is that so? " * 4, "n": 3, "kind": "even" if i % 2 == 0 else "odd"}, file)
                file.write("\n")
        host = self.quick_host()
        report = self.run_text(plan_text(
            host.url, "dataset: {file: prompts.jsonl, prompt: q, output_tokens: n, class: kind, order: sequential}"),
            "--agents", "2")
        (step,) = report["results"][0]["steps"]
        self.assertEqual([c["name"] for c in step["classes"]], ["even", "odd"])
        self.assertEqual([c["requests"]["completed"] for c in step["classes"]], [30, 30])
        self.assertEqual(report["totals"]["output_tokens"], 180)

    def test_a_mistake_in_a_dataset_names_file_and_line(self):
        (self.scratch / "prompts.jsonl").write_text('{"prompt": "a"}\n{"promt": "b"}\n')
        plan = self.write_plan(plan_text("http://127.0.0.1:1", "dataset: {file: prompts.jsonl}"))
        process = self.kneepoint("run", plan, "--out", self.scratch / "out")
        self.assertEqual(process.wait(20), 2, process.output)
        self.assertIn("prompts.jsonl:2: has no 'prompt'", process.output)
        self.assertFalse((self.scratch / "out").exists())


if __name__ == "__main__":
    harness.main()
