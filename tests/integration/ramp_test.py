"""A ramp from YAML to a report, through real gRPC and real HTTP streams."""

import csv
import os
import pathlib
import re
import signal
import time
import unittest
import urllib.request

import harness
from harness import ROOT, plan_text

LATENCY_FIELDS = {"count", "mean", "stddev", "p50", "p90", "p95", "p99", "min", "max"}


class Ramp(harness.TestCase):
    def test_counts_equal_the_hosts_own(self):
        host = self.simhost()
        plan = self.write_plan(plan_text([host.url], steps="[1, 4]"))
        code, report, output = self.run_plan(plan, "--agents", "2")
        self.assert_ran(code, output)
        stats = host.load_stats()
        totals = report["totals"]
        self.assertGreater(totals["started"], 20)
        self.assertEqual(totals["started"], stats["requests"]["received"])
        self.assertEqual(totals["completed"], stats["requests"]["completed"])
        self.assertEqual(totals["failed"], 0)
        self.assertEqual(totals["output_tokens"], stats["tokens"]["output_sent"])

    def test_report_has_every_documented_name(self):
        host = self.simhost()
        plan = self.write_plan(plan_text([host.url], steps="[2, 4]", slo="    slo: {ttft: {p95: 500ms}}\n"))
        code, report, output = self.run_plan(plan)
        self.assert_ran(code, output)
        self.assertEqual(report["schema"], "kneepoint.report/1")
        self.assertLessEqual({"id", "name", "started_at", "version"}, report["run"].keys())
        self.assertLessEqual({"valid", "reasons"}, report["verdict"].keys())
        self.assertLessEqual({"started", "completed", "failed", "output_tokens"}, report["totals"].keys())
        (result,) = report["results"]
        self.assertEqual((result["target"], result["scenario"]), ("host", "chat"))
        self.assertLessEqual({"concurrency", "ci95", "lower_bound", "max_output_tokens_per_second", "knee_kind",
                              "bottleneck"}, result["saturation"].keys())
        self.assertEqual([c["name"] for c in result["slo"]["criteria"]], ["ttft_p95"])
        self.assertEqual([s["concurrency"] for s in result["steps"]], [2, 4])
        for step in result["steps"]:
            self.assertLessEqual(
                {"concurrency", "achieved_concurrency", "attempt", "valid", "state", "flags", "note",
                 "duration_seconds", "requests", "requests_per_second", "output_tokens_per_second", "ttft_seconds",
                 "ttfo_seconds", "tpot_seconds", "icl_seconds", "e2e_seconds", "token_source", "generator",
                 "replicas"}, step.keys())
            for latency in ("ttft_seconds", "tpot_seconds", "icl_seconds", "e2e_seconds", "ttfo_seconds"):
                self.assertLessEqual(LATENCY_FIELDS, step[latency].keys())
                self.assertGreater(step[latency]["mean"], 0)
            self.assertLessEqual({"cpu_us_per_token", "cpu_seconds", "rx_lag_p99_seconds", "loop_gap_p99_seconds",
                                  "send_lag_p99_seconds", "multi_event_read_ratio"}, step["generator"].keys())
            self.assertGreater(step["generator"]["cpu_us_per_token"], 0)
            self.assertAlmostEqual(step["achieved_concurrency"], step["concurrency"], delta=0.05)
            self.assertEqual(set(step["requests"]["by_outcome"]),
                             {"success", "rejected", "http_4xx", "http_5xx", "dns", "connect", "tls", "timeout",
                              "stream", "parse", "cancelled", "error_at_200", "aborted", "empty", "truncated",
                              "unread"})
            self.assertAlmostEqual(step["duration_seconds"], 3, delta=0.01)

    def test_the_run_directory_holds_everything(self):
        host = self.simhost()
        plan = self.write_plan(plan_text([host.url], steps="[2]"))
        code, report, output = self.run_plan(plan)
        self.assert_ran(code, output)
        out = self.scratch / "out"
        self.assertEqual((out / "plan.yaml").read_text(), plan.read_text())
        self.assertIn("What is a transformer?", (out / "plan.yaml").read_text())
        self.assertIn("TTFT", (out / "report.txt").read_text())
        self.assertIn("| ", (out / "report.md").read_text())
        with open(out / "steps.csv", newline="") as file:
            rows = list(csv.DictReader(file))
        self.assertEqual([row["concurrency"] for row in rows], ["2"])
        # The report can be rendered again from its data.
        again = self.kneepoint("report", out, "--full")
        self.assertEqual(again.wait(), 0, again.output)
        self.assertTrue(again.output.startswith((out / "report.txt").read_text().strip()), again.output)

    def test_default_directory_and_latest_link(self):
        host = self.simhost()
        plan = self.write_plan(plan_text([host.url], steps="[1]", hold="1s"))
        os.chdir(self.scratch)
        self.addCleanup(os.chdir, ROOT)
        process = self.kneepoint("run", plan, "--serve", "none")
        self.assertIn(process.wait(), (0, 3), process.output)
        latest = self.scratch / "runs" / "latest"
        self.assertTrue(latest.is_symlink())
        self.assertRegex(os.readlink(latest), r"^\d{8}T\d{6}Z-test$")
        self.assertTrue((latest / "report.json").exists())

    def test_a_step_bounded_by_requests_makes_exactly_those(self):
        host = self.simhost()
        plan = self.write_plan(plan_text([host.url], steps="[1, 3]", requests=10))
        code, report, output = self.run_plan(plan, "--agents", "2")
        self.assertIn(code, (0, 3), output)
        self.assertEqual(host.load_stats()["requests"]["received"], 20)
        for step in report["results"][0]["steps"]:
            self.assertEqual(step["requests"]["completed"], 10)
            self.assertIsNone(step["output_tokens_per_second"]["ci95"])
            self.assertIsNotNone(step["ttft_seconds"]["stddev"])

    def test_answers_that_are_not_streamed_have_no_ttft(self):
        host = self.simhost()
        plan = self.write_plan(plan_text([host.url], steps="[2]", workload_extra=", stream: false"))
        code, report, output = self.run_plan(plan)
        self.assertIn(code, (0, 3), output)
        (step,) = report["results"][0]["steps"]
        self.assertEqual(step["ttft_seconds"]["count"], 0)
        self.assertIsNone(step["ttft_seconds"]["mean"])
        self.assertGreater(step["e2e_seconds"]["count"], 0)
        self.assertEqual(report["totals"]["output_tokens"], host.stats()["tokens"]["output_sent"])

    def test_replicas_have_rows_of_their_own(self):
        first, second = self.simhost(), self.simhost()
        plan = self.write_plan(plan_text([first.url, second.url], steps="[4]"))
        code, report, output = self.run_plan(plan)
        self.assert_ran(code, output)
        (step,) = report["results"][0]["steps"]
        self.assertEqual(len(step["replicas"]), 2)
        self.assertEqual(sum(r["requests"]["completed"] for r in step["replicas"]), step["requests"]["completed"])
        for replica in step["replicas"]:
            self.assertGreater(replica["requests"]["completed"], 5)

    def test_proxies_named_in_the_environment_are_left_out(self):
        nobody = f"http://127.0.0.1:{harness.free_port()}"
        names = ("http_proxy", "https_proxy", "all_proxy")
        env = {n: nobody for name in names for n in (name, name.upper())} | {"no_proxy": "", "NO_PROXY": ""}
        host = self.simhost()
        # The load, what is asked before it, and the metrics beside it.
        plan = self.write_plan(plan_text([host.url], steps="[2]", extra_target=", wait_ready: 5s"))
        code, report, output = self.run_plan(plan, env=env)
        self.assert_ran(code, output)
        self.assertEqual(report["totals"]["failed"], 0)
        self.assertGreater(report["totals"]["completed"], 0)
        self.assertEqual(report["totals"]["started"], host.load_stats()["requests"]["received"])
        self.assertIsNotNone(report["results"][0]["steps"][0]["telemetry"], output)

    def test_metrics_while_it_runs(self):
        host = self.simhost()
        plan = self.write_plan(plan_text([host.url], steps="[2, 4]", hold="4s"))
        port = harness.free_port()
        process = self.kneepoint("run", plan, "--out", self.scratch / "out", "--serve", f"127.0.0.1:{port}",
                                 "--linger", "20s")
        url = f"http://127.0.0.1:{port}/metrics"
        deadline = time.monotonic() + 30 * harness.PATIENCE
        text = ""
        while "kneepoint_step_output_tokens_per_second{" not in text and time.monotonic() < deadline:
            try:
                text = urllib.request.urlopen(url, timeout=5).read().decode()
            except OSError:
                pass
            time.sleep(0.2)
        self.assertIn("kneepoint_step_output_tokens_per_second{", text)
        self.assertRegex(text, r'kneepoint_requests_total\{[^}]*outcome="success"[^}]*\} [1-9]')
        self.assertRegex(text, r'kneepoint_time_to_first_token_seconds_count(\{[^}]*\})? [1-9]')
        # It lingers until it has been scraped twice after the end, then leaves.
        process.wait_for(r"report", timeout=60)
        while process.child.poll() is None and time.monotonic() < deadline + 60 * harness.PATIENCE:
            try:
                urllib.request.urlopen(url, timeout=5).read()
            except OSError:
                pass
            time.sleep(0.1)
        self.assert_ran(process.wait(), process.output)


