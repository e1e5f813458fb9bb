#!/usr/bin/env python3
"""CPU per streamed token of the agent's engine and of the simulated host, each against a bare loop in the same run.

    cost_per_token.py [--bin FOLDER] [--streams 200 2000 10000] [--rounds 3] [--seconds 8]

A round at a number of streams is three runs, neighbours in time: a bare epoll+recv sink and the engine, each reading the
simulated host (40 replicas whose iterations are out of step), and the sink once more reading a bare epoll+send host, which
says what the host's share costs at least, and how late the machine makes any client. On a shared machine the microseconds
move by tens of per cent from minute to minute; the ratio of two neighbours moves less, and its median counts.
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
# Of the engine to the sink, of the simulated host to the bare host, KiB a stream, receive lag in ms.
RATIO_BAR, HOST_RATIO_BAR, KIB_BAR, LAG_BAR_MS = 1.5, 1.5, 12, 5
TICKS = os.sysconf("SC_CLK_TCK")


class Host:
    """A host of 40 ports in a process of its own. Every client gets a fresh one: replicas that have been idle all start
    again with the client's first burst, in step, which no fleet of real replicas does."""

    def __init__(self, command):
        self.child = subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE, text=True)
        line = self.child.stdout.readline()
        self.addresses = re.findall(r"127\.0\.0\.1:\d+", line)
        if len(self.addresses) != REPLICAS:
            self.end()
            sys.exit(f"cost_per_token: {command[0]} said {line!r}")

    def end(self):
        """What it says last."""
        self.child.send_signal(signal.SIGTERM)
        return self.child.communicate()[0]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.child.returncode is None:
            self.end()


class SimulatedHost(Host):
    def __init__(self, options, streams):
        super().__init__([options.bin / "kneepoint-simhost", "--listen", "127.0.0.1:0", "--profile", "instant",
                          "--replicas", REPLICAS, "--threads", options.host_threads, "--model", MODEL, "--a",
                          f"{interval_ms(options, streams)}ms"])

    def used(self):
        """CPU per token, user and system, in microseconds; user alone; and the iterations that it was late for."""
        fields = pathlib.Path(f"/proc/{self.child.pid}/stat").read_text().rsplit(")", 1)[1].split()
        with urllib.request.urlopen(f"http://{self.addresses[0]}/simhost/stats", timeout=30) as answer:
            stats = json.loads(answer.read())
        user, system = (int(fields[i]) / TICKS * 1e6 / max(stats["tokens"]["output_sent"], 1) for i in (11, 12))
        return user + system, user, stats["iterations_late"]


class BareHost(Host):
    def __init__(self, options, streams):
        super().__init__([options.bin / "kneepoint_bare_host", "--ports", REPLICAS, "--interval",
                          interval_ms(options, streams), "--output-tokens", OUTPUT_TOKENS])


def measured(command, timeout):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=timeout)
    if done.returncode != 0:
        sys.exit(f"cost_per_token: {command[0]} failed ({done.returncode}):\n{done.stdout}{done.stderr}")
    return json.loads(done.stdout)


def interval_ms(options, streams):
    return options.interval or INTERVAL_MS.get(streams, 100)


def run_sink(options, streams, host, *more):
    return measured([options.bin / "kneepoint_epoll_sink", "--target", ",".join(host.addresses), "--connections",
                     streams, "--duration", options.seconds, "--warmup", warmup(streams), "--output-tokens",
                     OUTPUT_TOKENS, "--model", MODEL, *more], 120)


def run_engine(options, streams, host):
    urls = [word for address in host.addresses for word in ("--url", f"http://{address}")]
    engine = measured([options.bin / "kneepoint_engine_bench", *urls, "--concurrency", streams, "--seconds",
                       options.seconds, "--warmup", warmup(streams), "--output-tokens", OUTPUT_TOKENS, "--model", MODEL,
                       "--extra-body", '{"ignore_eos":true}', "--threads", options.threads], 120)
    if engine["chunks"] == 0:
        sys.exit(f"cost_per_token: no token came in {options.seconds} s, the machine is too busy: {engine}")
    return engine


def warmup(streams):
    return 2 if streams < 5_000 else 6


