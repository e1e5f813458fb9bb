"""Hosts that count wrongly, gateways that keep answers back, hosts that leave requests hanging: said, and no figure."""

import harness
from harness import plan_text

SLO = "    slo: {ttft: {p95: 2s}, tpot: {p95: 5ms}}\n"
# In a gateway's place are these, which a host does by itself.
FLAGS = {"BUFFERED", "FLUSHED", "COUNTS_DIFFER", "TPOT_UNKNOWN", "HANGING"}


class Counts(harness.TestCase):
    def step(self, *arguments, blind=False, profile="demo", **plan):
        """One row of a run against a host with `arguments`. @param blind the engine's metrics are not read."""
        host = self.simhost(*arguments, profile=profile)
        if blind:
            plan["extra_target"] = plan.get("extra_target", "") + ", telemetry: off"
        plan.setdefault("steps", "[4]")
        code, report, output = self.run_plan(self.write_plan(plan_text([host.url], **plan)))
        self.assertIsNotNone(report, output)
        (step,) = report["results"][0]["steps"]
        self.code, self.report_, self.output = code, report, output
        self.reasons = "; ".join(report["verdict"]["reasons"])
        return step

    def about(self, step, what=0.08):
        """The truth of four streams of the demo host: a token each in 9.3 ms, and a first one after 18."""
        self.assertIsNotNone(step["output_tokens_per_second"]["value"], self.output)
        truth = 4 * 48 / (0.0185 + 47 * 0.00927)
        if not harness.sanitized():
            self.assertAlmostEqual(step["output_tokens_per_second"]["value"] / truth, 1, delta=what, msg=self.output)

    # What a server counts.

    def test_reasoning_that_is_counted_twice(self):
        step = self.step("--usage-habit", "reasoning_twice", "--reasoning-tokens", "24")
        self.about(step)
        self.assertEqual(step["token_count"]["state"], "corrected", self.output)
        self.assertEqual(step["token_source"], "chunks")
        self.assertIn("witnesses_differ", [r["code"] for r in self.report_["verdict"]["remarks"]])
        self.assertIn("counted twice", self.reasons)
        self.assertIsNone(step["tpot_seconds"]["p50"])

    def test_reasoning_that_is_counted_twice_where_the_engine_says_nothing(self):
        step = self.step("--usage-habit", "reasoning_twice", "--reasoning-tokens", "24", blind=True, slo=SLO)
        self.about(step)
        self.assertEqual(self.code, 3, self.output)
        self.assertNotEqual(step["slo"][1]["state"], "PASS")

    def test_usage_that_holds_the_prompt(self):
        step = self.step("--usage-habit", "with_prompt", blind=True)
        self.about(step)
        self.assertEqual(self.code, 3, self.output)
        self.assertIn("usage", self.reasons)
        self.assertIn("chunks", self.reasons)

    def test_ten_times_what_was_made(self):
        self.about(self.step("--usage-habit", "tenfold"))

    def test_bytes_divided_by_four(self):
        step = self.step("--usage-habit", "quarter", blind=True)
        self.about(step)
        self.assertEqual(step["token_count"]["state"], "corrected", self.output)

    def test_zeros_are_no_count(self):
        for habit in ("zeros", "zeros_until_last", "per_chunk"):
            with self.subTest(habit):
                step = self.step("--usage-habit", habit, blind=True)
                self.about(step)
                self.assertIsNotNone(step["tpot_seconds"]["p50"], self.output)
                self.assertFalse(FLAGS & set(step["flags"]), self.output)

    def test_counts_that_begin_again_are_none(self):
        step = self.step("--usage-habit", "restarts", "--reasoning-tokens", "24", blind=True)
        self.about(step)

    def test_two_tokens_a_chunk_and_no_usage(self):
        step = self.step("--usage", "none", "--tokens-per-chunk", "2", blind=True)
        tokens = step["output_tokens_per_second"]
        self.assertIsNone(tokens["value"], self.output)
        self.assertTrue(tokens["ci95"][0] < 300 and tokens["ci95"][1] > 390, tokens)
        self.assertEqual(self.code, 3)
        self.assertFalse(self.report_["verdict"]["valid"])
        self.assertIsNone(step["tpot_seconds"]["p50"])

    def test_two_tokens_a_chunk_and_an_engine_that_counts(self):
        self.about(self.step("--usage", "none", "--tokens-per-chunk", "2"))

    def test_hidden_reasoning_makes_no_fast_tokens(self):
        step = self.step("--usage", "final", "--reasoning-tokens", "36", "--hide-reasoning", slo=SLO)
        self.assertIsNone(step["tpot_seconds"]["p50"], self.output)
        self.assertEqual(step["slo"][1]["state"], "INDETERMINATE", self.output)
        self.assertIn("hidden reasoning", "; ".join(step["reasons"]))

    def test_hidden_reasoning_that_is_counted_as_it_comes(self):
        step = self.step("--reasoning-tokens", "36", "--hide-reasoning", slo=SLO)
        if not harness.sanitized():
            self.assertAlmostEqual(step["tpot_seconds"]["p50"], 0.0093, delta=0.001, msg=self.output)
        self.assertEqual(step["slo"][1]["state"], "FAIL", self.output)

    # What lies between.

    def test_a_gateway_that_buffers(self):
        step = self.step("--buffer", slo=SLO)
        self.assertIn("BUFFERED", step["flags"], self.output)
        self.assertNotIn("CLIENT_BOUND", step["flags"], self.output)
        self.assertNotIn("LITTLES_LAW", step["flags"], self.output)
        for times in ("ttft_seconds", "tpot_seconds", "icl_seconds"):
            self.assertIsNone(step[times]["p50"])
        self.assertEqual([check["state"] for check in step["slo"]], ["INDETERMINATE"] * 2)
        self.assertIn("one piece", self.reasons)
        self.about(step)

    def test_a_gateway_that_flushes_on_a_timer(self):
        step = self.step("--flush", "100ms", output_tokens=96)
        self.assertIn("FLUSHED", step["flags"], self.output)
        self.assertAlmostEqual(step["delivery"]["flush_seconds"], 0.1, delta=0.01)
        self.assertNotIn("CLIENT_BOUND", step["flags"], self.output)
        self.assertIn("buffer", self.reasons)

    def test_what_hosts_do_by_themselves_is_no_gateway(self):
        controls = {"plain": ((), {}), "not streamed": ((), {"workload_extra": ", stream: false"}),
                    "speculative": (("--speculative", "4", "--acceptance", "0.7"), {}),
                    "short": ((), {"output_tokens": 4}), "ticks": (("--a", "100ms"), {"output_tokens": 12}),
                    "stalls": (("--fault", "stall=0.2", "--stall-time", "200ms"), {}),
                    "chunks of four": (("--tokens-per-chunk", "4"), {}),
                    "reasoning": (("--reasoning-tokens", "24"), {})}
        for name, (arguments, plan) in controls.items():
            with self.subTest(name):
                step = self.step(*arguments, **plan)
                self.assertFalse(FLAGS & set(step["flags"]), self.output)
                self.assertEqual(step["token_count"]["state"], "confirmed", self.output)

    def test_connections_beyond_a_limit_hang(self):
        step = self.step("--serve-connections", "8", blind=True, steps="[16]", extra_target=", request_timeout: 8s")
        self.assertIn("HANGING", step["flags"], self.output)
        self.assertNotIn("LITTLES_LAW", step["flags"], self.output)
        self.assertAlmostEqual(step["hanging"], 8, delta=0.5)
        self.assertIn("8 are served, the rest hang", self.reasons)
        self.assertEqual(self.code, 3)

    def test_requests_that_never_get_an_answer_are_named(self):
        step = self.step("--serve-connections", "2", blind=True, extra_target=", request_timeout: 1s", hold="4s")
        self.assertGreater(step["unanswered"], 0, self.output)
        self.assertIn("never got an answer", self.reasons)


if __name__ == "__main__":
    harness.main()
