"""Runs as benchmark reports of llm-d-benchmark, and Kneepoint as its harness. Held against a schema of the parts that are written;
theirs is no file of ours (docs/report.md says when it was tried). Needs Debian's python3-yaml and python3-jsonschema."""

import copy
import json
import os
import pathlib
import re
import subprocess
import sys

import harness
from harness import BIN, ROOT, plan_text

try:
    import jsonschema
    import yaml
except ImportError as missing:
    print(f"SKIPPED: {missing} (./dev setup test installs it)")
    sys.exit(77)

SCHEMA = jsonschema.Draft202012Validator(json.loads((pathlib.Path(__file__).parent / "llmd_report.schema.json").read_text()))
HARNESS = ROOT / "deploy/llm-d-benchmark"
# So slow that a busy machine measures it well.
SLOW = ("--a", "60ms")


def faults(document):
    return [f"{fault.json_path}: {fault.message[:200]}" for fault in SCHEMA.iter_errors(document)]


def documents(folder):
    """By stage, as YAML 1.1 is read."""
    found = {}
    for path in pathlib.Path(folder).glob("benchmark_report_v0.2,_*.yaml"):
        found[int(re.search(r"_stage_(\d+)\.yaml$", path.name)[1])] = yaml.safe_load(path.read_text())
    return dict(sorted(found.items()))


class LlmdReports(harness.TestCase):
    def documents_of(self, report):
        """All of a run's documents, each of which fits."""
        out = self.scratch / "llm-d"
        told = self.kneepoint("report", self.scratch / "out", "--quiet", "--llm-d", out)
        self.assertEqual(told.wait(), 0, told.output)
        self.assertEqual(len(told.lines), 1, told.output)
        found = documents(out)
        rows = [step for result in report["results"] for step in result["steps"] + result["after"]]
        self.assertEqual(list(found), [i for i, step in enumerate(rows) if step["valid"]])
        self.assertTrue(found)
        for stage, document in found.items():
            self.assertEqual(faults(document), [], stage)
        return [(document, rows[stage]) for stage, document in found.items()]

    def test_each_valid_row_is_a_report_with_the_rows_figures(self):
        host = self.simhost(*SLOW)
        plan = self.write_plan(plan_text([host.url], steps="[2, 4]", hold="4s", output_tokens=16)
                               .replace('prompts: ["What is a transformer?"]', "synthetic: {input_tokens: 200}"))
        _, report, output = self.run_plan(plan)
        self.assertIsNotNone(report, output)
        for document, step in self.documents_of(report):
            load = document["scenario"]["load"]["standardized"]
            self.assertEqual((load["concurrency"], load["source"], load["parallelism"]), (step["concurrency"], "random", 1))
            self.assertAlmostEqual(load["input_seq_len"]["value"], 200, delta=20)
            self.assertEqual(document["scenario"]["stack"][0]["standardized"]["model"]["name"], "qwen3-4b-instruct-2507")
            aggregate = document["results"]["request_performance"]["aggregate"]
            self.assertEqual(aggregate["requests"]["total"], step["requests"]["completed"] + step["requests"]["failed"])
            self.assertAlmostEqual(aggregate["requests"]["output_length"]["mean"], 16, delta=0.5)
            for theirs, ours in (("time_to_first_token", "ttft_seconds"), ("time_per_output_token", "tpot_seconds"),
                                 ("inter_token_latency", "icl_seconds"), ("request_latency", "e2e_seconds")):
                for figure, value in aggregate["latency"][theirs].items():
                    if figure != "units":
                        self.assertAlmostEqual(value, step[ours][figure], delta=1e-8, msg=f"{theirs} {figure}")
            # Of a host that takes 60 ms a token, in seconds.
            self.assertAlmostEqual(aggregate["latency"]["time_per_output_token"]["mean"], 0.06, delta=0.03)
            rates = {name: rate["mean"] for name, rate in aggregate["throughput"].items()}
            self.assertAlmostEqual(rates["output_token_rate"], step["output_tokens_per_second"]["value"], places=6)
            self.assertAlmostEqual(rates["request_rate"], step["requests_per_second"]["value"], places=6)
            self.assertAlmostEqual(rates["input_token_rate"], 200 * rates["request_rate"], delta=20 * rates["request_rate"])
            self.assertAlmostEqual(rates["total_token_rate"], rates["input_token_rate"] + rates["output_token_rate"], places=5)

    def test_an_open_loop_tells_its_rate(self):
        host = self.simhost(*SLOW)
        plan = self.write_plan(re.sub(r"ramp: .*", "ramp: {rate: [5], max_in_flight: 64, warmup: 2s, hold: 5s}",
                                      plan_text([host.url], output_tokens=8)))
        _, report, output = self.run_plan(plan)
        self.assertIsNotNone(report, output)
        for document, _ in self.documents_of(report):
            load = document["scenario"]["load"]["standardized"]
            self.assertEqual(load["rate_qps"], 5)
            self.assertNotIn("concurrency", load)

    def test_without_a_valid_row_nothing_is_written(self):
        host = self.simhost()
        _, report, output = self.run_plan(self.write_plan(plan_text([host.url], steps="[1]", hold="2s", output_tokens=8)))
        self.assertIsNotNone(report, output)
        for step in report["results"][0]["steps"]:
            step["valid"] = False
        changed = self.scratch / "report.json"
        changed.write_text(json.dumps(report))
        told = self.kneepoint("report", changed, "--llm-d", self.scratch / "llm-d")
        self.assertEqual(told.wait(), 2, told.output)
        self.assertEqual(told.lines, [f"kneepoint: {changed}: none of its rows is valid: there is nothing for --llm-d to write"])
        self.assertFalse((self.scratch / "llm-d").exists())


