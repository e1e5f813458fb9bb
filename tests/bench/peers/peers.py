#!/usr/bin/env python3
"""Kneepoint beside other clients: the same simulated host, the same numbers of streams, one run after the other.

    peers.py [--bin FOLDER] [--streams 64 1000] [--only NAME …] [--work FOLDER]

Installs the clients below build/peers (8 GB, once); one that cannot be had or that fails leaves a row with the reason.
Each client runs twice at each level, short and long: CPU per token is the difference of the CPU times over the
difference of the tokens, so that its start cancels. Everything else is of the long run, and the truth about it is the
host's own log. The table goes to stdout and to build/peers/peers.md. Exit code 1 if Kneepoint's own row failed.

On a busy machine run it with `nice -n -10`; where the kernel groups tasks by session (sched_autogroup_enabled) nice
counts only within the session, and the session has its own in /proc/self/autogroup.
"""

import argparse
import csv
import ctypes
import dataclasses
import datetime
import json
import os
import pathlib
import platform
import re
import resource
import shutil
import signal
import subprocess
import sys
import time
import urllib.request

from tools import MODEL, MOST_TOKENS, TOOLS, Kneepoint, Missing, Run, quantile

ROOT = pathlib.Path(__file__).resolve().parents[3]
TICKS = os.sysconf("SC_CLK_TCK")
# Time between two tokens of a stream. The first one takes as long, after a wait for the running iteration to end.
INTERVAL_MS = {64: 20, 1_000: 100}
# Answers of each stream in the short and in the long run. A p99 wants 662 requests or more.
ROUNDS = {64: (4, 16), 1_000: (2, 5)}
# Answers have lengths about this mean, so that streams which started together do not end together for ever after.
MEAN_TOKENS = 64
TIMEOUT_S = 150
SUBREAPER = 36  # PR_SET_CHILD_SUBREAPER


# The host goes before everything else where that is permitted: a host that is kept waiting logs the requests late.
FIRST = ["chrt", "--rr", "1"]
if subprocess.run([*FIRST, "true"], stderr=subprocess.DEVNULL).returncode != 0:
    FIRST = []


