"""What whoever supervises a run, such as Kubernetes, is told of it: when the fleet is complete, and how it ended."""

import urllib.error
import urllib.request

import harness
from harness import BIN, Process, plan_text, wait_until


class Supervised(harness.TestCase):
    def setUp(self):
        super().setUp()
        self.message = self.scratch / "termination-log"
        self.message.write_text("of an earlier process, and longer than what is written over it\n" * 20)

    def test_a_plan_that_is_wrong(self):
        plan = self.write_plan(plan_text(["http://127.0.0.1:1"]).replace("ramp:", "rump:"))
        process = self.kneepoint("run", plan, "--termination-message", self.message)
        self.assertEqual(process.wait(), 2)
        first, last = self.message.read_text().splitlines()
        self.assertEqual(first, process.output.splitlines()[-1])
        self.assertIn("rump", first)
        self.assertEqual(last, "exit code 2: bad usage or plan, or a target is not ready; nothing was loaded")

    def test_a_run(self):
        host = self.simhost()
        code, report, output = self.run_plan(self.write_plan(plan_text([host.url])), "--termination-message", self.message)
        self.assertIsNotNone(report, output)
        *answer, where, last = self.message.read_text().splitlines()
        self.assertTrue(any(line.startswith("Full at:") for line in answer), answer)
        self.assertEqual(where, f"report: {self.scratch / 'out'}/report.html")
        self.assertRegex(last, rf"^exit code {code}: ")

    def test_a_message_that_cannot_be_left_changes_nothing(self):
        host = self.simhost()
        nowhere = self.scratch / "none" / "log"
        code, report, output = self.run_plan(self.write_plan(plan_text([host.url])), "--termination-message", nowhere)
        self.assertIn(code, (0, 3), output)
        self.assertIn(f"kneepoint: {nowhere}: cannot be written: No such file or directory", output)

    def test_a_link_that_lies_there_is_not_followed(self):
        other = self.scratch / "another-file"
        other.write_text("not ours\n")
        link = self.scratch / "link"
        link.symlink_to(other)
        plan = self.write_plan(plan_text(["http://127.0.0.1:1"]).replace("ramp:", "rump:"))
        process = self.kneepoint("run", plan, "--termination-message", link)
        self.assertEqual(process.wait(), 2)
        self.assertIn(f"kneepoint: {link}: cannot be written: ", process.output)
        self.assertEqual(other.read_text(), "not ours\n")

    def test_it_is_ready_once_the_fleet_is_complete(self):
        host = self.simhost()
        fleet, serve = harness.free_port(), harness.free_port()
        plan = self.write_plan(plan_text([host.url], hold="30s"))
        coordinator = self.kneepoint("run", plan, "--out", self.scratch / "out", "--listen", f"127.0.0.1:{fleet}", "--expect-agents", "2",
                                     "--serve", f"127.0.0.1:{serve}")

        def ready():
            try:
                return urllib.request.urlopen(f"http://127.0.0.1:{serve}/ready", timeout=10).status
            except urllib.error.HTTPError as refusal:
                return refusal.code
        agents = [self.start(Process(BIN / "kneepoint-agent", "--coordinator", f"127.0.0.1:{fleet}"))]
        coordinator.wait_for("joined from")
        self.assertEqual(ready(), 503)
        agents.append(self.start(Process(BIN / "kneepoint-agent", "--coordinator", f"127.0.0.1:{fleet}")))
        wait_until(lambda: ready() == 200, "the fleet is complete", 30)


if __name__ == "__main__":
    harness.main()
