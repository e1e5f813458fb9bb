"""What the hosts say of themselves: scraped, kept, reported, waited for, and watched by guard rails."""

import csv
import http.server
import json
import threading
import time

import harness
from harness import plan_text


class Exporter:
    """Metrics of somebody else: a page that a test can change."""

    def __init__(self, text):
        self.text = text
        exporter = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                body = exporter.text.encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}/metrics"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


def with_rails(plan, *rails):
    """The plan with guard rails, each in YAML's flow style."""
    first, rest = plan.split("\n", 1)
    return f"{first}\nguard_rails:\n" + "".join(f"  - {{{rail}}}\n" for rail in rails) + rest


class TestCase(harness.TestCase):
    def run_text(self, text):
        code, report, self.output = self.run_plan(self.write_plan(text))
        self.assertIsNotNone(report, self.output)
        return code, report

    def finished(self, text):
        """The report of a run that came to its end; whether a busy machine let its rows be valid is no matter here."""
        code, report = self.run_text(text)
        self.assertIn(code, (0, 3), self.output)
        return report

    def out(self, name):
        return (self.scratch / "out" / name).read_text()


class Telemetry(TestCase):
    def test_engine_and_gpus_stand_beside_the_load(self):
        host = self.simhost()
        gpus = f', telemetry: {{gpus: ["{host.url}/gpu/metrics"]}}'
        report = self.finished(plan_text([host.url], steps="[4, 32]", hold="5s", extra_target=gpus))
        low, high = (step["telemetry"] for step in report["results"][0]["steps"])
        self.assertAlmostEqual(low["running"], 4, delta=1)
        self.assertAlmostEqual(high["running"], 24, delta=1)
        self.assertAlmostEqual(high["waiting"], 8, delta=3)
        self.assertGreater(high["queue_time_mean_seconds"], low["queue_time_mean_seconds"])
        self.assertGreater(high["output_tokens_per_second"], 3 * low["output_tokens_per_second"])
        self.assertGreater(high["kv_usage_max_ratio"], 0)
        self.assertEqual(high["preemptions_per_second"], 0)
        for gpu in (low["gpu"], high["gpu"]):
            self.assertGreater(gpu["memory_peak_bytes"], 20e9)  # an A10G's, as vLLM takes it
            self.assertGreater(gpu["power_mean_watts"], 50)
        self.assertLess(high["gpu"]["joules_per_token"], low["gpu"]["joules_per_token"])

        lines = [json.loads(line) for line in self.out("telemetry.jsonl").splitlines()]
        self.assertEqual({line["source"] for line in lines}, {f"{host.url}/metrics", f"{host.url}/gpu/metrics"})
        self.assertEqual({line["target"] for line in lines}, {"host"})
        seconds = [line["second"] for line in lines if line["source"].endswith("/gpu/metrics")]
        self.assertEqual(seconds, sorted(set(seconds)))
        self.assertGreaterEqual(len(seconds), 8)

        text = self.out("report.txt")
        for part in ("What the engine said", "What the GPUs said", "queue time", "J/token", "GiB"):
            self.assertIn(part, text)
        self.assertIn("| running |", self.out("report.md"))
        html = self.out("report.html")
        for part in ('"name":"waiting"', '"name":"GPU power"', "telemetry.gpu.memory_peak_bytes"):
            self.assertIn(part, html)
        (row, _) = csv.DictReader(self.out("steps.csv").splitlines())
        self.assertAlmostEqual(float(row["server_running"]), 4, delta=1)
        self.assertGreater(float(row["gpu_memory_peak_bytes"]), 20e9)

    def test_a_page_that_is_not_there_costs_one_line(self):
        host = self.simhost()
        dead = f"http://127.0.0.1:{harness.free_port()}/metrics"
        report = self.finished(plan_text([host.url], steps="[2]", extra_target=f', telemetry: {{gpus: ["{dead}"]}}'))
        self.assertEqual(self.output.count("No metrics at"), 1, self.output)
        self.assertIsNotNone(report["results"][0]["steps"][0]["telemetry"]["running"])
        self.assertIsNone(report["results"][0]["steps"][0]["telemetry"]["gpu"]["power_mean_watts"])

    def test_telemetry_can_be_switched_off(self):
        host = self.simhost()
        report = self.finished(plan_text([host.url], steps="[2]", extra_target=", telemetry: off"))
        self.assertIsNone(report["results"][0]["steps"][0]["telemetry"])
        self.assertFalse((self.scratch / "out/telemetry.jsonl").exists())
        self.assertNotIn("What the engine said", self.out("report.txt"))


class WaitReady(TestCase):
    def test_the_time_until_a_host_is_ready_is_its_load_time(self):
        started = time.time()
        host = self.simhost("--load-time", "3s")
        wait = f", wait_ready: {{timeout: 30s, started: {started:.3f}}}"
        report = self.finished(plan_text([host.url], steps="[2]", extra_target=wait))
        load = report["results"][0]["load_seconds"]
        self.assertGreaterEqual(load, 3)
        self.assertLess(load, 6 * harness.PATIENCE)
        self.assertIn("is not ready: /health answers with HTTP status 503", self.output)
        self.assertRegex(self.out("report.txt"), r"chat on host, model \S+, loaded in 3\.\d\d s")
        self.assertIn("loaded in 3.", self.out("report.md"))
        self.assertIn("Model load", self.out("report.html"))

    def test_a_host_that_was_ready_has_no_load_time(self):
        host = self.simhost()
        report = self.finished(plan_text([host.url], steps="[2]", extra_target=", wait_ready: 30s"))
        self.assertIsNone(report["results"][0]["load_seconds"])
        self.assertIn("ready at once", self.output)

    def test_a_host_that_never_comes_ends_the_run_before_any_load(self):
        plan = self.write_plan(plan_text([f"http://127.0.0.1:{harness.free_port()}"], extra_target=", wait_ready: 1s"))
        code, report, output = self.run_plan(plan)
        self.assertEqual(code, 2, output)
        self.assertRegex(output, r"target 'host': http://127\.0\.0\.1:\d+ was not ready after 1 s: .*refused")
        self.assertIsNone(report)


