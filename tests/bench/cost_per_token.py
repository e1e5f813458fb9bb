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
import time
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
    """The simulated host, its replicas dealt to `threads` threads. Every client gets a fresh one: replicas that have been
    idle all start again with the client's first burst, in step, which no fleet of real replicas does."""

    def __init__(self, folder, interval_ms, threads):
        self.child = subprocess.Popen(
            [folder / "kneepoint-simhost", "--listen", "127.0.0.1:0", "--profile", "instant", "--replicas",
             str(REPLICAS), "--threads", str(threads), "--model", MODEL, "--a", f"{interval_ms}ms"],
            stdout=subprocess.PIPE, text=True)
        line = self.child.stdout.readline()
        self.addresses = re.findall(r"127\.0\.0\.1:\d+", line)
        if len(self.addresses) != REPLICAS:
            self.__exit__()
            sys.exit(f"cost_per_token: the simulated host said {line!r}")

    def cpu(self):
        """User and system seconds so far."""
        fields = pathlib.Path(f"/proc/{self.child.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return int(fields[11]) / TICKS, int(fields[12]) / TICKS

    def stats(self):
        with urllib.request.urlopen(f"http://{self.addresses[0]}/simhost/stats", timeout=30) as answer:
            return json.loads(answer.read())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.child.send_signal(signal.SIGTERM)
        self.child.wait()
        self.child.stdout.close()


def measured(command, timeout):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=timeout)
    if done.returncode != 0:
        sys.exit(f"cost_per_token: {command[0]} failed ({done.returncode}):\n{done.stdout}{done.stderr}")
    return json.loads(done.stdout)


def interval_ms(options, streams):
    return options.interval or INTERVAL_MS.get(streams, 100)


def fresh_host(options, streams):
    return Host(options.bin, interval_ms(options, streams), options.host_threads)


def run_sink(options, streams, warmup):
    with fresh_host(options, streams) as host:
        return measured([options.bin / "kneepoint_epoll_sink", "--target", ",".join(host.addresses), "--connections",
                         streams, "--duration", options.seconds, "--warmup", warmup, "--output-tokens", OUTPUT_TOKENS,
                         "--model", MODEL], 120)


def run_engine(options, streams, warmup):
    """What the engine says, with the host's CPU per token meanwhile and the iterations that it was late for."""
    with fresh_host(options, streams) as host:
        urls = [word for address in host.addresses for word in ("--url", f"http://{address}")]
        cpu = host.cpu()
        engine = measured([options.bin / "kneepoint_engine_bench", *urls, "--concurrency", streams, "--seconds",
                           options.seconds, "--warmup", warmup, "--output-tokens", OUTPUT_TOKENS, "--model", MODEL,
                           "--extra-body", '{"ignore_eos":true}', "--threads", options.threads], 120)
        if engine["chunks"] == 0:
            sys.exit(f"cost_per_token: no token came in {options.seconds} s, the machine is too busy: {engine}")
        stats = host.stats()
        tokens = max(stats["tokens"]["output_sent"], 1)
        user, system = [(after - before) / tokens * 1e6 for before, after in zip(cpu, host.cpu())]
    return engine | {"host_user_us": user, "host_us": user + system, "host_late": stats["iterations_late"]}


def pair(options, streams, engine_first):
    """One run of the sink and one of the engine, neighbours in time."""
    warmup = 2 if streams < 5_000 else 6
    if engine_first:
        engine = run_engine(options, streams, warmup)
    sink = run_sink(options, streams, warmup)
    if not engine_first:
        engine = run_engine(options, streams, warmup)
    return {
        "sink_us": sink["cpu_us_per_event"],
        "engine_us": engine["cpu_us_per_token"],
        "ratio": engine["cpu_us_per_token"] / sink["cpu_us_per_event"],
        "sink_reads": sink["reads"] / max(sink["events"], 1),
        "engine_reads": engine["reads_per_token"],
        "host_user_us": engine["host_user_us"],
        "host_us": engine["host_us"],
        "host_late": engine["host_late"],
        "lag_ms": engine["rx_lag_p99_ms"],
        "kib": engine["resident_bytes_per_stream"] / 1024,
        "errors": sum(count for outcome, count in engine["outcomes"].items() if outcome != "success"),
        "rate": engine["chunks_per_second"],
    }


