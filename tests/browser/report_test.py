"""report.html as a reader meets it: what the browser draws, loads, logs, copies and prints."""

import json
import math
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

from browser import Browser, missing

ROOT = pathlib.Path(__file__).resolve().parents[2]
WRITER = pathlib.Path(os.environ.get("KNEEPOINT_BIN", ROOT / "build/release/bin")) / "kneepoint-sample-report"

COUNT = "return document.querySelectorAll(arguments[0]).length"
TEXTS = "return [...document.querySelectorAll(arguments[0])].map((e) => e.textContent)"


def at(step, key):
    """The value of report.json under a dotted key."""
    for name in key.split("."):
        step = step[name]
    return step


class ReportTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = cls.enterClassContext(tempfile.TemporaryDirectory(prefix="report-"))
        cls.page = pathlib.Path(cls.folder, "report.html")
        subprocess.run([WRITER, cls.page], check=True)
        cls.browser = cls.enterClassContext(Browser())

    def setUp(self):
        self.browser.resize(1280)
        self.browser.prefer("light")
        self.open(self.page)

    def open(self, page):
        for kind in ("browser", "performance"):
            self.browser.log(kind)
        self.browser.open(page)
        self.report = json.loads(self.browser.run("return document.getElementById('report-data').textContent"))
        # What is folded is drawn when it is opened.
        self.browser.run("""return new Promise((done) => {
          document.querySelectorAll('details.cell').forEach((d) => { d.open = true; });
          requestAnimationFrame(() => requestAnimationFrame(() => done(true)));
        })""")

    def run_js(self, script, *arguments):
        """Not `run`, which is unittest's own."""
        return self.browser.run(script, *arguments)

    # ------------------------------------------------------------------------------------------------ quiet and alone

    def test_asks_for_nothing_but_itself_and_logs_nothing(self):
        self.assertEqual(self.browser.requests(), [self.page.resolve().as_uri()])
        self.assertEqual(self.browser.log("browser"), [])
        self.assertEqual(self.run_js("return document.documentElement.dataset.ready"), "true")

    def test_its_policy_stops_loads_and_injected_script(self):
        verdict = self.run_js("""
          return (async () => {
            const script = document.createElement('script');
            script.textContent = 'window.injected = true';
            document.body.append(script);
            const blocked = new Promise((done) => {
              const image = new Image();
              image.onload = () => done('loaded');
              image.onerror = () => done('blocked');
              image.src = 'http://127.0.0.1:9/pixel.png';
            });
            const fetched = await fetch('http://127.0.0.1:9/').then(() => 'fetched', () => 'refused');
            return [Boolean(window.injected), await blocked, fetched];
          })()""")
        self.assertEqual(verdict, [False, "blocked", "refused"])
        log = "\n".join(entry["message"] for entry in self.browser.log("browser"))
        for directive in ("script-src", "img-src", "default-src"):  # refused by the policy, not by the dead port
            self.assertIn(directive, log)
        self.assertNotIn("ERR_CONNECTION", log)

    def test_hostile_names_stay_text(self):
        hostile = pathlib.Path(self.folder, "hostile.html")
        subprocess.run([WRITER, "--hostile", hostile], check=True)
        self.open(hostile)
        name = self.report["run"]["name"]
        self.assertIn("<img", name)
        self.assertEqual(self.run_js("return document.title"), f"{name} – Kneepoint report")
        self.assertEqual(self.run_js(COUNT, "img, b"), 0)
        self.assertEqual(self.run_js(TEXTS, "section.result h2")[0], f"{name} · {name}")
        self.assertEqual(self.browser.log("browser"), [])
        self.assertEqual(self.browser.requests(), [hostile.resolve().as_uri()])
        self.assertEqual(self.run_js(COUNT, "figure[data-drawn=chart]"), self.run_js(COUNT, "figure[data-chart]"))

    # --------------------------------------------------------------------------------------------------------- charts

    def test_draws_every_chart(self):
        drawn = "return [...document.querySelectorAll(`[data-result='${arguments[0]}'][data-drawn=chart]`)].map((f) => f.dataset.chart)"
        self.assertEqual(self.run_js(drawn, 0), [
            "throughput", "ttft", "timeline", "errors", "goodput", "tpot", "e2e", "tradeoff", "pareto", "ttft-heat", "requests", "ladder",
            "replica-throughput", "replica-ttft", "generator-cost", "generator-lag"])
        # Not streamed, one replica: no TTFT, TPOT, distribution or skew.
        self.assertEqual(self.run_js(drawn, 1),
                         ["throughput", "timeline", "e2e", "tradeoff", "pareto", "generator-cost", "generator-lag"])
        self.assertEqual(self.run_js(COUNT, "figure[data-chart]"), 23)

    def test_marks_the_knee_where_it_is(self):
        knee, low, high, positions = self.run_js("""
          const chart = document.querySelector('[data-chart=throughput][data-result="0"] .plot svg');
          const line = chart.querySelector('.knee'), band = chart.querySelector('.knee-band');
          const ticks = [...chart.querySelectorAll('.axis')].pop().querySelectorAll('.tick');
          const positions = {};
          for (const tick of ticks) positions[tick.textContent] = tick.transform.baseVal[0].matrix.e;
          return [+line.getAttribute('x1'), +band.getAttribute('x'),
                  +band.getAttribute('x') + +band.getAttribute('width'), positions]""")
        self.assertEqual(sorted(positions, key=int), ["1", "2", "4", "8", "16", "32", "64"])

        def place(n):
            return positions["1"] + (positions["64"] - positions["1"]) * math.log(n, 64)

        saturation = self.report["results"][0]["saturation"]
        self.assertAlmostEqual(knee, place(saturation["concurrency"]), delta=1)
        self.assertAlmostEqual(low, place(saturation["ci95"][0]), delta=1)
        self.assertAlmostEqual(high, place(saturation["ci95"][1]), delta=1)

    def test_every_interval_has_its_whisker_and_every_step_its_point(self):
        for index, result in enumerate(self.report["results"]):
            plot = f"[data-chart=throughput][data-result='{index}'] .plot "
            tokens = [step["output_tokens_per_second"] for step in result["steps"]]
            self.assertEqual(self.run_js(COUNT, plot + ".whisker"), sum(t["ci95"] is not None for t in tokens))
            self.assertEqual(self.run_js(COUNT, plot + ".marker"), len(tokens))
            invalid = sum(not step["valid"] for step in result["steps"])
            self.assertEqual(self.run_js(COUNT, plot + ".marker.hollow"), invalid)
            self.assertEqual(self.run_js(TEXTS, plot + ".cross-word"), ["invalid"] * invalid)

    def test_series_differ_in_dash_and_marker_not_only_in_colour(self):
        looks = self.run_js("""
          const chart = document.querySelector('[data-chart="generator-lag"] .plot svg');
          return [[...chart.querySelectorAll('path.line')].map((l) => l.getAttribute('stroke-dasharray') || 'solid'),
                  [...new Set([...chart.querySelectorAll('.marker')].map((m) => m.getAttribute('d')))]]""")
        self.assertEqual(len(set(looks[0])), 3)
        self.assertEqual(len(looks[1]), 3)

    def test_the_timeline_shades_every_window_and_leaves_gaps_open(self):
        timeline = "[data-chart=timeline][data-result='0'] "
        steps = self.report["results"][0]["steps"]
        self.assertEqual(self.run_js(COUNT, timeline + "rect.window[y]"), len(steps))
        self.assertEqual(self.run_js(COUNT, timeline + "rect.window.invalid"), 1)
        # The KV cache was not scraped for half a minute: its line has two parts.
        parts = self.run_js("""return [...document.querySelectorAll(arguments[0] + 'path.line')]
          .map((l) => l.getAttribute('d').split('M').length - 1)""", timeline)
        self.assertEqual(max(parts), 2)

    def test_single_requests_are_dots_by_lot_and_rings_where_they_were_slow(self):
        chart = "[data-chart=requests][data-result='0'] "
        slow, rest = self.run_js("""
          const spans = JSON.parse(document.getElementById('timeline-data').textContent).spans[0].requests;
          return [spans.filter((r) => r[2] === 0).length, spans.filter((r) => r[2] === 1).length]""")
        self.assertGreater(slow, 100)
        self.assertEqual(self.run_js(COUNT, chart + "circle.request.slow"), slow)
        self.assertEqual(self.run_js(COUNT, chart + "circle.request:not(.slow)"), rest)
        self.run_js("document.querySelector(arguments[0] + 'svg[tabindex]').focus()", chart)
        for _ in range(2):
            self.browser.cdp("Input.dispatchKeyEvent", type="keyDown", key="ArrowRight", code="ArrowRight")
        text = self.run_js("return document.getElementById('readout').textContent")
        self.assertIn(f"{self.report['run']['id']}-0-1-1-0", text, "the X-Request-Id, as the host's log has it")
        self.browser.cdp("Input.dispatchKeyEvent", type="keyDown", key="Escape", code="Escape")

    def test_the_keyboard_reads_a_chart(self):
        self.run_js("document.querySelector('[data-chart=throughput] svg[tabindex]').focus()")
        for _ in range(2):
            self.browser.cdp("Input.dispatchKeyEvent", type="keyDown", key="ArrowRight", code="ArrowRight")
        text = self.run_js("return document.getElementById('readout').textContent")
        self.assertIn("2 concurrent", text)
        self.browser.cdp("Input.dispatchKeyEvent", type="keyDown", key="Escape", code="Escape")
        self.assertTrue(self.run_js("return document.getElementById('readout').hidden"))

    # --------------------------------------------------------------------------------------------------------- tables

    def test_tables_hold_what_the_data_holds(self):
        checked = 0
        for index, result in enumerate(self.report["results"]):
            heads, rows = self.run_js("""
              const table = document.querySelector(`table.steps[data-result="${arguments[0]}"]`);
              const cell = (c) => [c.dataset.v === undefined ? null : Number(c.dataset.v), c.textContent];
              return [[...table.tHead.rows[1].cells].map((c) => c.dataset.key),
                      [...table.tBodies[0].rows].map((r) => [...r.cells].map(cell))]""", index)
            self.assertEqual(len(rows), len(result["steps"]))
            for step, row in zip(result["steps"], rows):
                for key, (value, text) in zip(heads, row):
                    if key:
                        self.check_cell(step, key, value, text)
                        checked += 1
            rows = self.run_js("""
              return [...document.querySelectorAll(`table.figures[data-result="${arguments[0]}"] tr[data-key]`)].map((r) =>
                [r.dataset.key, [...r.cells].slice(1).map((c) =>
                  [c.dataset.v === undefined ? null : Number(c.dataset.v), c.textContent])])""", index)
            for key, cells in rows:
                for step, (value, text) in zip(result["steps"], cells, strict=True):
                    self.check_cell(step, key, value, text)
                    checked += 1
        self.assertGreater(checked, 800)

    def check_cell(self, step, key, value, text):
        expected = at(step, key)
        if expected is None:
            self.assertEqual((value, text), (None, "n/a"), key)
        elif isinstance(expected, str):
            self.assertEqual(text, expected, key)
        else:
            self.assertEqual(value, expected, key)
            self.assertNotEqual(text, "n/a", key)

    def test_every_absent_figure_says_why(self):
        reasons = self.run_js("""return [...document.querySelectorAll('.table-block abbr.absent')]
          .map((a) => [a.title, a.closest('.table-block').querySelector('.reasons').textContent])""")
        self.assertGreater(len(reasons), 50)
        for title, below in reasons:
            self.assertGreater(len(title), 10)
            self.assertIn(title, below)

    def test_many_results_are_read_in_one_screen(self):
        matrix = pathlib.Path(self.folder, "matrix.html")
        subprocess.run([WRITER, "--matrix", matrix], check=True)
        self.browser.resize(1440, 900)
        self.browser.open(matrix)
        self.assertEqual(self.run_js(COUNT, "table.overview tbody tr"), 9)
        self.assertLess(self.run_js("return document.querySelector('.trust').getBoundingClientRect().bottom"), 900)
        levels = self.run_js("return [...document.querySelectorAll('h1, h2, h3, h4')].map((h) => Number(h.tagName[1]))")
        self.assertEqual([(a, b) for a, b in zip(levels, levels[1:]) if b > a + 1], [], "headings with gaps")
        stops = self.run_js("""return [...document.querySelectorAll('a, button, summary, [tabindex]')]
          .filter((e) => e.tabIndex >= 0 && e.checkVisibility() && !e.closest('details:not([open]) > *:not(summary)')).length""")
        self.assertLess(stops, 30)
        self.run_js("location.hash = '#result-3'")
        self.run_js("return new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))")
        self.assertEqual(self.run_js("return [...document.querySelectorAll('details.cell')].map((d) => d.open)"),
                         [i == 3 for i in range(9)])
        paper = pathlib.Path(self.folder, "matrix.pdf")
        self.browser.pdf(paper)
        pages = len(re.findall(rb"/Type\s*/Page\b", paper.read_bytes()))
        self.assertLessEqual(pages, 15)
        notes = "return [...document.querySelectorAll('.figures .paper')].filter((e) => getComputedStyle(e).display != 'none').length"
        self.assertEqual(self.run_js(notes), 0, "the screen has them in the table of steps")
        self.browser.cdp("Emulation.setEmulatedMedia", media="print")
        self.assertEqual(self.run_js(notes), 9, "and paper beside the figures")
        self.browser.cdp("Emulation.setEmulatedMedia", media="")

    def test_copies_a_table_as_tsv(self):
        copied = self.run_js("""
          return (async () => {
            let text = null;
            navigator.clipboard.writeText = async (t) => { text = t; };
            const block = document.querySelector('table.steps').closest('.table-block');
            block.querySelector('button.copy').click();
            await new Promise((done) => setTimeout(done, 0));
            return [text, block.querySelector('.copied').textContent];
          })()""")
        lines = [line.split("\t") for line in copied[0].rstrip("\n").split("\n")]
        self.assertEqual(len({len(line) for line in lines}), 1)
        column = lines[1].index("output_tokens_per_second.value")
        steps = self.report["results"][0]["steps"]
        self.assertEqual([float(line[column]) for line in lines[2:]],
                         [step["output_tokens_per_second"]["value"] for step in steps])
        self.assertIn("Copied", copied[1])

    # ------------------------------------------------------------------------------------------- sizes, themes, paper

    def test_fits_its_width_without_scrolling_sideways(self):
        for width, mobile in ((360, True), (390, True), (768, True), (1280, False), (1680, False)):
            self.browser.resize(width, mobile=mobile)
            self.open(self.page)
            widths = self.run_js("return [document.documentElement.scrollWidth, window.innerWidth]")
            self.assertEqual(widths, [width, width])
            outside = self.run_js("""return [...document.querySelectorAll('.plot svg')].filter((s) => {
              const box = s.getBoundingClientRect(); return box.left < 0 || box.right > innerWidth; }).length""")
            self.assertEqual(outside, 0, f"charts outside the page at {width}")

    def test_the_answer_is_above_the_fold(self):
        one = pathlib.Path(self.folder, "one.html")
        subprocess.run([WRITER, "--one", one], check=True)
        bottom = "return document.querySelector(arguments[0]).getBoundingClientRect().bottom"
        self.browser.resize(1280, 800)
        self.open(one)
        for part in (".verdict", ".answer", ".trust", ".evidence", ".tile"):
            self.assertLess(self.run_js(bottom, part), 800, part)
        self.browser.resize(390, 844, mobile=True)
        self.open(one)
        for part in (".verdict", ".answer", ".trust p"):
            self.assertLess(self.run_js(bottom, part), 844, part)

    def test_follows_the_system_and_the_button(self):
        background = "return getComputedStyle(document.body).backgroundColor"
        light = self.run_js(background)
        self.browser.prefer("dark")
        dark = self.run_js(background)
        self.assertNotEqual(light, dark)
        press = "document.getElementById('theme').click()"
        self.run_js(press)
        self.assertEqual(self.run_js(background), light)
        self.run_js(press)
        self.browser.prefer("light")
        self.assertEqual(self.run_js(background), dark)
        self.run_js(press)
        self.assertEqual(self.run_js(background), light)

    def test_text_stands_out_from_its_ground_in_both_themes(self):
        for scheme in ("light", "dark"):
            self.browser.prefer(scheme)
            weak = self.run_js(CONTRAST, 4.5)
            self.assertEqual(weak, [], f"contrast below 4.5:1 in the {scheme} theme")

    def test_prints_every_table_in_black(self):
        closed = self.run_js(COUNT, "details:not([open])")
        self.assertGreater(closed, 0)
        paper = pathlib.Path(self.folder, "report.pdf")
        self.browser.pdf(paper)
        self.assertEqual(paper.read_bytes()[:5], b"%PDF-")
        self.run_js("window.dispatchEvent(new Event('beforeprint'))")
        self.assertEqual(self.run_js(COUNT, "details:not([open])"), 0)
        self.browser.cdp("Emulation.setEmulatedMedia", media="print")
        self.assertEqual(self.run_js("""return [...new Set([...document.querySelectorAll('.plot path.line')]
          .map((l) => getComputedStyle(l).stroke.match(/\\d+/g).slice(0, 3)).map(([r, g, b]) => r === g && g === b))]"""), [True])
        self.browser.cdp("Emulation.setEmulatedMedia", media="")
        self.run_js("window.dispatchEvent(new Event('afterprint'))")
        self.assertEqual(self.run_js(COUNT, "details:not([open])"), closed)

    def test_paper_cuts_no_column_and_stays_small(self):
        for variant in ("--one", "--matrix", "--targets", "--compare"):
            page = pathlib.Path(self.folder, f"paper{variant}.html")
            subprocess.run([WRITER, variant, page], check=True)
            self.assertLess(page.stat().st_size, 1_500_000, variant)
            self.browser.open(page)
            paper = page.with_suffix(".pdf")
            self.browser.pdf(paper)
            results = self.run_js(COUNT, "section.result")  # of up to three each is printed whole
            self.assertLess(paper.stat().st_size, 1_500_000 * (results if results <= 3 else 1), variant)
            self.run_js("window.dispatchEvent(new Event('beforeprint'))")
            self.browser.cdp("Emulation.setEmulatedMedia", media="print")
            for sheet, width in PAPER.items():
                self.browser.resize(width)
                self.assertEqual(self.run_js(CUT, sheet, width), [], f"{variant}, {sheet}: cut at {width} pixels")
            self.browser.cdp("Emulation.setEmulatedMedia", media="")

    def test_is_complete_without_script(self):
        self.browser.cdp("Emulation.setScriptExecutionDisabled", value=True)
        try:
            self.browser.open(self.page)
            document = self.browser.cdp("DOM.getDocument", depth=0)["root"]["nodeId"]
            html = self.browser.cdp("DOM.getOuterHTML", nodeId=document)["outerHTML"]
        finally:
            self.browser.cdp("Emulation.setScriptExecutionDisabled", value=False)
        self.assertNotIn('data-ready="true"', html)
        self.assertNotIn("data-drawn", html)
        self.assertIn("The chart is drawn by script, which is off.", html)
        for step in self.report["results"][0]["steps"]:
            self.assertIn(f'data-v="{step["output_tokens_per_second"]["value"]!r}"', html)


