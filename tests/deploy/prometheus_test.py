"""A real Prometheus watches a real run. Every query of every dashboard answers while the run goes on and after it, and what the
report shows, too, is the same there.

KNEEPOINT_PANELS=docs/panels.md writes what each panel showed to that file."""
import os
import pathlib
import re
import shutil
import tempfile
import unittest

import dashboard
from processes import skip
from watched_run import WatchedRun

FIELDS = {"time_to_first_token": "ttft", "time_per_output_token": "tpot", "request_duration": "e2e"}
# Of a finished step, as a panel asks for it.
STEP_QUERY = re.compile(r"max by \(target, scenario, step\) \(last_over_time\(kneepoint_step_(\w+)\{[^}]*\}\[\$__range\]\)\)")
TRUST = {"trustworthy": 1, "with reservations": 0.5, "not trustworthy": 0}


class RunUnderPrometheus(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="kneepoint-prometheus-")
        cls.addClassCleanup(folder.cleanup)
        cls.run_ = WatchedRun(folder.name, cls.addClassCleanup)
        cls.report, cls.steps = cls.run_.report, cls.run_.steps()
        if os.environ.get("KNEEPOINT_PANELS"):
            pathlib.Path(os.environ["KNEEPOINT_PANELS"]).write_text(panel_table(cls.run_), encoding="utf-8")

    def stored(self, expression):
        return self.run_.prometheus.query(expression.replace("RUN", f'run_id="{self.run_.run_id}"'))

    def shown(self, board, title):
        """{query: [(labels, value)]} of a panel once the run was over."""
        return {query: samples for (where, panel, query), samples in self.run_.after.items() if (where, panel) == (board, title)}

    def only(self, board, title):
        """{(target, scenario, criterion): value} of a panel's one query that answers."""
        (samples,) = self.shown(board, title).values()
        return {(m.get("target"), m.get("scenario"), m.get("criterion")): value for m, value in samples}

    def results(self, figure):
        return {(r["target"], r["scenario"], None): figure(r) for r in self.report["results"]}

    def assert_same(self, shown, reported):
        self.assertEqual(set(shown), set(reported))
        for key, value in shown.items():
            self.assertAlmostEqual(value, reported[key], delta=1e-6 * max(1.0, abs(value)), msg=key)

    def test_every_query_answers_while_the_run_goes_on_and_after_it(self):
        for name, row, title, query in dashboard.every_query():
            for answers, when in ((self.run_.during, "during"), (self.run_.after, "after")):
                with self.subTest(name, panel=title, when=when, query=query):
                    if not self.may_be_empty(row, query, when):
                        self.assertTrue((name, title, query) in answers, "no finite answer")

    def may_be_empty(self, row, query, when):
        """Figures that this run could not measure, by its own report, or that are there at its end only."""
        if "request_rate" in query:  # open loops only
            return all(step["offered_rate"] is None for _, _, step in self.steps)
        if when == "during" and ("kneepoint_result_trust" in query or "kneepoint_saturation_" in query):
            return True
        if "kneepoint_saturation_concurrency" in query:
            return all(r["saturation"][key] is None for r in self.report["results"] for key in ("concurrency", "ci95", "lower_bound"))
        for metric, field in FIELDS.items():
            for percentile in ("p50", "p95", "p99"):
                if f"kneepoint_step_{metric}" in query and f'percentile="{percentile}"' in query:
                    return any(step[field + "_seconds"][percentile] is None for _, _, step in self.steps)
        return False

    def test_counts_survive_the_end_of_the_run(self):
        totals = self.report["totals"]
        completed = self.stored('sum(last_over_time(kneepoint_requests_total{RUN, outcome="success"}[10m]))')
        self.assertEqual(completed[0][1], totals["completed"])
        tokens = self.stored("sum(last_over_time(kneepoint_output_tokens_total{RUN}[10m]))")
        self.assertEqual(tokens[0][1], totals["output_tokens"])

    def test_agents_count_what_the_coordinator_counts_up_to_their_last_scrape(self):
        (_, completed), = self.stored('sum(last_over_time(kneepoint_agent_requests_total{outcome="success"}[10m]))')
        self.assertTrue(0 < completed <= self.report["totals"]["completed"], completed)
        builds = {(m["version"], m["commit"]) for m, _ in self.stored("last_over_time(kneepoint_build_info[10m])")}
        self.assertEqual(len(builds), 1, builds)
        self.assertEqual(len(self.stored("last_over_time(kneepoint_build_info[10m])")), 3)

    def test_every_outcome_and_state_exists_at_zero(self):
        outcomes = {m["outcome"] for m, _ in self.stored("last_over_time(kneepoint_requests_total{RUN}[10m])")}
        self.assertEqual(outcomes, {m["outcome"] for m, _ in self.stored("last_over_time(kneepoint_agent_requests_total[10m])")})
        self.assertEqual(len(outcomes), 16)
        (_, lost), = self.stored('sum(last_over_time(kneepoint_agents{RUN, state="lost"}[10m]))')
        self.assertEqual(lost, 0)

    def reported_steps(self, name, percentile):
        """{(target, scenario, step label): figure of the report}, without those that it could not measure."""
        labels = {(m["target"], m["scenario"], value): m["step"]
                  for m, value in self.stored("last_over_time(kneepoint_step_target_concurrency{RUN}[10m])")}
        self.assertEqual(len(labels), len(self.steps))

        def figure(step):
            if name.removesuffix("_seconds") in FIELDS:
                return step[FIELDS[name.removesuffix("_seconds")] + "_seconds"][percentile]
            value = step[{"target_concurrency": "concurrency", "target_request_rate": "offered_rate"}.get(name, name)]
            return value["value"] if isinstance(value, dict) else value
        found = {(t, s, labels[t, s, step["concurrency"]]): figure(step) for t, s, step in self.steps}
        return {key: float(value) for key, value in found.items() if value is not None}

    def test_panels_of_steps_show_what_the_report_says(self):
        compared = set()
        for (name, title, query), samples in self.run_.after.items():
            asked = STEP_QUERY.fullmatch(query)
            if not asked:
                continue
            percentile = (re.findall(r'percentile="(\w+)"', query) or [None])[0]
            with self.subTest(name, panel=title, figure=asked[1], percentile=percentile):
                self.assert_same({(m["target"], m["scenario"], m["step"]): value for m, value in samples},
                                 self.reported_steps(asked[1], percentile))
                compared.add((title, asked[1], percentile))
        self.assertGreater(len(compared), 20)

    def test_the_verdict_is_the_reports(self):
        trust = TRUST[self.report["results"][0]["verdict"]["trust"]]
        self.assert_same(self.only("saturation", "Trust"), self.results(lambda r: trust))
        self.assert_same(self.only("saturation", "Peak output"),
                         self.results(lambda r: max(s["output_tokens_per_second"]["value"] for s in r["steps"])))
        self.assert_same(self.only("saturation", "Peak goodput"),
                         self.results(lambda r: max(s["goodput_ratio"] * s["requests_per_second"]["value"] for s in r["steps"])))
        self.assertEqual(self.only("saturation", "Invalid steps"), {(None,) * 3: sum(not s["valid"] for _, _, s in self.steps)})
        self.assertEqual(self.only("saturation", "Lost agents"), {(None,) * 3: 0})
        reported = {}
        for result in self.report["results"]:
            saturation, slo = result["saturation"], result["slo"]
            low, high = saturation["ci95"] or (saturation["lower_bound"], None)
            queue = [s["concurrency"] for s in result["steps"] if "QUEUEING BEGINS" in s["flags"]]
            joint = slo["joint"]["concurrency"]
            for criterion, value in (("knee", saturation["concurrency"]), ("knee_low", low), ("knee_high", high), ("slo", joint),
                                     ("queue", min(queue, default=None))):
                if value is not None:
                    reported[result["target"], result["scenario"], criterion] = value
        self.assert_same(self.only("saturation", "Saturation"), reported)

    def test_the_line_of_the_slo_is_the_plans_limit(self):
        limits = {c["name"].split("_")[0]: c["limit"] for c in self.report["results"][0]["slo"]["criteria"]}
        drawn = 0
        for (name, title, query), samples in self.run_.after.items():
            for figure in re.findall(r'kneepoint_slo_limit_seconds\{[^}]*figure="(\w+)"', query):
                with self.subTest(name, panel=title):
                    self.assertEqual({value for _, value in samples}, {limits[figure]})
                    drawn += 1
        self.assertEqual(drawn, 6)

    def test_both_agents_are_seen_and_nobody_else(self):
        for title in ("In flight by agent", "Busiest thread", "CPU", "Loop gap p99", "Memory"):
            for samples in self.shown("generator", title).values():
                self.assertEqual(len({m["instance"] for m, _ in samples}), 2, title)