def verdict(streams, middle):
    """What is over its bar."""
    full = streams >= 10_000  # memory and lag have their bars there
    return [name for name, bad in [
        (f"ratio > {RATIO_BAR}", middle["ratio"] > RATIO_BAR),
        (f"memory > {KIB_BAR} KiB", full and middle["kib"] > KIB_BAR),
        (f"lag > {LAG_BAR_MS} ms", full and middle["lag_ms"] > LAG_BAR_MS),
        ("errors", middle["errors"] > 0)] if bad]


def doubts(asked, middle):
    """What takes weight from a row."""
    if middle["rate"] < 0.95 * asked:
        yield (f"{middle['rate'] / asked:.0%} of the {asked:,.0f} tokens/s asked for: the machine had no more "
               f"({middle['host_late']:,.0f} late iterations of the host)")
    if min(middle["sink_reads"], middle["engine_reads"]) < 0.9:
        yield (f"tokens shared reads, which flatters both: {middle['engine_reads']:.2f} reads per token by the agent, "
               f"{middle['sink_reads']:.2f} by the sink")
    if middle["host_us"] >= middle["engine_us"]:
        yield f"the host cost more per token than the agent ({middle['host_user_us']:.1f} µs of it outside the kernel)"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bin", default=ROOT / "build/release/bin", type=pathlib.Path)
    parser.add_argument("--streams", default=[200, 2_000, 10_000], type=int, nargs="+")
    parser.add_argument("--pairs", default=3, type=int)
    parser.add_argument("--seconds", default=8, type=int)
    parser.add_argument("--threads", default=1, type=int, help="event-loop threads of the engine")
    parser.add_argument("--host-threads", default=2, type=int)
    parser.add_argument("--interval", type=int, metavar="MS", help="time between two tokens of a stream; default: by streams")
    options = parser.parse_args()
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; {REPLICAS} replicas on {options.host_threads} host "
          f"threads, {options.threads} engine threads; medians of {options.pairs} pairs of {options.seconds} s")
    print(f"{'streams':>8}{'tokens/s':>10}{'agent µs':>10}{'sink µs':>9}{'ratio':>7}{'min-max':>12}{'lag p99 ms':>12}"
          f"{'errors':>8}{'KiB/stream':>12}{'host µs':>9}", flush=True)
    missed, notes = False, []
    for streams in options.streams:
        pairs = [pair(options, streams, i % 2 == 1) for i in range(options.pairs)]
        m = {key: statistics.median(p[key] for p in pairs) for key in pairs[0]}
        m["errors"] = sum(p["errors"] for p in pairs)
        spread = f"{min(p['ratio'] for p in pairs):.2f}-{max(p['ratio'] for p in pairs):.2f}"
        over = verdict(streams, m)
        print(f"{streams:>8,}{m['rate']:>10,.0f}{m['engine_us']:>10.2f}{m['sink_us']:>9.2f}{m['ratio']:>7.2f}{spread:>12}"
              f"{m['lag_ms']:>12.3f}{m['errors']:>8.0f}{m['kib']:>12.1f}{m['host_us']:>9.2f}  "
              f"{'over: ' + ', '.join(over) if over else 'PASS'}", flush=True)
        missed = missed or bool(over)
        notes += [f"{streams:,} streams: {doubt}" for doubt in doubts(streams * 1000 / interval_ms(options, streams), m)]
    for note in notes:
        print("note:", note)
    print(f"µs: CPU per token, user and system; the host's ceiling on one core is 10^6 / host µs tokens/s. Bars: ratio "
          f"{RATIO_BAR}, no errors; at 10,000 streams {KIB_BAR} KiB a stream above the idle process, lag p99 "
          f"{LAG_BAR_MS} ms.")
    print("a bar was missed (on a loaded machine: repeat when it is quiet)" if missed else "all bars met")


if __name__ == "__main__":
    main()