class Host:
    """The simulated host, one engine on one port, with a log of every token."""

    def __init__(self, binaries, interval_ms, log):
        self.child = subprocess.Popen(
            [*FIRST, binaries / "kneepoint-simhost", "--listen", "127.0.0.1:0", "--profile", "instant", "--model",
             MODEL, "--a", f"{interval_ms}ms", "--eos-mean", str(MEAN_TOKENS), "--send-log", log, "--send-log-all"],
            stdout=subprocess.PIPE, text=True)
        line = self.child.stdout.readline()
        self.url = "http://" + re.search(r"127\.0\.0\.1:\d+", line)[0]

    def tokens(self):
        with urllib.request.urlopen(self.url + "/simhost/stats", timeout=30) as answer:
            return json.loads(answer.read())["tokens"]["output_sent"]

    def cpu(self):
        fields = pathlib.Path(f"/proc/{self.child.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def stop(self):
        """Ends it, which writes the log."""
        self.child.send_signal(signal.SIGTERM)
        self.child.wait()
        self.child.stdout.close()


@dataclasses.dataclass
class Answer:
    """What the host logged of one request, ns of CLOCK_MONOTONIC."""
    received: int
    sent: list

    @property
    def ttft_ms(self):
        return (self.sent[0] - self.received) / 1e6


def read_log(path):
    answers = {}
    with open(path, newline="") as file:
        for row in csv.DictReader(file):
            answer = answers.setdefault(row["request_id"], Answer(int(row["received_ns"]), []))
            answer.sent.append(int(row["sent_ns"]))
    return answers


def busy_seconds():
    """CPU of the whole machine so far: all but idle and waiting for disks."""
    fields = [int(f) for f in pathlib.Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    return (sum(fields) - fields[3] - fields[4]) / TICKS


def children_seconds():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def end_group(group):
    """Waits for what the client left behind in its process group, so that its CPU is counted; ends what stays."""
    deadline = time.monotonic() + 5
    while True:
        try:
            if os.waitpid(-group, os.WNOHANG)[0] == 0:
                if time.monotonic() > deadline:
                    os.killpg(group, signal.SIGKILL)
                time.sleep(0.05)
        except (ChildProcessError, ProcessLookupError):
            return


@dataclasses.dataclass
class Outcome:
    """One run of one client."""
    cpu: float  # s, user and system, all its processes
    tokens: int  # as the host counted
    others: float  # cores that neither client nor host used, but somebody did
    answers: dict
    reported: object


def execute(tool, binaries, streams, requests, folder):
    """Runs a client once against a host of its own."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    host = Host(binaries, INTERVAL_MS[streams], folder / "sends.csv")
    try:
        run = Run(host.url, streams, requests, requests / streams * MEAN_TOKENS * INTERVAL_MS[streams] / 1000, folder)
        cpu, busy, began = children_seconds(), busy_seconds(), time.monotonic()
        with open(folder / "output.txt", "w") as output:
            child = subprocess.Popen([str(word) for word in tool.command(run)], cwd=folder, stdin=subprocess.DEVNULL,
                                     stdout=output, stderr=subprocess.STDOUT, process_group=0)
            try:
                code = child.wait(TIMEOUT_S)
            except subprocess.TimeoutExpired:
                os.killpg(child.pid, signal.SIGKILL)
                child.wait()
                raise Missing(f"not done after {TIMEOUT_S} s") from None
            finally:
                end_group(child.pid)
        cpu = children_seconds() - cpu
        others = (busy_seconds() - busy - cpu - host.cpu()) / (time.monotonic() - began)
        tokens = host.tokens()
    finally:
        host.stop()
    if code not in tool.ends:
        last = [line for line in (folder / "output.txt").read_text().splitlines() if line.strip()][-1:]
        raise Missing(f"exit code {code}: {''.join(last).strip()[:120]}")
    return Outcome(cpu, tokens, max(others, 0), read_log(folder / "sends.csv"), tool.read(run))


def held(answers):
    """Tokens per second and mean requests in flight, and the most in flight. The means are of the time from a quarter
    of the way to the last request (after which nothing refills the slots) up to there."""
    high = max(a.received for a in answers)
    low = (3 * min(a.received for a in answers) + high) // 4
    tokens = sum(low <= sent < high for a in answers for sent in a.sent)
    overlap = sum(max(0, min(a.sent[-1], high) - max(a.received, low)) for a in answers)
    most = now = 0
    for _, change in sorted([(a.received, 1) for a in answers] + [(a.sent[-1], -1) for a in answers]):
        now += change
        most = max(most, now)
    return tokens / (high - low) * 1e9, overlap / (high - low), most


def row(tool, binaries, streams, folder):
    """The cells of a client at a level, but for its name and version, and its own doubts."""
    own = folder / f"{type(tool).__name__}-{streams}"
    short, long = (execute(tool, binaries, streams, streams * rounds, own / kind)
                   for kind, rounds in zip(("short", "long"), ROUNDS[streams]))
    cost = (long.cpu - short.cpu) / (long.tokens - short.tokens) * 1e6
    reported = long.reported
    seen = reported.first_seen
    answers = {key: a for key, a in long.answers.items() if seen is None or key in seen}
    if not answers:
        raise Missing("none of its requests is in the host's log")
    rate, mean, most = held(answers.values())
    truth = [a.ttft_ms for a in answers.values()]
    cells = [f"{cost:.1f}", f"{rate:,.0f}"]
    for q, told in zip((0.5, 0.99), reported.ttft_ms):
        cells.append("n/a" if told is None else f"{told:.1f} ({told - quantile(truth, q):+.1f})")
    if seen is None:
        cells.append("n/a")
    else:
        late = [(seen[key] - a.sent[0]) / 1e6 for key, a in answers.items()]
        cells.append(f"{quantile(late, 0.5):.2f} / {quantile(late, 0.99):.2f}")
    cells += [str(reported.errors), f"{mean:,.0f} / {most:,}", f"{max(short.others, long.others):.1f}"]
    return cells, reported.doubt


HEADER = ("client", "version", "CPU µs/token", "tokens/s", "TTFT p50 ms (error)", "TTFT p99 ms (error)",
          "first token seen late, p50 / p99 ms", "errors", "in flight, mean / most", "others, cores")


def line(cells):
    return "| " + " | ".join(cells) + " |"


def preamble():
    return [
        f"{datetime.date.today()}, {os.cpu_count()} cores ({platform.machine()}, Linux {platform.release()}), load "
        f"{os.getloadavg()[0]:.1f} at the start. Prompt of 6 tokens, answers of exponential length, mean "
        f"{MEAN_TOKENS}, cut at {MOST_TOKENS}; host: one engine on one port, profile `instant`, its log of all tokens "
        + ("on, real-time priority." if FIRST else "on.")]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bin", default=ROOT / "build/release/bin", type=lambda p: pathlib.Path(p).resolve())
    parser.add_argument("--streams", default=list(ROUNDS), type=int, nargs="+", choices=list(ROUNDS))
    parser.add_argument("--only", nargs="+", choices=[tool.name for tool in TOOLS], help="only these clients")
    parser.add_argument("--work", default=ROOT / "build/peers", type=lambda p: pathlib.Path(p).resolve(),
                        help="where the clients are installed and leave their results")
    options = parser.parse_args()
    ctypes.CDLL(None).prctl(SUBREAPER, 1, 0, 0, 0)  # CPU of a client's orphans counts here, too
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    options.work.mkdir(parents=True, exist_ok=True)

    tools, versions, missing = [], {}, {}
    for kind in TOOLS:
        if options.only and kind.name not in options.only:
            continue
        tool = kind(options.work, options.bin)
        tools.append(tool)
        print(f"peers: {tool.name} …", file=sys.stderr, flush=True)
        try:
            versions[tool] = tool.install()
        except (Missing, OSError, subprocess.TimeoutExpired) as reason:
            missing[tool] = str(reason)

    lines, failed = preamble(), False
    for streams in options.streams:
        lines += ["", f"{streams:,} streams, a token each {INTERVAL_MS[streams]} ms:", "", line(HEADER),
                  line(["---"] * len(HEADER))]
        for tool in tools:
            print(f"peers: {tool.name} at {streams:,} streams …", file=sys.stderr, flush=True)
            try:
                if tool in missing:
                    raise Missing(missing[tool])
                cells, doubt = row(tool, options.bin, streams, options.work / "runs")
            except (Missing, OSError, KeyError, ValueError, TypeError, IndexError) as reason:
                cells = [f"skipped: {reason}" if isinstance(reason, Missing) else f"unreadable: {reason!r}"]
                cells, doubt = cells + [""] * (len(HEADER) - 3), ""
                failed = failed or isinstance(tool, Kneepoint)
            lines.append(line([tool.name + doubt, versions.get(tool, ""), *cells]))
            print(lines[-1], file=sys.stderr, flush=True)
    lines += [""] + [f"- {tool.name}: {tool.note}." for tool in tools]
    text = "\n".join(lines) + "\n"
    (options.work / "peers.md").write_text(text)
    print(text, end="")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
