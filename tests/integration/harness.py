"""Starts the real programs on loopback and reads what they leave behind. Standard library only."""

import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("KNEEPOINT_BIN", ROOT / "build/release/bin"))
# Sanitizers slow every program down: bounds grow, assertions stay.
PATIENCE = float(os.environ.get("KNEEPOINT_PATIENCE", "1"))


class Process:
    """A child whose output is collected as it comes, and which is stopped by pid at the end."""

    def __init__(self, *arguments, env=None):
        self.arguments = [str(a) for a in arguments]
        self.lines = []
        self._news = threading.Condition()
        self.child = subprocess.Popen(
            self.arguments, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, env={**os.environ, **(env or {})})
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self.child.stdout:
            with self._news:
                self.lines.append(line.rstrip("\n"))
                self._news.notify_all()
        with self._news:
            self._news.notify_all()

    @property
    def output(self):
        with self._news:
            return "\n".join(self.lines)

    def wait_for(self, pattern, timeout=20):
        """The match of `pattern` in the output, once it is there."""
        deadline = time.monotonic() + timeout * PATIENCE
        with self._news:
            while True:
                if match := re.search(pattern, "\n".join(self.lines)):
                    return match
                left = deadline - time.monotonic()
                if left <= 0 or not self._reader.is_alive():
                    raise AssertionError(f"{pattern!r} not seen from {self.arguments}:\n" + "\n".join(self.lines))
                self._news.wait(left)

    def wait(self, timeout=60):
        code = self.child.wait(timeout * PATIENCE)
        self._reader.join(10)
        return code

    def signal(self, number):
        self.child.send_signal(number)

    def stop(self):
        if self.child.poll() is None:
            self.child.terminate()
            try:
                self.child.wait(5)
            except subprocess.TimeoutExpired:
                self.child.kill()
                self.child.wait()
        self._reader.join(10)
        self.child.stdout.close()


class Simhost(Process):
    """A simulated serving host on an ephemeral port."""

    def __init__(self, *arguments, profile="demo"):
        super().__init__(BIN / "kneepoint-simhost", "--listen", "127.0.0.1:0", "--profile", profile, *arguments)
        self.port = int(self.wait_for(r"127\.0\.0\.1:(\d+)")[1])
        self.url = f"http://127.0.0.1:{self.port}"

    def get(self, path):
        with urllib.request.urlopen(self.url + path, timeout=10) as answer:
            return answer.read().decode()

    def stats(self):
        return json.loads(self.get("/simhost/stats"))

    def load_stats(self):
        """What the load did: without the request for two tokens that a target is asked for its usage with."""
        stats = self.stats()
        for name in ("received", "completed"):
            stats["requests"][name] -= 1
        stats["tokens"]["output_sent"] -= 2
        return stats


def wait_until(true, what, timeout=20):
    """Returns once `true()` is; fails after `timeout` seconds with what did not come."""
    end = time.monotonic() + timeout * PATIENCE
    while not true():
        if time.monotonic() > end:
            raise AssertionError(f"not within {timeout} s: {what}")
        time.sleep(0.05)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def sanitized():
    """Whether the programs under test carry a sanitizer: figures about their own cost mean nothing then."""
    return PATIENCE > 1


def local_agent_of(coordinator):
    """The pid of the agent that `coordinator` has started; None while there is none."""
    for folder in pathlib.Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        with contextlib.suppress(OSError):
            name, rest = (folder / "stat").read_text().split("(", 1)[1].rsplit(")", 1)
            if int(rest.split()[1]) == coordinator and name.startswith("kneepoint-agent"):
                return int(folder.name)
    return None


class TestCase(unittest.TestCase):
    """A scratch folder, and every process stopped at the end."""

    def setUp(self):
        self.scratch = pathlib.Path(tempfile.mkdtemp(prefix="kneepoint-test-"))
        self.addCleanup(shutil.rmtree, self.scratch, ignore_errors=True)

    def start(self, process):
        self.addCleanup(process.stop)
        return process

    def simhost(self, *arguments, profile="demo"):
        return self.start(Simhost(*arguments, profile=profile))

    def write_plan(self, text, name="plan.yaml"):
        path = self.scratch / name
        path.write_text(text)
        return path

    def kneepoint(self, *arguments, env=None):
        return self.start(Process(BIN / "kneepoint", *arguments, env=env))

    def run_plan(self, plan, *arguments, env=None, timeout=120, preflight=False):
        """Runs a plan to its end. Returns the exit code, the report and everything printed. Hosts of tests are
        often not fit on purpose: what is said of that before any load is asked for with `preflight`."""
        out = self.scratch / "out"
        shutil.rmtree(out, ignore_errors=True)
        if not preflight:
            arguments = ("--no-preflight", *arguments)
        process = self.kneepoint("run", plan, "--out", out, "--serve", "none", *arguments, env=env)
        code = process.wait(timeout)
        return code, self.report(out), process.output

    def assert_ran(self, code, output):
        """Finished with a verdict; under a sanitizer, whose slots are late, perhaps without a trustworthy one."""
        self.assertIn(code, (0, 3) if sanitized() else (0,), output)

    @staticmethod
    def report(out):
        path = pathlib.Path(out) / "report.json"
        return json.loads(path.read_text()) if path.exists() else None


def plan_text(urls, steps="[4]", warmup="1s", hold="3s", requests=None, output_tokens=48, extra_target="", slo="",
              workload_extra=""):
    """A small plan against `urls`."""
    bound = f"requests: {requests}" if requests else f"warmup: {warmup}, hold: {hold}"
    listed = ", ".join(f'"{u}"' for u in urls)
    return f"""\
kneepoint: 1
name: test
targets:
  - {{name: host, urls: [{listed}], api: openai-chat, model: qwen3-4b-instruct-2507{extra_target}}}
scenarios:
  - name: chat
    workload: {{prompts: ["What is a transformer?"], output_tokens: {output_tokens}{workload_extra}}}
    ramp: {{steps: {steps}, {bound}}}
{slo}"""


main = unittest.main
