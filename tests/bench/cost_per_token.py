#!/usr/bin/env python3
"""CPU per streamed token of the agent's engine, against a bare epoll+recv sink on the same streams in the same run.

    cost_per_token.py [--bin FOLDER] [--streams 200 2000 10000] [--pairs 3] [--seconds 8]

Starts the simulated host (40 replicas whose iterations are out of step), and at every number of streams lets the sink
and the engine read it in turn. On a shared machine the microseconds move by tens of per cent from minute to minute;
the ratio of two neighbours moves less, and its median over the pairs is what counts.
"""

import argparse
import json
import os
import pathlib
import re
import signal
import statistics
import subprocess
import sys
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
MODEL = "qwen3-4b-instruct-2507"
# Time between two tokens of a stream, so that many streams ask no more of the machine than it has.
INTERVAL_MS = {200: 20, 2_000: 50, 10_000: 100}
REPLICAS = 40
OUTPUT_TOKENS = 400  # long answers: the few events beside the tokens weigh nothing
RATIO_BAR, KIB_BAR, LAG_BAR_MS = 1.5, 12, 5
TICKS = os.sysconf("SC_CLK_TCK")


class Host:
    """The simulated host, its replicas dealt to `threads` threads."""

    def __init__(self, folder, interval_ms, threads):
        self.child = subprocess.Popen(
            [folder / "kneepoint-simhost", "--listen", "127.0.0.1:0", "--profile", "instant", "--replicas",
             str(REPLICAS), "--threads", str(threads), "--model", MODEL, "--a", f"{interval_ms}ms"],
            stdout=subprocess.PIPE, text=True)
        line = self.child.stdout.readline()
        self.addresses = re.findall(r"127\.0\.0\.1:\d+", line)
        if len(self.addresses) != REPLICAS:
            self.stop()
            sys.exit(f"cost_per_token: the simulated host said {line!r}")

    def cpu(self):
        """User and system seconds so far."""
        fields = pathlib.Path(f"/proc/{self.child.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def stats(self):
        with urllib.request.urlopen(f"http://{self.addresses[0]}/simhost/stats", timeout=30) as answer:
            return json.loads(answer.read())

    def stop(self):
        self.child.send_signal(signal.SIGTERM)
        self.child.wait()
        self.child.stdout.close()


def measured(command, timeout):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=timeout)
    if done.returncode != 0:
        sys.exit(f"cost_per_token: {command[0]} failed ({done.returncode}):\n{done.stdout}{done.stderr}")
    return json.loads(done.stdout)


def pair(options, host, streams):
    """One run of the sink, one of the engine."""
    warmup = 2 if streams < 5_000 else 4
    sink = measured([options.bin / "kneepoint_epoll_sink", "--target", ",".join(host.addresses), "--connections",
                     streams, "--duration", options.seconds, "--warmup", warmup, "--output-tokens", OUTPUT_TOKENS,
                     "--model", MODEL], 120)
    before, tokens = host.cpu(), host.stats()["tokens"]["output_sent"]
    engine = measured([options.bin / "kneepoint_engine_bench",
                       *(word for address in host.addresses for word in ("--url", f"http://{address}")),
                       "--concurrency", streams, "--seconds", options.seconds, "--warmup", warmup, "--output-tokens",
                       OUTPUT_TOKENS, "--model", MODEL, "--extra-body", '{"ignore_eos":true}', "--threads",
                       options.threads], 120)
    tokens = host.stats()["tokens"]["output_sent"] - tokens
    return {
        "sink_us": sink["cpu_us_per_event"],
        "engine_us": engine["cpu_us_per_token"],
        "ratio": engine["cpu_us_per_token"] / sink["cpu_us_per_event"],
        "host_us": (host.cpu() - before) / max(tokens, 1) * 1e6,
        "lag_ms": engine["rx_lag_p99_ms"],
        "kib": engine["resident_bytes_per_stream"] / 1024,
        "errors": sum(count for outcome, count in engine["outcomes"].items() if outcome != "success"),
        "rate": engine["chunks_per_second"],
        "busy": engine["busiest_thread_second"],
        "sink_rate": sink["events_per_second"],
        "asked_rate": streams * 1000 / INTERVAL_MS.get(streams, 100),
    }


def row(streams, pairs):
    middle = {key: statistics.median(p[key] for p in pairs) for key in pairs[0]}
    middle["errors"] = sum(p["errors"] for p in pairs)
    over = [name for name, bad in [
        (f"ratio > {RATIO_BAR}", middle["ratio"] > RATIO_BAR),
        (f"memory > {KIB_BAR} KiB", streams >= 10_000 and middle["kib"] > KIB_BAR),
        (f"lag > {LAG_BAR_MS} ms", streams >= 10_000 and middle["lag_ms"] > LAG_BAR_MS),
        ("errors", middle["errors"] > 0)] if bad]
    spread = f"{min(p['ratio'] for p in pairs):.2f}-{max(p['ratio'] for p in pairs):.2f}"
    return (f"{streams:>8,}{middle['rate']:>10,.0f}{middle['engine_us']:>9.2f}{middle['sink_us']:>8.2f}"
            f"{middle['ratio']:>7.2f}{spread:>12}{middle['lag_ms']:>11.3f}{middle['errors']:>8.0f}{middle['kib']:>12.1f}"
            f"{middle['host_us']:>9.2f}  {'PASS' if not over else 'over: ' + ', '.join(over)}", middle, not over)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bin", default=ROOT / "build/release/bin", type=pathlib.Path)
    parser.add_argument("--streams", default=[200, 2_000, 10_000], type=int, nargs="+")
    parser.add_argument("--pairs", default=3, type=int)
    parser.add_argument("--seconds", default=8, type=int)
    parser.add_argument("--threads", default=1, type=int, help="event-loop threads of the engine")
    parser.add_argument("--host-threads", default=2, type=int)
    options = parser.parse_args()
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; {REPLICAS} replicas on {options.host_threads} threads; "
          f"medians of {options.pairs} pairs of {options.seconds} s")
    print(f"{'streams':>8}{'tokens/s':>10}{'agent µs':>9}{'sink µs':>8}{'ratio':>7}{'min-max':>12}{'lag p99 ms':>11}"
          f"{'errors':>8}{'KiB/stream':>12}{'host µs':>9}", flush=True)
    passed, notes = True, []
    for streams in options.streams:
        host = Host(options.bin, INTERVAL_MS.get(streams, 100), options.host_threads)
        try:
            pairs = [pair(options, host, streams) for _ in range(options.pairs)]
            late = host.stats()["iterations_late"]
        finally:
            host.stop()
        line, middle, good = row(streams, pairs)
        print(line, flush=True)
        passed = passed and good
        if middle["rate"] < 0.95 * middle["asked_rate"]:
            notes.append(f"{streams:,} streams: {middle['rate'] / middle['asked_rate']:.0%} of the rate asked for: the "
                         f"machine had no more ({late} late iterations of the host)")
        if middle["host_us"] >= middle["engine_us"]:
            notes.append(f"{streams:,} streams: the host cost more per token than the agent")
    for note in notes:
        print("note:", note)
    print(f"agent and sink: CPU (user and system) per token; host: its own, ceiling of one core = 10^6 / host µs. Bars: "
          f"ratio {RATIO_BAR}; at 10,000 streams {KIB_BAR} KiB a stream above the idle process, lag p99 {LAG_BAR_MS} ms.")
    print("all bars met" if passed else "a bar was missed (on a loaded machine: repeat when it is quiet)")


if __name__ == "__main__":
    main()
