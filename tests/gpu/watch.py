"""Follows a run as others do while it goes on: Prometheus, which reads /metrics every second, and a browser, which follows the
live page's stream of events."""
import json
import re
import threading
import time
import urllib.request

SAMPLE = re.compile(r"^(\w+)(?:\{(.*)\})? (\S+)$", re.M)
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
LOAD = "kneepoint_step_target_concurrency"
#: What the figures of a row are called in both, and in which unit of the report.
FIGURES = {
    "kneepoint_step_output_tokens_per_second": lambda step: step["output_tokens_per_second"]["value"],
    "kneepoint_step_achieved_concurrency": lambda step: step["achieved_concurrency"],
    "kneepoint_step_requests_per_second": lambda step: step["requests_per_second"]["value"],
}


class Watch:
    """From the start of the block to its end. `events` is a file that gets the stream as it came, for a picture of the page."""

    def __init__(self, address, events):
        self.address, self.events = address, events
        self.ended = threading.Event()
        self.scrapes, self.refused, self.exposition, self.frames = 0, 0, "", 0
        self.threads = [threading.Thread(target=each, daemon=True) for each in (self._scrape, self._follow)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        for thread in self.threads:
            thread.join(5)

    def _scrape(self):
        while not self.ended.wait(1):
            try:
                with urllib.request.urlopen(f"http://{self.address}/metrics", timeout=2) as answer:
                    self.exposition = answer.read().decode()
                    self.scrapes += 1
            except OSError:
                self.refused += 1

    def _follow(self):
        with open(self.events, "ab") as file:
            while not self.ended.wait(0.5):  # a run that is killed and gone on with has the page again
                try:
                    with urllib.request.urlopen(f"http://{self.address}/events", timeout=5) as stream:
                        for line in stream:
                            file.write(line)
                            self.frames += line.startswith(b"data:")
                            if self.ended.is_set():
                                return
                except OSError:
                    pass

    def against(self, report):
        """How many figures of the last scrape were held against the report's, and those that differ."""
        rows = {}
        for name, labels, value in SAMPLE.findall(self.exposition):
            if name == LOAD or name in FIGURES:
                of = dict(LABEL.findall(labels))
                rows.setdefault((of["target"], of["scenario"], of["step"]), {})[name] = float(value)
        held, differ = 0, []
        for (target, scenario, step), figures in rows.items():
            load = figures.pop(LOAD)
            of_load = [row for result in report["results"] if (result["target"], result["scenario"]) == (target, scenario)
                       for row in result["steps"] + result["after"] if row["concurrency"] == load]
            for name, value in figures.items():
                told = [FIGURES[name](row) for row in of_load]
                held += 1
                if not any(each is not None and abs(value - each) <= 1e-6 * max(1, abs(each)) for each in told):
                    differ.append((step, load, name, value, told))
        return held, differ

    def summary(self, report):
        held, differ = self.against(report)
        return (f"/metrics read {self.scrapes} times, {self.refused} not answered; {self.frames} events of the live page; "
                f"{held} figures of the last reading held against the report, {len(differ)} differ {json.dumps(differ)[:400] if differ else ''}")
