"""A run that a real Prometheus watches: a simulated host with a GPU, two agents, a coordinator, and the shipped configuration."""
import json
import math
import pathlib
import time
import urllib.parse

import yaml

import dashboard
from processes import BIN, ROOT, Program, free_port, get, wait_until

PLAN = """kneepoint: 1
name: watched
bystander: {every: 1s}
targets:
  - {name: host, urls: ["URL"], api: openai-chat, model: qwen3-4b-instruct-2507}
scenarios:
  - name: chat
    workload: {prompts: ["What is a transformer?", "What is a GPU?", "What is a token?"], output_tokens: 24}
    ramp: {steps: [4, 16, 64], warmup: 2s, hold: 10s}
    slo: {ttft: {p95: 500ms}, tpot: {p95: 50ms}, e2e: {p95: 10s}}
"""
# What Grafana would put in for its variables: the whole run.
WINDOWS = {"__range": "10m", "__rate_interval": "1m", "target": ".*", "scenario": ".*"}
ENDS = (0, 3)  # so short a run may be one with reservations


class Prometheus:
    """A Prometheus on a free port with the shipped configuration, its targets replaced."""

    def __init__(self, folder, targets):
        config = yaml.safe_load((ROOT / "deploy/prometheus/prometheus.yml").read_text(encoding="utf-8"))
        self.jobs = {job["job_name"] for job in config["scrape_configs"]}
        for job in config["scrape_configs"]:
            job.pop("dns_sd_configs", None)
            job["static_configs"] = [{"targets": targets[job["job_name"]]}]
        path = pathlib.Path(folder) / "prometheus.yml"
        path.write_text(yaml.safe_dump(config), encoding="utf-8")
        self.url = f"http://127.0.0.1:{free_port()}"
        self.program = Program(folder, "prometheus", f"--config.file={path}", f"--storage.tsdb.path={folder}/tsdb",
                               f"--web.listen-address={self.url.removeprefix('http://')}")
        wait_until(lambda: get(self.url + "/-/ready"), 30, "Prometheus is ready", self.program)
        # It begins to scrape some seconds after it is ready; a run shorter than that would be seen at its end only.
        wait_until(lambda: {m["job"] for m, _ in self.query("up")} == self.jobs, 30, "Prometheus scrapes", self.program)

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


def finite(samples):
    """What a panel shows of them: a rate of nothing by nothing is no figure."""
    return [(labels, value) for labels, value in samples if math.isfinite(value)]


class WatchedRun:
    """From start to end. `during` has every query's last finite answer while the run went on, `after` one of once it was over."""

    def __init__(self, folder, clean_up):
        self.folder, self.clean_up = folder, clean_up
        host, serve, fleet = free_port(), free_port(), free_port()
        agents = [free_port(), free_port()]
        simhost = self.start(BIN / "kneepoint-simhost", "--listen", f"127.0.0.1:{host}", "--profile", "demo", "--prefix-cache")
        wait_until(lambda: get(f"http://127.0.0.1:{host}/health") is not None, 20, "the simulated host is healthy", simhost)
        self.prometheus = Prometheus(folder, {
            "kneepoint": [f"127.0.0.1:{serve}"], "kneepoint-agents": [f"127.0.0.1:{port}" for port in agents],
            "engine": [f"127.0.0.1:{host}"], "gpu": [f"127.0.0.1:{host}"]})
        clean_up(self.prometheus.program.stop)
        out, plan = pathlib.Path(folder) / "run", pathlib.Path(folder) / "plan.yaml"
        plan.write_text(PLAN.replace("URL", f"http://127.0.0.1:{host}"), encoding="utf-8")
        for number, port in enumerate(agents):
            self.start(BIN / "kneepoint-agent", "--coordinator", f"127.0.0.1:{fleet}", "--name", f"agent-{number}", "--serve", f"127.0.0.1:{port}")
        run = self.start(BIN / "kneepoint", "run", plan, "--out", out, "--listen", f"127.0.0.1:{fleet}", "--expect-agents", 2,
                         "--serve", f"127.0.0.1:{serve}", "--linger", "30s")
        self.during = {}
        # It ends by itself, having lingered until its last figures were scraped.
        end = time.monotonic() + 240
        while run.poll() is None:
            assert time.monotonic() < end, f"the run does not end\n{run.log_text()}"
            self.ask_while_it_goes_on()
            time.sleep(1)
        assert run.returncode in ENDS, f"kneepoint run exited {run.returncode}\n{run.log_text()}"
        self.report = json.loads((out / "report.json").read_text(encoding="utf-8"))
        self.run_id = self.report["run"]["id"]
        # Once a scrape has failed, the last good one is surely stored.
        wait_until(lambda: self.prometheus.query('up{job="kneepoint"} == 0'), 30, "Prometheus sees that the run has gone")
        self.ask_when_it_is_over()

    def start(self, *words):
        program = Program(self.folder, *words)
        self.clean_up(program.stop)
        return program

    def ask_while_it_goes_on(self):
        runs = self.prometheus.query("kneepoint_target_concurrency > 0")
        if runs:
            self.ask(self.during, runs[0][0]["run_id"], lambda row, query: None)

    def ask_when_it_is_over(self):
        """Step panels look back from now; live ones show the run at its last scrape, of its agents at theirs."""
        coordinator = self.prometheus.last_scrape("kneepoint_target_concurrency")
        agents = self.prometheus.last_scrape("kneepoint_agent_run_info")

        def moment(row, query):
            if row in dashboard.STEP_ROWS:
                return None
            return agents if "kneepoint_agent_" in query else coordinator
        self.after = {}
        self.ask(self.after, self.run_id, moment)

    def ask(self, answers, run_id, moment):
        for board, row, title, query in dashboard.every_query():
            filled = dashboard.substitute(query, WINDOWS | {"run_id": run_id})
            samples = finite(self.prometheus.query(filled, moment(row, query)))
            if samples:
                answers[board, title, query] = samples

    def steps(self):
        """(target, scenario, step of the report) of every step."""
        return [(r["target"], r["scenario"], s) for r in self.report["results"] for s in r["steps"]]