# What is as wide as a sheet of A4 less its margins (style.css), in CSS pixels, by the name of the sheet.
PAPER = {"auto": 703, "broad": 1031}

# Tables, charts and texts of a kind of sheet that end beyond it, and cells whose words run out of them.
CUT = """
  const sheet = (e) => { const page = e.closest('.broad'); return page ? getComputedStyle(page).page : 'auto'; };
  const ends = (e) => e.getBoundingClientRect().right;
  const cut = [];
  for (const e of document.querySelectorAll('main table, main .plot svg, main pre, main p, main li, main dd')) {
    if (e.checkVisibility() && sheet(e) === arguments[0] && ends(e) > arguments[1] + 1) cut.push(`${e.tagName}.${e.className}: ${ends(e)}`);
  }
  for (const e of document.querySelectorAll('main :is(td, th)')) {
    if (e.checkVisibility() && sheet(e) === arguments[0] && e.scrollWidth > e.clientWidth + 1) cut.push(`cell ${e.textContent}`);
  }
  return cut;
"""

# Text whose colour is too close to its background (WCAG 2.1, relative luminance); the nearest opaque ancestor counts.
CONTRAST = """
  const numbers = (c) => c.match(/[\\d.]+/g).map(Number);
  const luminance = (c) => {
    const [r, g, b] = numbers(c).map((v) => v / 255).map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (e) => {
    for (; e; e = e.parentElement) {
      const c = getComputedStyle(e).backgroundColor;
      if (numbers(c)[3] !== 0) return c;
    }
    return 'rgb(255, 255, 255)';
  };
  const weak = new Set();
  for (const e of document.querySelectorAll('body *')) {
    if (![...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim()) || e.closest('script, noscript')) continue;
    if (e.checkVisibility && !e.checkVisibility()) continue;
    const style = getComputedStyle(e);
    const text = e.closest('.plot svg') ? style.fill : style.color;
    const [a, b] = [luminance(text), luminance(ground(e))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < arguments[0]) weak.add(`${e.tagName}.${e.getAttribute('class')}: ${ratio.toFixed(2)}`);
  }
  return [...weak];
"""

if __name__ == "__main__":
    if missing():
        print(f"skipped: {missing()}")
        sys.exit(77)
    unittest.main()