class Schema(harness.TestCase):
    def test_it_refuses_what_would_mislead(self):
        host = self.simhost(*SLOW)
        self.run_plan(self.write_plan(plan_text([host.url], steps="[2]", hold="3s", output_tokens=8)))
        self.assertEqual(self.kneepoint("report", self.scratch / "out", "--llm-d", self.scratch / "llm-d").wait(), 0)
        (good,) = documents(self.scratch / "llm-d").values()
        self.assertEqual(faults(good), [])
        for path, value in ((("version",), "0.2"), (("run", "uid"), 7), (("scenario", "load", "standardized", "concurrency"), 2.5),
                            (("results", "request_performance", "aggregate", "latency", "time_to_first_token", "units"), "ms"),
                            (("results", "request_performance", "aggregate", "latency", "time_to_first_token", "mean"), "1e-05"),
                            (("results", "request_performance", "aggregate", "throughput", "goodput"), {})):
            bad = copy.deepcopy(good)
            inner = bad
            for key in path[:-1]:
                inner = inner[key]
            inner[path[-1]] = value
            with self.subTest(path):
                self.assertTrue(faults(bad))


class LlmdHarness(harness.TestCase):
    """The scripts, called as the launcher of llm-d-benchmark calls them."""

    def setUp(self):
        super().setUp()
        self.results = self.scratch / "requests/kneepoint-1_1"
        self.environment = {
            **os.environ, "PATH": f"{BIN}:{os.environ['PATH']}", "LLMDBENCH_RUN_WORKSPACE_DIR": str(self.scratch / "workspace"),
            "LLMDBENCH_RUN_EXPERIMENT_RESULTS_DIR": str(self.results), "LLMDBENCH_RUN_EXPERIMENT_ID": "kneepoint-1795290355-abc123",
            "LLMDBENCH_RUN_EXPERIMENT_HARNESS_WORKLOAD_NAME": "concurrent.yaml", "LLMDBENCH_HARNESS_NAME": "kneepoint",
            "LLMDBENCH_DEPLOY_CURRENT_MODEL": "qwen3-4b-instruct-2507", "LLMDBENCH_VLLM_COMMON_NAMESPACE": "llmdbench"}

    def render(self, url):
        """The profile, as their renderer fills it in, and shorter."""
        self.environment["LLMDBENCH_HARNESS_STACK_ENDPOINT_URL"] = url
        text = re.sub(r"REPLACE_ENV_(\w+)", lambda token: self.environment[token[1]], (HARNESS / "concurrent.yaml.in").read_text())
        for long, short in (("steps: [1, 2, 4, 8, 16, 32, 64]", "steps: [1, 2]"), ("warmup: 30s", "warmup: 1s"),
                            ("hold: 90s", "hold: 3s"), ("output_tokens: 1024", "output_tokens: 16")):
            self.assertIn(long, text)
            text = text.replace(long, short)
        profile = self.scratch / "workspace/profiles/kneepoint/concurrent.yaml"
        profile.parent.mkdir(parents=True)
        profile.write_text(text)

    def call(self, script):
        return subprocess.run([HARNESS / script], env=self.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=120 * harness.PATIENCE, check=False)

    def test_it_leaves_reports_where_the_launcher_looks_for_them(self):
        self.render(self.simhost(*SLOW).url)
        for _ in range(2):  # the launcher tries again where the first was cut off
            ran = self.call("kneepoint-llm-d-benchmark.sh")
            self.assertEqual(ran.returncode, 0, ran.stdout)
        self.assertEqual((self.results / "stdout.log").read_text(), ran.stdout)
        analysed = self.call("kneepoint-analyze_results.sh")
        self.assertEqual((analysed.returncode, analysed.stdout), (0, ""))
        found = documents(self.results)
        self.assertTrue(found)
        for document in found.values():
            self.assertEqual(faults(document), [])
            self.assertIn("kneepoint-1795290355-abc123: chat on stack", document["run"]["description"])
        self.assertIn("VERDICT", (self.results / "analysis/summary.txt").read_text().upper())
        metadata = yaml.safe_load((self.results / "run_metadata.yaml").read_text())
        self.assertEqual((metadata["model"], metadata["harness_workload"]), ("qwen3-4b-instruct-2507", "concurrent.yaml"))
        self.assertIn(metadata["harness_rc"], ("0", "3"))
        self.assertRegex(metadata["harness_delta"], r"^PT\d+S$")

    def test_a_run_that_measured_nothing_fails(self):
        self.render(f"http://127.0.0.1:{harness.free_port()}")
        ran = self.call("kneepoint-llm-d-benchmark.sh")
        self.assertEqual(ran.returncode, 2, ran.stdout)
        self.assertEqual(yaml.safe_load((self.results / "run_metadata.yaml").read_text())["harness_rc"], "2")
        self.assertNotEqual(self.call("kneepoint-analyze_results.sh").returncode, 0)


if __name__ == "__main__":
    harness.main()
