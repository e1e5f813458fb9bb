"""A real Prometheus scrapes a real, short run. During it the live figures must be there, and after the coordinator has
gone every step's figures must stand in Prometheus as they stand in the report; every query of the dashboard must answer."""
import json
import math
import pathlib
import shutil
import tempfile
import unittest
import urllib.parse

import yaml

import dashboard
from processes import BIN, ROOT, Program, free_port, get, skip, wait_until

# What Grafana would put in for its variables: the whole run.
WINDOWS = {"__range": "10m", "__rate_interval": "2m", "target": ".*", "scenario": ".*", "ttft_slo": "0.5", "tpot_slo": "0.05"}
STEP_ROWS = {"Verdict", "Throughput and latency against load", "By step"}
CLIENT_ROWS = STEP_ROWS | {"Live", "Generator health"}


class Prometheus:
    """A Prometheus on a free port with the shipped configuration, its targets replaced."""

    def __init__(self, folder, targets):
        config = yaml.safe_load((ROOT / "deploy/prometheus/prometheus.yml").read_text(encoding="utf-8"))
        for job in config["scrape_configs"]:
            job["static_configs"] = [{"targets": [targets[job["job_name"]]]}]
        path = pathlib.Path(folder) / "prometheus.yml"
        path.write_text(yaml.safe_dump(config), encoding="utf-8")
        self.url = f"http://127.0.0.1:{free_port()}"
        self.program = Program(folder, "prometheus", f"--config.file={path}", f"--storage.tsdb.path={folder}/tsdb",
                               f"--web.listen-address={self.url.removeprefix('http://')}")
        wait_until(lambda: get(self.url + "/-/ready"), 30, "Prometheus is ready", self.program)

    def query(self, expression, at=None):
        """The samples of an instant query as [(labels, value)], NaN among them; an error of the query is a failure."""
        parameters = {"query": expression} | ({"time": at} if at else {})
        body = get(f"{self.url}/api/v1/query?{urllib.parse.urlencode(parameters)}")
        assert body is not None, f"Prometheus refuses {expression}"
        answer = json.loads(body)
        assert answer["status"] == "success", (expression, answer)
        if answer["data"]["resultType"] == "scalar":
            return [({}, float(answer["data"]["result"][1]))]
        return [(s["metric"], float(s["value"][1])) for s in answer["data"]["result"]]

    def last_scrape(self, metric):
        """When the metric was last seen, in seconds of Unix time."""
        return max(value for _, value in self.query(f"max_over_time(timestamp({metric})[10m:1s])"))


