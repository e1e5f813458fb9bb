"""Hosts of disaggregated serving: the stage that gives out is named by the pages of each role, and the knee is the host's own."""

import json
import math
import subprocess

import harness

MODEL = "qwen3-4b-instruct-2507"
STAGES = ("router", "prefill", "kv_transfer", "decode")
PAGES = {"router": ["/metrics"],
         "prefill": ["/prefill/0/metrics", "/prefill/1/metrics"],
         "decode": ["/decode/0/metrics", "/decode/1/metrics"]}


class Roles(harness.TestCase):
    def truth_of(self, profile):
        said = subprocess.run([harness.BIN / "kneepoint-simhost", "--print-truth", "--profile", profile],
                              capture_output=True, check=True)
        return json.loads(said.stdout)

    def judge(self, profile, roles=tuple(PAGES)):
        """Runs a ramp past the knee with the pages of `roles`. Returns the host's truth; the result is kept."""
        truth = self.truth_of(profile)
        host = self.simhost(profile=profile)
        pages = ", ".join(f'{{url: "{host.url}{path}", role: {role}}}' for role in roles for path in PAGES[role])
        workload = truth["workload"]
        plan = self.write_plan(f"""\
kneepoint: 1
name: roles
targets:
  - {{name: host, urls: ["{host.url}"], model: {MODEL}, telemetry: {{metrics: [{pages}]}}}}
scenarios:
  - name: load
    workload: {{synthetic: {{input_tokens: {workload["prompt_tokens"]}}}, output_tokens: {workload["output_tokens"]}}}
    ramp: {{steps: [4, 8, 12, 16, 24, 32], warmup: 3s, hold: 6s}}
""")
        code, report, output = self.run_plan(plan, timeout=300)
        self.assertIn(code, (0, 3), output)
        self.saturation = report["results"][0]["saturation"]
        self.explanation = self.saturation["explanation"]
        self.told = report["results"][0]["steps"][-1]["telemetry"]
        self.assertEqual([each["role"] for each in self.told["roles"]], [role for role in STAGES if role in roles])
        return truth["per_replica"]

    def assert_found(self, truth):
        """The interval holds the true knee; the point, or the middle where no point is claimed, is near it."""
        knee = truth["saturation_concurrency"]
        self.assertIsNotNone(self.saturation["ci95"], self.explanation)
        low, high = self.saturation["ci95"]
        self.assertLessEqual(low, 1.02 * knee)
        self.assertGreaterEqual(high, 0.98 * knee)
        point = self.saturation["concurrency"] or math.sqrt(low * high)
        self.assertAlmostEqual(point, knee, delta=0.3 * knee)

    def assert_gives_out(self, profile, stage):
        truth = self.judge(profile)
        self.assertEqual(truth["gives_out"], stage)
        self.assertEqual(self.saturation["bottleneck"], stage, self.explanation)
        self.assert_found(truth)

    def waiting(self, role):
        return next(each["waiting"] for each in self.told["roles"] if each["role"] == role)

    def test_prefill_gives_out(self):
        self.assert_gives_out("split-prefill", "prefill")
        self.assertGreater(self.waiting("prefill"), 8)

    def test_the_kv_transfer_gives_out(self):
        self.assert_gives_out("split-transfer", "kv_transfer")
        self.assertGreater(self.told["kv_transferring"], 10)
        self.assertLess(self.waiting("decode"), 3, "what is on its way does not wait for decode")

    def test_decode_gives_out(self):
        self.assert_gives_out("split-decode", "decode")
        self.assertGreater(self.waiting("decode"), 8)

    def test_no_stage_is_named_without_the_pages_of_the_one_that_gives_out(self):
        for profile, missing in (("split-prefill", "prefill"), ("split-transfer", "decode")):
            with self.subTest(profile):
                self.assert_found(self.judge(profile, [role for role in PAGES if role != missing]))
                self.assertNotIn(self.saturation["bottleneck"], STAGES, self.explanation)


if __name__ == "__main__":
    harness.main()
