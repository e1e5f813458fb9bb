"""Nobody reads what a run says, its files cannot be written, its terminal goes away: no load may outlive that, and no
report may be lost to it."""

import fcntl
import json
import os
import pty
import shutil
import signal
import subprocess
import termios
import time

import harness
from harness import BIN, plan_text


class Blocked(harness.TestCase):
    def run_blocked(self, host, *, steps="[4]", hold="20s", stdout=None, stderr=None, arguments=()):
        """A run of one local agent, with these descriptors, which are closed here."""
        self.out = self.scratch / "out"
        plan = self.write_plan(plan_text([host.url], steps=steps, hold=hold))
        child = subprocess.Popen(
            [BIN / "kneepoint", "run", plan, "--out", self.out, "--serve", "none", *arguments],
            stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr, start_new_session=True)
        self.addCleanup(self.end, child)
        return child

    @staticmethod
    def end(child):
        if child.poll() is None:
            child.kill()
        child.wait()

    def wait_for_load(self, host, completed=8):
        deadline = time.monotonic() + 30 * harness.PATIENCE
        while host.stats()["requests"]["completed"] < completed:
            self.assertLess(time.monotonic(), deadline, "no load")
            time.sleep(0.1)

    def assert_no_load(self, host, within=10):
        """No request runs, and none is begun any more."""
        deadline = time.monotonic() + within * harness.PATIENCE
        before = -1
        while True:
            requests = host.stats()["requests"]
            if requests["in_flight"] == 0 and requests["received"] == before:
                return
            self.assertLess(time.monotonic(), deadline, "the load goes on")
            before = requests["received"]
            time.sleep(1)

    @staticmethod
    def full_pipe():
        """Both ends of a pipe that takes nothing any more."""
        reader, writer = os.pipe()
        os.set_blocking(writer, False)
        try:
            while True:
                os.write(writer, b"x" * 4096)
        except BlockingIOError:
            pass
        os.set_blocking(writer, True)
        return reader, writer

    def test_a_pipe_that_nobody_reads_stops_nothing(self):
        for blocked in (("stdout",), ("stderr",), ("stdout", "stderr")):
            with self.subTest(blocked):
                host = self.simhost()
                reader, writer = self.full_pipe()
                streams = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
                child = self.run_blocked(host, hold="3s", **{**streams, **dict.fromkeys(blocked, writer)})
                os.close(writer)
                report = self.out / "report.json"
                deadline = time.monotonic() + 40 * harness.PATIENCE
                while not report.exists():
                    self.assertLess(time.monotonic(), deadline, "the run does not get to its report")
                    time.sleep(0.2)
                self.assert_no_load(host, within=5)
                (step,) = json.loads(report.read_text())["results"][0]["steps"]
                self.assertNotIn("AGENT_LOST", step["flags"])
                # Whoever begins to read gets the report, and the run ends.
                text = b""
                if "stdout" in blocked:
                    while chunk := os.read(reader, 65536):
                        text += chunk
                    self.assertIn(b"report: ", text)
                self.assertIn(child.wait(30 * harness.PATIENCE), (0, 3))
                os.close(reader)
                shutil.rmtree(self.out)

    def stopped_terminal(self):
        """A terminal that is stopped as by Ctrl-S: both of its ends."""
        master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, b"\x18\x00\x50\x00" + b"\x00" * 4)
        return master, slave

    def test_a_stopped_terminal_stops_neither_the_run_nor_its_end(self):
        host = self.simhost()
        master, slave = self.stopped_terminal()
        child = self.run_blocked(host, hold="12s", stdout=slave, stderr=slave)
        self.wait_for_load(host)
        termios.tcflow(slave, termios.TCOOFF)
        # Long enough for a coordinator that waits for its terminal to lose its agent, however slow the build.
        time.sleep(6)
        self.assertGreater(host.stats()["requests"]["in_flight"], 0, "the load goes on as planned")
        deadline = time.monotonic() + 40 * harness.PATIENCE
        while not (self.out / "report.json").exists():
            self.assertLess(time.monotonic(), deadline, "the run does not get to its report")
            time.sleep(0.2)
        self.assert_no_load(host, within=5)
        report = self.report(self.out)
        self.assertNotIn("AGENT_LOST", report["results"][0]["steps"][0]["flags"])
        termios.tcflow(slave, termios.TCOON)
        os.close(slave)
        text = b""
        try:
            while b"report: " not in text and (chunk := os.read(master, 65536)):
                text += chunk
        except OSError:
            pass
        self.assertIn(b"report: ", text)
        self.assertIn(child.wait(20 * harness.PATIENCE), (0, 3))
        os.close(master)

    def test_a_coordinator_killed_at_a_stopped_terminal_leaves_no_load(self):
        host = self.simhost()
        port = harness.free_port()
        master, slave = self.stopped_terminal()
        child = self.run_blocked(host, hold="60s", stdout=slave, stderr=slave,
                                 arguments=("--listen", f"127.0.0.1:{port}", "--expect-agents", "1"))
        agent = subprocess.Popen(
            [BIN / "kneepoint-agent", "--coordinator", f"127.0.0.1:{port}", "--join-timeout", "20s"],
            stdin=subprocess.DEVNULL, stdout=slave, stderr=slave)
        self.addCleanup(self.end, agent)
        self.wait_for_load(host)
        termios.tcflow(slave, termios.TCOOFF)
        child.kill()
        self.assert_no_load(host)
        termios.tcflow(slave, termios.TCOON)
        os.close(slave)
        os.close(master)

    def test_a_terminal_that_goes_away_ends_the_run_in_order(self):
        host = self.simhost()
        child = self.run_blocked(host, steps="[2, 4]", hold="60s", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.wait_for_load(host)
        child.send_signal(signal.SIGHUP)
        self.assertEqual(child.wait(30 * harness.PATIENCE), 130)
        self.assertIsNotNone(self.report(self.out))
        self.assert_no_load(host, within=5)

    def test_a_file_that_cannot_be_written_takes_no_report_with_it(self):
        host = self.simhost()
        child = self.run_blocked(host, hold="4s", stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.wait_for_load(host)
        (self.out / "report.md").mkdir()
        (self.out / "report.md" / "x").write_text("x")
        output = child.communicate(timeout=60 * harness.PATIENCE)[0].decode()
        self.assertEqual(child.returncode, 1, output)
        self.assertIn("Full at:", output)
        self.assertRegex(output, r"kneepoint: cannot write \S*/out/report.md")
        for name in ("report.json", "report.txt", "steps.csv", "report.html"):
            self.assertGreater((self.out / name).stat().st_size, 0, name)

    def test_a_directory_that_was_removed_takes_no_report_with_it(self):
        host = self.simhost()
        child = self.run_blocked(host, hold="4s", stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.wait_for_load(host)
        shutil.rmtree(self.out)
        output = child.communicate(timeout=60 * harness.PATIENCE)[0].decode()
        self.assertEqual(child.returncode, 1, output)
        self.assertIn("Full at:", output)

    def test_what_a_run_leaves_is_its_owners(self):
        host = self.simhost()
        child = self.run_blocked(host, hold="3s", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        child.wait(60 * harness.PATIENCE)
        again = self.scratch / "again"
        self.kneepoint("replay", str(self.out), "--out", str(again)).wait(30)
        for folder in (self.out, again):
            for path in (folder, *folder.iterdir()):
                self.assertEqual(path.stat().st_mode & 0o077, 0, path)


if __name__ == "__main__":
    harness.main()
