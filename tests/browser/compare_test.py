"""compare.html as a reader meets it: the same page as the report's, with a line for each run."""

import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

from browser import Browser, missing
from report_test import CONTRAST, COUNT, TEXTS, WRITER


class CompareTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = cls.enterClassContext(tempfile.TemporaryDirectory(prefix="compare-"))
        cls.page = pathlib.Path(folder, "compare.html")
        subprocess.run([WRITER, "--compare", cls.page], check=True)
        cls.browser = cls.enterClassContext(Browser())

    def setUp(self):
        self.browser.resize(1280)
        self.browser.prefer("light")
        for kind in ("browser", "performance"):
            self.browser.log(kind)
        self.browser.open(self.page)
        self.data = json.loads(self.js("return document.getElementById('comparison-data').textContent"))

    def js(self, script, *arguments):
        return self.browser.run(script, *arguments)

    def test_asks_for_nothing_but_itself_and_logs_nothing(self):
        self.assertEqual(self.browser.requests(), [self.page.resolve().as_uri()])
        self.assertEqual(self.browser.log("browser"), [])
        self.assertEqual(self.js("return document.documentElement.dataset.ready"), "true")

    def test_every_run_has_its_line_and_every_step_its_point(self):
        plot = "[data-chart=throughput][data-result='0'] "
        self.assertEqual(self.js(TEXTS, plot + ".legend span span"), ["monday", "tuesday", "wednesday"])
        points = sum(step["output_tokens_per_second"]["value"] is not None
                     for result in self.data["results"][0] for step in result["steps"])
        self.assertEqual(self.js(COUNT, plot + ".plot .marker"), points)

    def test_the_table_holds_what_the_data_holds(self):
        rows = self.js("""
          return [...document.querySelectorAll('.compared[data-result="0"] tr[data-metric=throughput]')].map((r) =>
            [r.cells[0].textContent, ...[...r.cells].slice(1).map((c) => c.dataset.v === undefined ? null : Number(c.dataset.v))])""")
        base, slower, _ = self.data["results"][0]
        self.assertGreater(len(rows), 3)
        for n, a, b, difference, *_ in rows:
            value = [next(s["output_tokens_per_second"]["value"] for s in result["steps"]
                          if s["concurrency"] == int(n) and s["valid"]) for result in (base, slower)]
            self.assertEqual([a, b], value)
            self.assertAlmostEqual(difference, value[1] / value[0] - 1, places=12)
        self.assertIn("worse", self.js(TEXTS, ".compared .badge"))

    def test_shows_errors_and_the_limits_of_the_plans(self):
        failed = "[data-chart=errors][data-result='0'] .plot .marker"
        self.assertEqual(self.js(COUNT, failed), sum(len(r["steps"]) for r in self.data["results"][0]))
        self.assertEqual(self.js(TEXTS, "[data-chart=ttft-p95][data-result='0'] .slo-word"), ["SLO p95 ≤ 500 ms"])
        self.assertEqual(self.js(TEXTS, "[data-chart=tpot-p95][data-result='0'] .slo-word"), ["SLO p95 ≤ 50 ms"])
        self.assertEqual(self.js(COUNT, "[data-chart=ttft-p50] .slo-word"), 0, "a limit of p95 is none of the median")
        axes = self.js(TEXTS, "[data-chart=throughput][data-result='0'] .plot svg > text")
        self.assertIn("concurrent requests (log)", axes)

    def test_fits_its_width_and_stands_out_in_both_themes(self):
        for width, mobile in ((390, True), (1400, False)):
            self.browser.resize(width, mobile=mobile)
            for scheme in ("light", "dark"):
                self.browser.prefer(scheme)
                self.browser.open(self.page)
                self.assertEqual(self.js("return [document.documentElement.scrollWidth, innerWidth]"), [width, width])
                self.assertEqual(self.js(CONTRAST, 4.5), [], f"contrast below 4.5:1 in the {scheme} theme")


if __name__ == "__main__":
    if missing():
        print(f"skipped: {missing()}")
        sys.exit(77)
    unittest.main()