class Interrupted(harness.TestCase):
    def test_ctrl_c_keeps_and_reports_what_was_measured(self):
        host = self.simhost()
        plan = self.write_plan(plan_text([host.url], steps="[2, 4]", hold="6s"))
        out = self.scratch / "out"
        process = self.kneepoint("run", plan, "--out", out, "--serve", "none")
        process.wait_for(r"(?m)^\s+2\s+[12]\.\d", timeout=30)  # the first row
        process.signal(signal.SIGINT)
        self.assertEqual(process.wait(30), 130, process.output)
        report = self.report(out)
        self.assertEqual(report["results"][0]["steps"][0]["concurrency"], 2)
        self.assertTrue(report["results"][0]["steps"][0]["valid"])
        stats = host.load_stats()
        self.assertEqual(report["totals"]["started"], stats["requests"]["received"])


    def test_a_second_ctrl_c_waits_for_no_request_and_leaves_no_load(self):
        host = self.simhost()
        # Each answer takes longer than the run may last.
        plan = self.write_plan(plan_text([host.url], steps="[3]", hold="60s", output_tokens=20000))
        out = self.scratch / "out"
        process = self.kneepoint("run", plan, "--no-preflight", "--out", out, "--serve", "none")
        harness.wait_until(lambda: host.stats()["requests"]["in_flight"] == 3, "the load", 30)
        process.signal(signal.SIGINT)
        process.wait_for("once more stops at once")
        self.assertIsNone(process.child.poll(), "running requests may finish")
        process.signal(signal.SIGINT)
        self.assertEqual(process.wait(9), 130, process.output)
        self.assertTrue(self.report(out)["run"]["interrupted"])
        harness.wait_until(lambda: host.stats()["requests"]["in_flight"] == 0, "the load ends", 10)


