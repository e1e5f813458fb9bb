"""What can be said of the dashboards without a Grafana, which cannot be had here: the conventions of its dashboard JSON, PromQL as
promtool reads it, and metrics that exist."""
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

import yaml

import dashboard

DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
ROWS = {
    "saturation": ["Verdict", "Throughput and latency against load", "By step"],
    "live": ["Load", "Latency", "Beside the load"],
    "server": ["Server", "GPU"],
    "generator": ["Fleet", "Agents"],
}
# Of dcgm-exporter: its default configuration leaves it out, and the dashboard does without.
OFF_BY_DEFAULT = {"DCGM_FI_PROF_SM_ACTIVE"}
# Whatever Grafana puts in, a query must read as PromQL.
ANYTHING = {"run_id": "r", "target": ".*", "scenario": ".*", "__range": "1h", "__rate_interval": "1m"}


class Dashboards(unittest.TestCase):
    def setUp(self):
        self.boards = dashboard.load()

    def each_panel(self):
        """(its name for a message, panel)"""
        for name, board in self.boards.items():
            for _, panel in dashboard.panels(board):
                yield f"{name}: {panel['title']}", panel

    def test_identity_is_fixed(self):
        self.assertEqual(set(self.boards), set(ROWS))
        for name, board in self.boards.items():
            self.assertEqual(board["uid"], f"kneepoint-{name}")
            self.assertLessEqual(len(board["uid"]), 40)
            self.assertRegex(board["title"], "^Kneepoint: ")
            self.assertIsNone(board["id"])
            self.assertFalse(board["editable"])
            self.assertIn(board["schemaVersion"], range(39, 42))
        self.assertEqual(len({board["title"] for board in self.boards.values()}), len(self.boards))

    def test_rows(self):
        for name, board in self.boards.items():
            self.assertEqual([p["title"] for p in board["panels"] if p["type"] == "row"], ROWS[name])

    def test_every_panel_has_its_own_id_and_name(self):
        for _, board in self.boards.items():
            ids = [panel["id"] for panel in board["panels"]]
            self.assertEqual(len(ids), len(set(ids)))
            titles = [panel["title"] for _, panel in dashboard.panels(board)]
            self.assertEqual(len(titles), len(set(titles)))

    def test_every_panel_has_unit_description_and_queries(self):
        for name, panel in self.each_panel():
            self.assertTrue(panel["fieldConfig"]["defaults"].get("unit"), name)
            self.assertTrue(panel["description"], name)
            refs = [target["refId"] for target in panel["targets"]]
            self.assertTrue(refs, name)
            self.assertEqual(len(refs), len(set(refs)), name)
            for target in panel["targets"]:
                self.assertNotEqual(target["instant"], target["range"], name)

    def test_panels_lie_in_the_grid_and_do_not_overlap(self):
        for _, board in self.boards.items():
            taken = {}
            for panel in board["panels"]:
                box = panel["gridPos"]
                self.assertTrue(0 <= box["x"] and 0 <= box["y"] and 0 < box["w"] and 0 < box["h"], panel["title"])
                self.assertLessEqual(box["x"] + box["w"], 24, panel["title"])
                for x in range(box["x"], box["x"] + box["w"]):
                    for y in range(box["y"], box["y"] + box["h"]):
                        self.assertNotIn((x, y), taken, f"{panel['title']} over {taken.get((x, y))}")
                        taken[x, y] = panel["title"]

    def test_panels_stand_below_their_row(self):
        for _, board in self.boards.items():
            lowest = 0
            for panel in board["panels"]:
                if panel["type"] == "row":
                    self.assertEqual((panel["gridPos"]["x"], panel["gridPos"]["w"], panel["gridPos"]["h"]), (0, 24, 1))
                    self.assertGreaterEqual(panel["gridPos"]["y"], lowest, panel["title"])
                    begins = panel["gridPos"]["y"] + 1
                else:
                    self.assertGreaterEqual(panel["gridPos"]["y"], begins, panel["title"])
                lowest = max(lowest, panel["gridPos"]["y"] + panel["gridPos"]["h"])

    def test_the_datasource_is_a_variable_everywhere(self):
        for _, board in self.boards.items():
            self.assertEqual(board["templating"]["list"][0]["type"], "datasource")
            for _, panel in dashboard.panels(board):
                for holder in [panel, *panel["targets"]]:
                    self.assertEqual(holder["datasource"], DATASOURCE, panel["title"])
            for variable in board["templating"]["list"]:
                if variable["type"] == "query":
                    self.assertEqual(variable["datasource"], DATASOURCE, variable["name"])

    def test_all_have_the_same_variables(self):
        for _, board in self.boards.items():
            self.assertEqual(board["templating"], self.boards["saturation"]["templating"])
        variables = {v["name"]: v for v in self.boards["live"]["templating"]["list"]}
        self.assertEqual(list(variables), ["datasource", "run_id", "target", "scenario", "page"])
        self.assertEqual(variables["run_id"]["definition"], "label_values(kneepoint_run_info, run_id)")
        for variable in variables.values():
            if variable["type"] == "query":
                self.assertEqual(variable["query"]["query"], variable["definition"])

    def test_each_leads_to_the_others_and_to_the_report(self):
        for name, board in self.boards.items():
            urls = {link["url"]: link for link in board["links"]}
            others = {f"/d/{other['uid']}" for key, other in self.boards.items() if key != name}
            self.assertEqual({url for url in urls if url.startswith("/d/")}, others)
            self.assertTrue(all(urls[url]["includeVars"] and urls[url]["keepTime"] for url in others))
            self.assertEqual(set(urls) - others, {"${page}/", "${page}/report?id=${run_id}"})

    def test_step_panels_look_back_and_live_panels_rate(self):
        for name, row, title, query in dashboard.every_query():
            with self.subTest(name, panel=title):
                if row in dashboard.STEP_ROWS:
                    self.assertIn("_over_time(", query)
                    self.assertIn("[$__range]", query)
                else:
                    self.assertNotIn("$__range]", query)
                for window in re.findall(r"\b(?:rate|increase|delta)\([^\[]*\[([^\]]*)\]", query):
                    self.assertEqual(window, "$__rate_interval")

    def test_one_run_at_a_time(self):
        """What Kneepoint exports of a run is asked for by its run; what an agent exports is, by the run that it serves."""
        for name, _, title, query in dashboard.every_query():
            for metric, labels in re.findall(r"\b(kneepoint_\w+)\b(\{[^}]*\})?", query):
                with self.subTest(name, panel=title, metric=metric):
                    if metric.startswith("kneepoint_agent_"):
                        self.assertIn('and on (job, instance) kneepoint_agent_run_info{run_id="$run_id"}', query)
                    elif metric != "kneepoint_build_info":
                        self.assertIn('run_id="$run_id"', labels)

    def test_no_label_named_quantile(self):
        for _, _, title, query in dashboard.every_query():
            self.assertIsNone(re.search(r"\bquantile\s*(=|!|,|\))", query), title)

    @unittest.skipUnless(shutil.which("promtool"), "promtool is not on PATH (./dev setup test installs it)")
    def test_promtool_reads_every_query(self):
        rules = [{"record": f"query:{number}", "expr": dashboard.substitute(query, ANYTHING)}
                 for number, (*_, query) in enumerate(dashboard.every_query())]
        self.assertGreater(len(rules), 80)
        with tempfile.TemporaryDirectory(prefix="kneepoint-queries-") as folder:
            path = pathlib.Path(folder) / "queries.yml"
            path.write_text(yaml.safe_dump({"groups": [{"name": "queries", "rules": rules}]}), encoding="utf-8")
            done = subprocess.run(["promtool", "check", "rules", str(path)], capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_what_is_exported_is_documented_and_nothing_else(self):
        self.assertEqual(set(dashboard.documented_metrics()), dashboard.defined_metrics())

    def test_every_metric_of_ours_exists(self):
        named = {name for *_, query in dashboard.every_query() for name in re.findall(r"\bkneepoint_\w+", query)}
        self.assertGreater(len(named), 40)
        self.assertEqual(named - dashboard.series_of_ours(), set())

    def test_every_metric_of_an_engine_was_seen_on_one(self):
        named = {name for *_, query in dashboard.every_query()
                 for name in re.findall(r"\b(?:(?:vllm|sglang|llamacpp):\w+|(?:tgi|nv|DCGM)_\w+)", query)}
        self.assertGreater(len(named), 25)
        self.assertEqual(named - dashboard.captured_series(), OFF_BY_DEFAULT)

    def test_every_figure_is_shown_somewhere(self):
        shown = set(re.findall(r"\bkneepoint_\w+", str(self.boards)))
        missing = {name for name in dashboard.documented_metrics() if name not in shown and name + "_bucket" not in shown}
        self.assertEqual(missing, set())

    def test_the_table_of_panels_is_of_these(self):
        table = (dashboard.ROOT / "docs/panels.md").read_text(encoding="utf-8")
        listed = re.findall(r"^\| (.*?) \| `(.*?)` \|", table, re.M)
        self.assertEqual(listed, [(title, query) for _, _, title, query in dashboard.every_query()],
                         "write it again: KNEEPOINT_PANELS=docs/panels.md tests/deploy/prometheus_test.py")

    def test_xy_charts_are_in_the_final_format(self):
        # Without a plugin version of 11.1 or more Grafana takes the options for the beta's and breaks the panel.
        charts = 0
        for name, panel in self.each_panel():
            if panel["type"] != "xychart":
                continue
            charts += 1
            self.assertGreaterEqual(tuple(map(int, panel["pluginVersion"].split("."))), (11, 1))
            renamed = next(t for t in panel["transformations"] if t["id"] == "organize")["options"]["renameByName"]
            self.assertEqual(set(renamed), {f"Value #{t['refId']}" for t in panel["targets"]}, name)
            for series in panel["options"]["series"]:
                self.assertIn(series["x"]["matcher"]["options"], renamed.values())
                self.assertIn(series["y"]["matcher"]["options"], renamed.values())
        self.assertGreater(charts, 3)

    def test_limits_are_drawn_where_latencies_are(self):
        for figure in ("ttft", "tpot", "e2e"):
            drawn = {name for name, _, _, query in dashboard.every_query()
                     if "kneepoint_slo_limit_seconds" in query and f'figure="{figure}"' in query}
            self.assertEqual(drawn, {"saturation", "live"})


if __name__ == "__main__":
    unittest.main()
