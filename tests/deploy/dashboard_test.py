"""What can be said of the dashboard without running anything."""
import re
import unittest

import dashboard

DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
LIVE_ROWS = {"Live", "Server", "GPU", "Generator health"}
STEP_ROWS = {"Verdict", "Throughput and latency against load", "By step"}


class Dashboard(unittest.TestCase):
    def setUp(self):
        self.dashboard = dashboard.load()

    def test_identity_is_fixed(self):
        self.assertEqual(self.dashboard["uid"], "kneepoint-saturation")
        self.assertIsNone(self.dashboard["id"])
        self.assertFalse(self.dashboard["editable"])
        self.assertIn(self.dashboard["schemaVersion"], range(39, 42))

    def test_rows(self):
        rows = [p["title"] for p in self.dashboard["panels"] if p["type"] == "row"]
        self.assertEqual(set(rows), LIVE_ROWS | STEP_ROWS)
        self.assertEqual(rows[0], "Verdict")

    def test_every_panel_has_unit_description_and_its_own_id(self):
        ids = [p["id"] for p in self.dashboard["panels"]]
        self.assertEqual(len(ids), len(set(ids)))
        for _, panel in dashboard.panels(self.dashboard):
            with self.subTest(panel["title"]):
                self.assertTrue(panel["fieldConfig"]["defaults"].get("unit"))
                self.assertTrue(panel["description"])
                self.assertTrue(panel["targets"])

    def test_panels_do_not_overlap(self):
        taken = {}
        for panel in self.dashboard["panels"]:
            box = panel["gridPos"]
            self.assertLessEqual(box["x"] + box["w"], 24, panel["title"])
            for x in range(box["x"], box["x"] + box["w"]):
                for y in range(box["y"], box["y"] + box["h"]):
                    self.assertNotIn((x, y), taken, f"{panel['title']} over {taken.get((x, y))}")
                    taken[x, y] = panel["title"]

    def test_the_datasource_is_a_variable_everywhere(self):
        self.assertEqual(self.dashboard["templating"]["list"][0]["type"], "datasource")
        for _, panel in dashboard.panels(self.dashboard):
            for holder in [panel, *panel["targets"]]:
                self.assertEqual(holder["datasource"], DATASOURCE, panel["title"])
        for variable in self.dashboard["templating"]["list"]:
            if variable["type"] == "query":
                self.assertEqual(variable["datasource"], DATASOURCE, variable["name"])

    def test_runs_are_listed_from_run_info(self):
        variables = {v["name"]: v for v in self.dashboard["templating"]["list"]}
        self.assertEqual(variables["run_id"]["definition"], "label_values(kneepoint_run_info, run_id)")

    def test_step_panels_look_back_and_live_panels_rate(self):
        for row, title, query in dashboard.queries(self.dashboard):
            with self.subTest(title):
                if row in STEP_ROWS:
                    self.assertIn("last_over_time(", query)
                    self.assertIn("[$__range]", query)
                else:
                    self.assertNotIn("$__range]", query)
                for window in re.findall(r"\b(?:rate|increase)\([^\[]*\[([^\]]*)\]", query):
                    self.assertEqual(window, "$__rate_interval")

    def test_no_label_named_quantile(self):
        for _, title, query in dashboard.queries(self.dashboard):
            self.assertIsNone(re.search(r"\bquantile\s*(=|!|,|\))", query), title)

    def test_every_metric_of_ours_is_documented(self):
        known = dashboard.documented_series()
        self.assertGreater(len(known), 30)
        for _, title, query in dashboard.queries(self.dashboard):
            for name in re.findall(r"\bkneepoint_\w+", query):
                self.assertIn(name, known, title)

    def test_every_documented_step_figure_is_shown(self):
        text = " ".join(query for _, _, query in dashboard.queries(self.dashboard))
        for name in dashboard.documented_metrics():
            if name.startswith(("kneepoint_step_", "kneepoint_saturation_")):
                self.assertIn(name, text)

    def test_xy_charts_are_in_the_final_format(self):
        # Without a plugin version of 11.1 or more Grafana takes the options for the beta's and breaks the panel.
        for _, panel in dashboard.panels(self.dashboard):
            if panel["type"] != "xychart":
                continue
            with self.subTest(panel["title"]):
                self.assertGreaterEqual(tuple(map(int, panel["pluginVersion"].split("."))), (11, 1))
                renamed = next(t for t in panel["transformations"] if t["id"] == "organize")["options"]["renameByName"]
                self.assertEqual(set(renamed), {f"Value #{t['refId']}" for t in panel["targets"]})
                for series in panel["options"]["series"]:
                    self.assertIn(series["x"]["matcher"]["options"], renamed.values())
                    self.assertIn(series["y"]["matcher"]["options"], renamed.values())


if __name__ == "__main__":
    unittest.main()