class BadInput(harness.TestCase):
    def refused(self, *arguments, pattern, code=2, env=None):
        process = self.kneepoint(*arguments, env=env)
        self.assertEqual(process.wait(20), code, process.output)
        self.assertRegex(process.output, pattern)
        self.assertEqual(len(process.output.strip().splitlines()), 1, process.output)

    def test_a_plan_error_is_one_line_with_its_place(self):
        plan = self.write_plan(plan_text(["http://127.0.0.1:1"]).replace("ramp:", "rmap:"))
        self.refused("run", plan, "--out", self.scratch / "out", pattern=r"plan\.yaml:8:5: .*rmap.*ramp")
        self.refused("validate", plan, pattern=r"plan\.yaml:8:5: .*rmap.*ramp")
        self.assertFalse((self.scratch / "out").exists())

    def test_a_missing_plan(self):
        self.refused("run", self.scratch / "none.yaml", pattern="none.yaml")

    def test_an_unwritable_run_directory(self):
        plan = self.write_plan(plan_text(["http://127.0.0.1:1"]))
        blocker = self.scratch / "file"
        blocker.write_text("")
        self.refused("run", plan, "--out", blocker / "out", "--no-preflight", pattern=re.escape(str(blocker)))

    def test_a_missing_environment_variable(self):
        plan = self.write_plan(plan_text(["http://127.0.0.1:1"], extra_target=", auth: {env: KNEEPOINT_TEST_ABSENT}"))
        self.refused("run", plan, "--out", self.scratch / "out", pattern="KNEEPOINT_TEST_ABSENT")

    def test_an_unknown_option(self):
        self.refused("run", "plan.yaml", "--no-such-option", pattern="no-such-option")

    def test_validate_prints_the_plan(self):
        for name in ("demo", "smoke", "experiment-a", "experiment-b"):
            process = self.kneepoint("validate", ROOT / "configs" / f"{name}.yaml")
            self.assertEqual(process.wait(20), 0, process.output)
            self.assertRegex(process.output, r"(?i)steps?")


if __name__ == "__main__":
    harness.main()
