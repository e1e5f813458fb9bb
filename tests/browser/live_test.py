"""The live page as a reader meets it: a real run in a real browser, from load to stop. What it waits for is a state of the page."""

import os
import pathlib
import signal
import sys
import urllib.error
import urllib.request

from browser import Browser, missing

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "integration"))
from harness import TestCase, main, plan_text, wait_until  # noqa: E402

TEXT = "return document.getElementById(arguments[0]).textContent"
SHOTS = os.environ.get("KNEEPOINT_SHOTS")  # a folder for pictures, for a human


def status_of(url, method="GET", headers=None):
    """The status of an answer, without a browser."""
    request = urllib.request.Request(url, method=method, headers=headers or {})
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=20) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


class LivePageTest(TestCase):
    @classmethod
    def setUpClass(cls):
        cls.browser = cls.enterClassContext(Browser())

    def begin(self, steps="[2, 4, 8]", hold="4s", arguments=()):
        host = self.simhost()
        plan = self.write_plan(plan_text([host.url], steps=steps, hold=hold, output_tokens=16))
        self.out = self.scratch / "runs" / "this"
        self.run_of = self.kneepoint("run", plan, "--out", self.out, "--no-preflight", "--serve", "127.0.0.1:0", *arguments)
        self.url = self.run_of.wait_for(r"live page: (http://\S+/)", 60)[1]

    def text(self, element):
        return self.browser.run(TEXT, element)

    def wait_for(self, condition, what, timeout=60):
        wait_until(lambda: self.browser.run(f"return Boolean({condition})"), f"{what}\n{self.run_of.output}", timeout)

    def wait_for_state(self, state, timeout=60):
        self.wait_for(f"document.getElementById('state').dataset.state === '{state}'", f"the page is {state}", timeout)

    def look(self, name):
        """Pictures of the page as it is now, and that it fits its window and logs nothing."""
        for width, height, mobile in ((1440, 900, False), (390, 844, True)):
            self.browser.resize(width, height, mobile)
            widths = self.browser.run("return [document.documentElement.scrollWidth, window.innerWidth]")
            self.assertEqual(widths[0], width, f"{name}: the page is wider than its window")
            for scheme in ("light", "dark"):
                self.browser.prefer(scheme)
                if SHOTS:
                    self.browser.screenshot(pathlib.Path(SHOTS, f"{name}-{width}-{scheme}.png"))
        self.browser.resize(1440)
        self.browser.prefer("light")

    def test_a_run_from_its_start_to_its_stop(self):
        self.begin(steps="[2, 4, 8, 16, 32, 64]", hold="5s")
        self.browser.resize(1440)
        self.browser.log("browser")
        self.browser.visit(self.url)
        self.wait_for_state("live")
        self.look("start")

        # It moves by itself, in its charts and in its words.
        self.wait_for("live.timeline.in_flight.length > 3 && live.now.output_tokens_per_second > 0", "seconds are drawn")
        self.wait_for("live.forming && live.forming.report.results[0].steps.length >= 2", "two steps are measured")
        self.assertRegex(self.text("forming"), r"^chat on host ")
        self.assertRegex(self.text("place"), r"chat on host, step \d of 6: ")
        for kind in ("stairs", "timeline", "throughput", "ttft"):
            self.wait_for(f"document.querySelector('[data-chart={kind}]').dataset.drawn === 'chart'", kind)
        self.assertEqual(self.browser.run("return document.querySelectorAll('.stair').length"), 6)
        self.assertEqual(self.browser.run("return document.querySelectorAll('#agents tbody tr').length"), 1)
        self.look("middle")

        # What the keyboard reads keeps still; Escape lets it go on.
        self.browser.run("document.querySelector('[data-chart=timeline] svg').focus(); window.held = document.querySelector('[data-chart=timeline] svg')")
        seconds = self.browser.run("return live.timeline.in_flight.length")
        self.wait_for(f"live.timeline.in_flight.length > {seconds + 1}", "it goes on")
        self.assertTrue(self.browser.run("return window.held.isConnected"))
        self.browser.run("document.activeElement.dispatchEvent(new KeyboardEvent('keydown', {key: 'Escape', bubbles: true}))")
        self.wait_for("!window.held.isConnected", "it is drawn again")

        # A coordinator that is frozen is told of, and so is its return.
        self.run_of.signal(signal.SIGSTOP)
        try:
            self.wait_for_state("silent")
            self.assertIn("no word from the coordinator", self.text("state"))
        finally:
            self.run_of.signal(signal.SIGCONT)
        self.wait_for_state("live")

        # Stopping asks once more; another site's page cannot.
        run_id = self.browser.run("return live.run.run_id")
        stop = f"{self.url}stop?run={run_id}"
        self.assertEqual(status_of(stop, "POST"), 403)
        self.assertEqual(status_of(stop, "POST", {"X-Kneepoint": "yes", "Origin": "http://attacker.example"}), 403)
        self.assertEqual(status_of(stop, "POST", {"X-Kneepoint": "yes", "Host": "attacker.example"}), 421)
        self.browser.run("document.getElementById('stop').click()")
        self.assertTrue(self.browser.run("return document.getElementById('stop-dialog').open"))
        self.browser.run("document.getElementById('stop-no').click()")
        self.assertFalse(self.browser.run("return document.getElementById('stop-dialog').open"))
        self.browser.run("document.getElementById('stop').click(); document.getElementById('stop-yes').click()")
        self.wait_for_state("over")
        self.assertIn("user of the live page", self.text("forming-word"))
        self.look("ended")
        self.assertEqual(self.run_of.wait(60), 6)
        report = self.report(self.out)
        self.assertRegex(report["run"]["stopped_by"], r"^user of the live page \(127\.0\.0\.1, 20")
        self.assertEqual(report["exit"], {"code": 6, "reason": "user_stopped"})
        self.assertEqual([e for e in self.browser.log("browser") if "ERR_" not in e["message"]], [])

    def test_a_token_is_asked_for_once(self):
        token = self.scratch / "token"
        token.write_text("s3cret\n")
        self.begin(arguments=("--http-token-file", token))
        self.browser.visit(self.url)
        self.wait_for("!document.getElementById('login').hidden", "the token is asked for")
        self.assertEqual(self.text("run-name"), "Live", "nothing of the run is told before")
        enter = """document.getElementById('token').value = arguments[0];
                   document.querySelector('#login button').click()"""
        self.browser.run(enter, "wrong")
        self.wait_for("document.getElementById('login-failed').textContent.startsWith('Not let in')", "a wrong one is refused")
        self.browser.run(enter, "s3cret")
        self.wait_for_state("live")
        self.browser.visit(self.url)
        self.wait_for_state("live")
        self.assertEqual(self.browser.run("return document.cookie"), "", "out of scripts' reach")

    def test_past_runs_are_listed_opened_and_compared(self):
        self.begin(steps="[2]", hold="2s")
        self.assertIn(self.run_of.wait(60), (0, 3), self.run_of.output)
        first = self.out
        second = first.parent / "that"
        second.mkdir()
        for name in ("report.json", "report.html"):
            (second / name).write_bytes((first / name).read_bytes())
        server = self.kneepoint("serve", first.parent, "--serve", "127.0.0.1:0")
        url = server.wait_for(r"shown at (http://\S+/)", 60)[1]
        self.browser.visit(url)
        self.wait_for("document.querySelectorAll('#runs tbody tr').length === 2", "both are listed")
        self.assertTrue(self.browser.run("return document.getElementById('live').hidden"))
        self.look("past")
        self.browser.run("document.querySelectorAll('#runs input').forEach((box) => box.click());"
                         "document.getElementById('compare').click()")
        self.wait_for("location.pathname === '/compare' && document.documentElement.dataset.ready === 'true'", "compared")
        self.assertGreater(self.browser.run("return document.querySelectorAll('.compared').length"), 0)
        self.browser.visit(f"{url}report?run=this")
        self.wait_for("document.documentElement.dataset.ready === 'true'", "opened")
        self.assertEqual(self.browser.run("return document.querySelectorAll('figure[data-drawn=chart]').length > 0"), True)
        self.assertEqual(self.browser.run("return origin"), "null", "in a sandbox")
        server.signal(signal.SIGINT)
        self.assertEqual(server.wait(30), 0)


if __name__ == "__main__":
    if missing():
        print(f"skipped: {missing()}")
        sys.exit(77)
    main()