class RunUnderPrometheus(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="kneepoint-prometheus-")
        cls.addClassCleanup(cls.folder.cleanup)
        host, serve = free_port(), free_port()
        cls.simhost = cls.start(BIN / "kneepoint-simhost", "--listen", f"127.0.0.1:{host}", "--profile", "demo")
        wait_until(lambda: get(f"http://127.0.0.1:{host}/health") is not None, 20, "the simulated host is healthy", cls.simhost)
        cls.prometheus = Prometheus(cls.folder.name, {"kneepoint": f"127.0.0.1:{serve}", "engine": f"127.0.0.1:{host}"})
        cls.addClassCleanup(cls.prometheus.program.stop)
        # It begins to scrape some seconds after it is ready; a run shorter than that would be seen at its end only.
        wait_until(lambda: len(cls.prometheus.query("up")) == 2, 30, "Prometheus scrapes", cls.prometheus.program)
        out = pathlib.Path(cls.folder.name) / "run"
        run = cls.start(BIN / "kneepoint", "run", ROOT / "configs/smoke.yaml", "--set", f"url=http://127.0.0.1:{host}",
                        "--serve", f"127.0.0.1:{serve}", "--linger", "30s", "--out", out)
        # The run is scraped while it goes on …
        wait_until(lambda: cls.prometheus.query("kneepoint_target_concurrency > 0"), 60, "a live figure in Prometheus", run)
        # … and ends by itself, having lingered until its last figures were scraped.
        wait_until(lambda: run.poll() is not None, 120, "the run ends")
        assert run.returncode == 0, f"kneepoint run exited {run.returncode}\n{run.log_text()}"
        cls.report = json.loads((out / "report.json").read_text(encoding="utf-8"))
        cls.run_id = cls.report["run"]["id"]
        # Once a scrape has failed, the last good one is surely stored.
        wait_until(lambda: cls.prometheus.query('up{job="kneepoint"} == 0'), 30, "Prometheus sees that the run has gone")
        cls.end = cls.prometheus.last_scrape("kneepoint_target_concurrency")

    @classmethod
    def start(cls, *words):
        program = Program(cls.folder.name, *words)
        cls.addClassCleanup(program.stop)
        return program

    def after(self, expression):
        return self.prometheus.query(expression.replace("RUN", f'run_id="{self.run_id}"'))

    def steps(self):
        """(target, scenario, step of the report) of every step."""
        return [(r["target"], r["scenario"], s) for r in self.report["results"] for s in r["steps"]]

    def gauge(self, name, more=""):
        """{(target, scenario, step label): value}, as last seen."""
        found = self.after(f"last_over_time({name}{{RUN{more}}}[10m])")
        return {(m["target"], m["scenario"], m["step"]): value for m, value in found}

    def test_counts_survive_the_end_of_the_run(self):
        completed = self.after('sum(last_over_time(kneepoint_requests_total{outcome="success"}[10m]))')
        self.assertEqual(completed[0][1], self.report["totals"]["completed"])
        tokens = self.after("sum(last_over_time(kneepoint_output_tokens_total[10m]))")
        self.assertEqual(tokens[0][1], self.report["totals"]["output_tokens"])

    def test_time_to_first_token_was_observed(self):
        (_, count), = self.after("sum(last_over_time(kneepoint_time_to_first_token_seconds_count[10m]))")
        (_, total), = self.after("sum(last_over_time(kneepoint_time_to_first_token_seconds_sum[10m]))")
        self.assertGreater(count, 0)
        self.assertTrue(0 < total / count < 60, total / count)

    def test_every_outcome_and_state_exists_at_zero(self):
        outcomes = {m["outcome"] for m, _ in self.after("last_over_time(kneepoint_requests_total[10m])")}
        self.assertEqual(outcomes, {"success", "rejected", "http_4xx", "http_5xx", "dns", "connect", "tls", "timeout", "stream", "parse", "cancelled", "error_at_200", "aborted", "empty", "truncated", "unread"})
        (_, lost), = self.after('sum(last_over_time(kneepoint_agents{state="lost"}[10m]))')
        self.assertEqual(lost, 0)

    def test_every_step_stands_in_prometheus_as_in_the_report(self):
        asked = self.gauge("kneepoint_step_target_concurrency")
        self.assertEqual(sorted((t, s, v) for (t, s, _), v in asked.items()),
                         sorted((t, s, float(step["concurrency"])) for t, s, step in self.steps()))
        label = {(t, s, value): (t, s, step) for (t, s, step), value in asked.items()}
        figures = {
            "achieved_concurrency": lambda step: step["achieved_concurrency"],
            "requests_per_second": lambda step: step["requests_per_second"]["value"],
            "output_tokens_per_second": lambda step: step["output_tokens_per_second"]["value"],
            "duration_seconds": lambda step: step["duration_seconds"],
            "valid": lambda step: float(step["valid"]),
        }
        for name, figure in figures.items():
            seen = self.gauge("kneepoint_step_" + name)
            for target, scenario, step in self.steps():
                with self.subTest(name, concurrency=step["concurrency"]):
                    value = seen[label[target, scenario, float(step["concurrency"])]]
                    self.assertAlmostEqual(value, figure(step), delta=1e-6 * max(1.0, abs(value)))

    def test_step_percentiles_equal_the_report(self):
        asked = {key: value for key, value in self.gauge("kneepoint_step_target_concurrency").items()}
        label = {(t, s, value): (t, s, step) for (t, s, step), value in asked.items()}
        compared = 0
        for metric, field in (("time_to_first_token", "ttft"), ("time_per_output_token", "tpot"), ("request_duration", "e2e")):
            for percentile in ("p50", "p95", "p99"):
                seen = self.gauge(f"kneepoint_step_{metric}_seconds", f', percentile="{percentile}"')
                for target, scenario, step in self.steps():
                    expected = step[field + "_seconds"][percentile]
                    key = label[target, scenario, float(step["concurrency"])]
                    with self.subTest(metric, percentile=percentile, concurrency=step["concurrency"]):
                        if expected is None:  # could not be measured: no series, never zero
                            self.assertNotIn(key, seen)
                        else:
                            self.assertAlmostEqual(seen[key], expected, delta=1e-6)
                            compared += 1
        self.assertGreater(compared, 0)

    def test_saturation_equals_the_report(self):
        knees = {(m["target"], m["scenario"]): v for m, v in self.after('last_over_time(kneepoint_saturation_concurrency{RUN, criterion="knee"}[10m])')}
        expected = {(r["target"], r["scenario"]): r["saturation"]["concurrency"] for r in self.report["results"]}
        self.assertEqual(set(knees), {key for key, value in expected.items() if value is not None})
        for key, value in knees.items():
            self.assertAlmostEqual(value, expected[key], delta=1e-6 * value)

    def test_every_dashboard_query_answers(self):
        empty = []
        for row, title, template in dashboard.queries(dashboard.load()):
            query = dashboard.substitute(template, WINDOWS | {"run_id": self.run_id})
            with self.subTest(title, query=query):
                # Step panels are read after the run; live ones as they were at its last scrape.
                samples = self.prometheus.query(query, None if row in STEP_ROWS else self.end)
                if row in CLIENT_ROWS:
                    for _, value in samples:
                        self.assertTrue(math.isfinite(value))
                    if not samples:
                        empty.append((title, query))
        self.assertEqual([(t, q) for t, q in empty if not self.may_be_empty(q)], [])

    def may_be_empty(self, query):
        """Figures that this run could not measure, by its own report."""
        if "kneepoint_saturation_request_rate" in query or "kneepoint_step_target_request_rate" in query:  # open loops only
            return all(step["offered_rate"] is None for _, _, step in self.steps())
        if "kneepoint_saturation_concurrency" in query:
            return all(r["saturation"]["concurrency"] is None for r in self.report["results"])
        if "goodput_ratio" in query or "good_requests" in query:
            return not any((r["slo"] or {}).get("criteria") for r in self.report["results"])
        for metric, field in (("time_to_first_token", "ttft"), ("time_per_output_token", "tpot"), ("request_duration", "e2e")):
            for percentile in ("p50", "p95", "p99"):
                if f"kneepoint_step_{metric}" in query and f'percentile="{percentile}"' in query:
                    return all(step[field + "_seconds"][percentile] is None for _, _, step in self.steps())
        return False

    def test_the_server_row_sees_the_engine(self):
        queries = {title: q for row, title, q in reversed(list(dashboard.queries(dashboard.load()))) if row == "Server"}
        for title in ("Running and waiting", "KV cache use", "Output tokens/s, as the engine counts"):
            with self.subTest(title):
                # A rate needs two scrapes; the host is still up, so they come.
                query = dashboard.substitute(queries[title], WINDOWS)
                samples = wait_until(lambda: self.prometheus.query(query), 20, title)
                self.assertTrue(all(math.isfinite(value) for _, value in samples), samples)


if __name__ == "__main__":
    if not shutil.which("prometheus"):
        skip("no prometheus on PATH (./dev setup test installs Debian's package)")
    unittest.main()