def measure(options, streams, number):
    """One round: what the sink, the engine and both hosts cost."""
    cost = {}

    def sink():
        with SimulatedHost(options, streams) as host:
            run = run_sink(options, streams, host)
            host_us, host_user_us, _ = host.used()
        cost.update(sink_us=run["cpu_us_per_event"], sink_reads=run["reads"] / max(run["events"], 1), host_us=host_us,
                    host_user_us=host_user_us)

    def engine():
        with SimulatedHost(options, streams) as host:
            run = run_engine(options, streams, host)
            _, _, late = host.used()
        cost.update(engine_us=run["cpu_us_per_token"], engine_reads=run["reads_per_token"], host_late=late,
                    lag_ms=run["rx_lag_p99_ms"], kib=run["resident_bytes_per_stream"] / 1024,
                    rate=run["chunks_per_second"],
                    errors=sum(count for outcome, count in run["outcomes"].items() if outcome != "success"))

    def floor():
        with BareHost(options, streams) as host:
            run = run_sink(options, streams, host, "--stamps")
            said = json.loads(host.end())
        # A send that a full buffer refuses costs little and carries nothing: such a loop is no floor.
        if said["refused"] > 0.001 * said["events"]:
            sys.exit(f"cost_per_token: the sink did not keep up with the bare host: {said}")
        cost.update(bare_host_us=said["cpu_us_per_event"], bare_lag_ms=run["rx_lag_p99_ms"])

    runs = [sink, engine, floor]
    for run in runs if number % 2 == 0 else reversed(runs):
        run()
    cost["ratio"] = cost["engine_us"] / cost["sink_us"]
    cost["host_ratio"] = cost["host_us"] / cost["bare_host_us"]
    return cost


def verdict(streams, middle):
    """What is over its bar."""
    full = streams >= 10_000  # memory and lag have their bars there
    return [name for name, bad in [
        (f"ratio > {RATIO_BAR}", middle["ratio"] > RATIO_BAR),
        (f"host ratio > {HOST_RATIO_BAR}", middle["host_ratio"] > HOST_RATIO_BAR),
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
    if middle["bare_lag_ms"] > LAG_BAR_MS:
        yield f"lag says nothing of the agent: a bare loop that reads a bare host is {middle['bare_lag_ms']:.1f} ms late, too"
    if middle["host_us"] >= middle["engine_us"]:
        yield (f"the host cost more than the agent; {middle['host_user_us']:.1f} µs of it outside the kernel, and the bare "
               f"send loop {middle['bare_host_us']:.1f} µs")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bin", default=ROOT / "build/release/bin", type=pathlib.Path)
    parser.add_argument("--streams", default=[200, 2_000, 10_000], type=int, nargs="+")
    parser.add_argument("--rounds", default=3, type=int)
    parser.add_argument("--seconds", default=8, type=int)
    parser.add_argument("--threads", default=1, type=int, help="event-loop threads of the engine")
    parser.add_argument("--host-threads", default=2, type=int)
    parser.add_argument("--interval", type=int, metavar="MS", help="time between two tokens of a stream; default: by streams")
    options = parser.parse_args()
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; {REPLICAS} replicas on {options.host_threads} host "
          f"threads, {options.threads} engine threads; medians of {options.rounds} rounds of {options.seconds} s a run")
    print(f"{'streams':>8}{'tokens/s':>10}{'agent µs':>10}{'sink µs':>9}{'ratio':>7}{'min-max':>12}{'lag p99 ms':>12}"
          f"{'bare':>8}{'errors':>8}{'KiB/stream':>12}{'host µs':>9}{'bare':>7}{'ratio':>7}{'min-max':>12}", flush=True)
    missed, notes = False, []
    for streams in options.streams:
        rounds = [measure(options, streams, i) for i in range(options.rounds)]
        m = {key: statistics.median(r[key] for r in rounds) for key in rounds[0]}
        m["errors"] = sum(r["errors"] for r in rounds)
        spread, host_spread = (f"{min(r[key] for r in rounds):.2f}-{max(r[key] for r in rounds):.2f}"
                               for key in ("ratio", "host_ratio"))
        over = verdict(streams, m)
        print(f"{streams:>8,}{m['rate']:>10,.0f}{m['engine_us']:>10.2f}{m['sink_us']:>9.2f}{m['ratio']:>7.2f}{spread:>12}"
              f"{m['lag_ms']:>12.3f}{m['bare_lag_ms']:>8.2f}{m['errors']:>8.0f}{m['kib']:>12.1f}{m['host_us']:>9.2f}"
              f"{m['bare_host_us']:>7.2f}{m['host_ratio']:>7.2f}{host_spread:>12}  "
              f"{'over: ' + ', '.join(over) if over else 'PASS'}", flush=True)
        missed = missed or bool(over)
        notes += [f"{streams:,} streams: {doubt}" for doubt in doubts(streams * 1000 / interval_ms(options, streams), m)]
    for note in notes:
        print("note:", note)
    print(f"µs: CPU per token, user and system; the host's ceiling on one core is 10^6 / host µs tokens/s. Bars: agent to sink "
          f"{RATIO_BAR}, host to bare host {HOST_RATIO_BAR}, no errors; at 10,000 streams {KIB_BAR} KiB a stream above the "
          f"idle process, lag p99 {LAG_BAR_MS} ms.")
    print("a bar was missed (on a loaded machine: repeat when it is quiet)" if missed else "all bars met")


if __name__ == "__main__":
    main()
