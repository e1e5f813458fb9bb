"""Programs under test: found, started with a log, waited for by asking, and always ended by process id."""
import os
import pathlib
import random
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("KNEEPOINT_BIN", ROOT / "build/release/bin"))
SKIP = 77  # CTest's SKIP_RETURN_CODE


def skip(reason):
    """Ends this test program as skipped, with the reason as its last word."""
    print(f"SKIPPED: {reason}")
    sys.exit(SKIP)


def free_port():
    """A port that nobody listens on now, from below the range that the kernel gives to outgoing connections: one of those
    would take it before the program that it is meant for has started."""
    while True:
        port = random.randrange(20000, 32000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue


def get(url, timeout=5):
    """The body of a GET, or None while nobody answers."""
    try:
        with urllib.request.urlopen(url, timeout=timeout) as answer:
            return answer.read().decode()
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return None


def wait_until(question, seconds, what, process=None):
    """Asks every 100 ms until the answer is true and returns it. Fails after `seconds`, or when `process` ends first."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        answer = question()
        if answer:
            return answer
        if process is not None and process.poll() is not None:
            raise AssertionError(f"ended with {process.returncode} before: {what}\n{process.log_text()}")
        time.sleep(0.1)
    raise AssertionError(f"not within {seconds} s: {what}\n{process.log_text() if process else ''}")


class Program(subprocess.Popen):
    """A program whose output goes to a file in `folder`."""

    def __init__(self, folder, *words, **options):
        handle, self.log = tempfile.mkstemp(prefix=pathlib.Path(str(words[0])).name + "-", suffix=".log", dir=folder)
        with os.fdopen(handle, "wb") as out:
            super().__init__([str(w) for w in words], stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, **options)

    def log_text(self):
        return pathlib.Path(self.log).read_text(encoding="utf-8", errors="replace")[-4000:]

    def stop(self):
        if self.poll() is None:
            self.terminate()
            try:
                self.wait(timeout=15)
            except subprocess.TimeoutExpired:
                self.kill()
                self.wait()