class GuardRails(TestCase):
    def stopped(self, text, reason):
        code, report = self.run_text(text)
        self.assertEqual(code, 6, self.output)
        self.assertRegex(report["run"]["stopped_by"], reason)
        self.assertFalse(report["run"]["interrupted"])
        self.assertFalse(report["verdict"]["valid"])
        self.assertIn(report["run"]["stopped_by"], report["verdict"]["reasons"][0])
        return report

    def test_failing_requests_stop_the_run(self):
        host = self.simhost("--reject-above", "6")
        report = self.stopped(
            with_rails(plan_text([host.url], steps="[4, 16]", hold="12s"),
                       "metric: error_ratio, above: 0.2, for: 2s", 'metric: "vllm:num_request_waiting", above: 9'),
            r"guard rail: error_ratio of kneepoint was 0\.\d+ at second \d+, above the limit of 0\.2, 2 times in a row")
        misspelt = "Guard rail vllm:num_request_waiting: no target named it in the first 10 s"
        self.assertEqual(self.output.count(misspelt), 1, self.output)
        first = report["results"][0]["steps"][0]
        self.assertEqual(first["concurrency"], 4)
        self.assertNotIn("INTERRUPTED", first["flags"])
        totals = report["totals"]
        self.assertEqual(totals["started"], totals["completed"] + totals["failed"] + totals["cancelled"])

    def test_slow_first_tokens_stop_the_run(self):
        host = self.simhost()
        self.stopped(with_rails(plan_text([host.url], steps="[64]", hold="30s"), "metric: ttft_p95, above: 300ms"),
                     r"guard rail: ttft_p95 of kneepoint was [\d.]+ at second \d+, above the limit of 0\.3")

    def test_the_targets_own_queue_stops_the_run(self):
        host = self.simhost()
        self.stopped(with_rails(plan_text([host.url], steps="[64]", hold="30s"), "metric: waiting, above: 20"),
                     rf"guard rail: waiting of {host.url}/metrics was \d+ at second \d+")

    def test_another_tenants_queue_stops_the_run(self):
        host = self.simhost()
        other = Exporter('vllm:num_requests_waiting{model_name="theirs"} 3\n')
        self.addCleanup(other.stop)
        timer = threading.Timer(4, lambda: setattr(other, "text", 'vllm:num_requests_waiting{model_name="theirs"} 21\n'))
        timer.start()
        self.addCleanup(timer.cancel)
        report = self.stopped(
            with_rails(plan_text([host.url], steps="[64]", hold="60s"),
                       f'metric: "vllm:num_requests_waiting", above: 20, url: "{other.url}"'),
            rf"guard rail: vllm:num_requests_waiting of {other.url} was 21 at second \d+, above the limit of 20")
        # The target's own queue of 40 is not what the rail looks at, nor are the other's requests the target's.
        self.assertAlmostEqual(report["results"][0]["steps"][0]["telemetry"]["running"], 24, delta=2)

    def test_what_a_bystander_feels_stops_the_run(self):
        host = self.simhost()
        text = with_rails(plan_text([host.url], steps="[64]", hold="30s"), "metric: bystander_ttft_seconds, above: 300ms, for: 2s")
        first, _, rest = text.partition("\n")
        self.stopped(f"{first}\nbystander: {{every: 500ms}}\n{rest}",
                     r"guard rail: bystander_ttft_seconds of bystander was [\d.]+ at second \d+, above the limit of 0\.3")


class BesideTheLoad(TestCase):
    def test_a_bystander_feels_the_queue_and_is_no_load(self):
        host = self.simhost()  # 24 slots
        text = plan_text([host.url], steps="[1, 48]", hold="8s")
        first, _, rest = text.partition("\n")
        code, report = self.run_text(f"{first}\nbystander: {{every: 500ms}}\n{rest}")
        self.assertIn(code, (0, 3), self.output)
        alone, full = report["results"][0]["steps"]
        for step in (alone, full):
            self.assertGreaterEqual(step["bystander"]["requests"], 10)
            self.assertEqual(step["bystander"]["failed"], 0)
            self.assertEqual(step["telemetry"]["page"]["state"], "covered", step["telemetry"]["page"])
            self.assertAlmostEqual(step["telemetry"]["page"]["requests_ratio"], 1, delta=0.1)
        # It waits where the load waits, and for as long.
        self.assertLess(alone["bystander"]["ttft_p50_seconds"], 0.1)
        self.assertGreater(full["bystander"]["ttft_p50_seconds"], 0.5 * full["ttft_seconds"]["p50"])
        # The host has answered them; the run counts none of them.
        answered = host.load_stats()["requests"]["completed"]
        self.assertGreater(answered, report["totals"]["completed"] + 30)
        said = (self.scratch / "out/report.txt").read_text()
        self.assertIn("What others feel: requests beside the load", said)
        self.assertIn("bystander_ttft_p50_seconds", (self.scratch / "out/steps.csv").read_text())


if __name__ == "__main__":
    harness.main()