def panel_table(run):
    """docs/panels.md"""
    lines = ["# What each panel showed", "",
             "Every query of the four [dashboards](metrics.md#ready-made), asked of a real Prometheus while a short run against the simulated host went",
             "on (the last answer before its end) and once it was over (live panels at their last scrape). A dash: there is no such figure yet, or in",
             "such a run. Of several series the three largest are shown. Written by `KNEEPOINT_PANELS=docs/panels.md tests/deploy/prometheus_test.py`.", ""]
    titles = {name: board["title"] for name, board in dashboard.load().items()}
    last = None
    for name, _, title, query in dashboard.every_query():
        if name != last:
            lines += ["" if last else None, f"## {titles[name].removeprefix('Kneepoint: ').capitalize()}", "",
                      "| panel | query | during the run | after it |", "|---|---|---|---|"]
            last = name
        cells = [values_of(answers.get((name, title, query), [])) for answers in (run.during, run.after)]
        lines.append(f"| {title} | `{query}` | {cells[0]} | {cells[1]} |")
    return "\n".join(line for line in lines if line is not None) + "\n"


def values_of(samples):
    values = sorted((value for _, value in samples), reverse=True)
    shown = ", ".join(f"{value:.4g}" for value in values[:3]) or "–"
    return shown + (f" and {len(samples) - 3} more" if len(samples) > 3 else "")


if __name__ == "__main__":
    if not shutil.which("prometheus"):
        skip("no prometheus on PATH (./dev setup test installs Debian's package)")
    unittest.main()
