"""Every bottleneck that the tool can name, provoked on the simulated host and named by a whole run."""

import contextlib
import os
import signal
import threading

import harness

MODEL = "qwen3-4b-instruct-2507"


class Starver:
    """Keeps the coordinator's agent off the CPU for half of the time."""

    def __init__(self, coordinator):
        self.coordinator = coordinator
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self._thread.start()

    def __exit__(self, *_):
        self._over.set()
        self._thread.join()

    def _run(self):
        while not self._over.wait(0.05):
            agent = harness.local_agent_of(self.coordinator.child.pid)
            if agent is None:
                continue
            with contextlib.suppress(ProcessLookupError):
                os.kill(agent, signal.SIGSTOP)
                self._over.wait(0.05)
                os.kill(agent, signal.SIGCONT)


class Bottlenecks(harness.TestCase):
    def plan(self, urls, steps, workload, hold="8s", telemetry=""):
        listed = ", ".join(f'"{url}"' for url in urls)
        return self.write_plan(f"""\
kneepoint: 1
name: bottleneck
targets:
  - {{name: host, urls: [{listed}], model: {MODEL}, connect_timeout: 2s{telemetry}}}
scenarios:
  - name: load
    workload: {{{workload}}}
    ramp: {{steps: {steps}, warmup: 4s, hold: {hold}}}
""")

    def judge(self, host, steps, workload, urls=None, gpus=True, starve=False, **options):
        telemetry = f', telemetry: {{gpus: ["{host.url}/gpu/metrics"]}}' if gpus else ", telemetry: off"
        plan = self.plan(urls or [host.url], steps, workload, telemetry=telemetry, **options)
        out = self.scratch / "out"
        for _ in range(3):
            process = self.kneepoint("run", plan, "--out", out, "--force", "--serve", "none", "--no-preflight")
            with Starver(process) if starve else contextlib.nullcontext():
                code = process.wait(400)
            self.assertIn(code, (0, 3), process.output)
            self.rows = self.report(out)["results"][0]
            # A machine that is busy with other things starves the agent, too, and the run rightly says so: once more.
            if starve or not any("CLIENT_BOUND" in row["flags"] for row in self.rows["steps"]):
                break
        saturation = self.rows["saturation"]
        self.explanation = saturation["explanation"]
        return saturation["bottleneck"]

    SHORT = 'prompts: ["What is a transformer?"], output_tokens: 64'

    def test_queue_slots(self):
        host = self.simhost()
        self.assertEqual(self.judge(host, "[6, 12, 24, 48]", self.SHORT), "queue_slots", self.explanation)
        self.assertRegex(self.explanation, r"24(\.\d)? run .* wait in the server's queue")
        self.assertNotIn("ruled out", self.explanation)

    def test_queue_slots_without_any_telemetry(self):
        host = self.simhost()
        self.assertEqual(self.judge(host, "[6, 12, 24, 48]", self.SHORT, gpus=False), "queue_slots", self.explanation)
        self.assertIn("Requests wait for a slot while decoding is as fast as before", self.explanation)
        self.assertIn("KV cache, prefill and something before the engine cannot be ruled out", self.explanation)

    def test_kv_cache(self):
        host = self.simhost(profile="kv-bound")
        found = self.judge(host, "[12, 24, 48, 64]", "synthetic: {input_tokens: 256}, output_tokens: 256", hold="12s")
        self.assertEqual(found, "kv_cache", self.explanation)
        self.assertRegex(self.explanation, r"requests a second were preempted|full on average")

    def test_compute(self):
        host = self.simhost(profile="prefill-bound")
        found = self.judge(host, "[2, 4, 8, 16]", "synthetic: {input_tokens: 1024}, output_tokens: 32")
        self.assertEqual(found, "compute", self.explanation)
        self.assertIn("prompt and", self.explanation)

    def test_memory_bandwidth(self):
        # Every sequence adds 2 ms of KV reads to an iteration of 4 ms: a soft knee at 18, far below the slots.
        host = self.simhost("--slots", "512", "--a", "4ms", "--c", "10us", "--d", "2us", "--e", "4000",
                            "--kv-tokens", "4000000")
        found = self.judge(host, "[4, 10, 20, 40]", "synthetic: {input_tokens: 500}, output_tokens: 32", hold="15s")
        self.assertEqual(found, "memory_bandwidth", self.explanation)

    def test_admission(self):
        host = self.simhost("--reject-above", "20")
        self.assertEqual(self.judge(host, "[8, 16, 32]", self.SHORT), "admission", self.explanation)
        self.assertIn("HTTP 429 or 503", self.explanation)

    def test_errors(self):
        host = self.simhost("--fault", "error_in_stream=0.2")
        self.assertEqual(self.judge(host, "[4, 8, 16]", self.SHORT), "errors", self.explanation)

    def test_network(self):
        host = self.simhost()
        urls = [host.url, f"http://127.0.0.1:{harness.free_port()}"]
        self.assertEqual(self.judge(host, "[4, 8]", self.SHORT, urls=urls), "network", self.explanation)
        self.assertIn("while connecting", self.explanation)

    def test_a_starved_agent_is_the_client_and_never_the_knee(self):
        host = self.simhost()
        found = self.judge(host, "[4, 16, 32, 64]", self.SHORT, starve=True)
        self.assertEqual(found, "client", self.explanation)
        self.assertIsNone(self.rows["saturation"]["concurrency"])
        for row in self.rows["steps"]:
            self.assertFalse(row["valid"], row)
            self.assertIn("CLIENT_BOUND", row["flags"])


if __name__ == "__main__":
    harness.main()
