#!/usr/bin/env python3
"""What a fleet costs its coordinator: `kneepoint run` with 10, 100 and 1,000 agents that load nothing.

    fleet_scale.py [--bin FOLDER] [--agents 10 100 1000] [--seconds 60]

Each agent speaks the whole protocol over a connection of its own and hands over a busy second every second: 5,000 gaps between
tokens, four replicas (tests/bench/synthetic_second.h). All of them are one process, so that the coordinator's CPU is told apart.
CPU is that of the coordinator's process, all threads, over the load after its first five seconds.
"""

import argparse
import json
import os
import pathlib
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
STREAMS = 100  # of an agent: kSyntheticStreams
TICKS = os.sysconf("SC_CLK_TCK")
# At 1,000 agents: cores, MB, seconds; of a window of ten minutes, ms; of the folded journal, bytes an agent-second.
CPU_BAR, MEMORY_BAR, ASSEMBLY_BAR, WINDOW_BAR, FOLDED_BAR = 0.5, 500, 30, 100, 200
FOLDED_FROM = 100  # agents: a merged second is the same size for few
SETTLE = 5

PLAN = """\
kneepoint: 1
name: fleet
targets:
  - {{name: host, urls: [{urls}], api: openai-chat, model: qwen3-4b-instruct-2507}}
scenarios:
  - name: chat
    workload: {{prompts: ["What is a transformer?"], output_tokens: 200}}
    ramp: {{steps: [{load}], warmup: 5s, hold: {hold}s, confirm: false}}
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def peak_memory(pid):
    return int(re.search(r"VmHWM:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text())[1]) / 1024


class Reader(threading.Thread):
    """Reads what a process says, so that it never waits, and keeps it."""

    def __init__(self, stream):
        super().__init__(daemon=True)
        self.stream, self.text = stream, ""
        self.start()

    def run(self):
        for line in self.stream:
            self.text += line


def wait_for(condition, what, limit):
    deadline = time.monotonic() + limit
    while not condition():
        if time.monotonic() > deadline:
            sys.exit(f"fleet_scale: {what} did not come within {limit} s")
        time.sleep(0.05)


def measure(binaries, agents, seconds, folder):
    host = subprocess.Popen([binaries / "kneepoint-simhost", "--listen", "127.0.0.1:0", "--replicas", "4"],
                            stdout=subprocess.PIPE, text=True)
    urls = ", ".join(f'"http://{address}"' for address in re.findall(r"127\.0\.0\.1:\d+", host.stdout.readline()))
    plan, out = folder / "plan.yaml", folder / "out"
    plan.write_text(PLAN.format(urls=urls, load=agents * STREAMS, hold=seconds))
    address = f"127.0.0.1:{free_port()}"
    coordinator = subprocess.Popen(
        [binaries / "kneepoint", "run", plan, "--out", out, "--serve", "none", "--listen", address, "--expect-agents",
         str(agents), "--join-timeout", "120s"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    said = Reader(coordinator.stderr)
    wait_for(lambda: "waiting for" in said.text, "the coordinator", 20)
    simulated = subprocess.Popen([binaries / "kneepoint_simulated_agents", "--coordinator", address, "--agents", str(agents)],
                                 stdout=subprocess.PIPE, text=True)
    try:
        journal = out / "timeline.binpb.gz"
        wait_for(lambda: journal.exists() and journal.stat().st_size > 1000 * agents, "load", 150)
        time.sleep(SETTLE)
        cpu, began, size = cpu_seconds(coordinator.pid), time.monotonic(), journal.stat().st_size
        time.sleep(max(5, seconds - SETTLE))
        took = time.monotonic() - began
        cores = (cpu_seconds(coordinator.pid) - cpu) / took
        written = (journal.stat().st_size - size) / took / agents
        memory = peak_memory(coordinator.pid)
        # A step that lost an agent on a busy machine is run again: the row says so.
        told = json.loads(simulated.communicate(timeout=120 + 2 * seconds)[0])
        coordinator.wait(120)
        folded = journal.stat().st_size / told["batches"]
    finally:
        for process in (simulated, coordinator, host):
            if process.poll() is None:
                process.kill()
            process.wait()
    lost = len(re.findall(r"agent \S+ lost", said.text))
    return {"agents": agents, "cores": cores, "memory_mb": memory, "journal_bytes": written, "folded_bytes": folded,
            "assembled_seconds": told["assembled_seconds"], "batch_bytes": told["batch_bytes"], "lost": lost,
            "broken_off": simulated.returncode != 0 or coordinator.returncode not in (0, 3)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", type=pathlib.Path, default=ROOT / "build/release/bin")
    parser.add_argument("--agents", type=int, nargs="+", default=[10, 100, 1000])
    parser.add_argument("--seconds", type=int, default=60)
    options = parser.parse_args()
    print("| agents | cores of the coordinator | µs an agent-second | memory, MB | assembled in, s | batch, bytes "
          "| journal, bytes an agent-second | folded | lost |\n|---|---|---|---|---|---|---|---|---|")
    failed = []
    for agents in options.agents:
        with tempfile.TemporaryDirectory() as folder:
            row = measure(options.bin, agents, options.seconds, pathlib.Path(folder))
        print(f"| {agents:,} | {row['cores']:.3f} | {row['cores'] / agents * 1e6:.0f} | {row['memory_mb']:.0f} "
              f"| {row['assembled_seconds']:.1f} | {row['batch_bytes']:,} | {row['journal_bytes']:.0f} | {row['folded_bytes']:.0f} "
              f"| {row['lost']} |", flush=True)
        bars = [(row["cores"], CPU_BAR, "cores"), (row["memory_mb"], MEMORY_BAR, "MB"),
                (row["assembled_seconds"], ASSEMBLY_BAR, "s to assemble"), (row["lost"], 0, "agents lost")]
        if agents >= FOLDED_FROM:
            bars.append((row["folded_bytes"], FOLDED_BAR, "bytes of the folded journal an agent-second"))
        if row["broken_off"]:
            failed.append(f"{agents} agents: the run was broken off")
        failed += [f"{agents} agents: {value:.2f} {what}, at most {bar}" for value, bar, what in bars if value > bar]
    window = json.loads(subprocess.check_output([options.bin / "kneepoint_window_bench"], text=True))
    took = window["measured_milliseconds"]
    print(f"\nA window of {window['seconds']} s is measured in {took:.0f} ms of CPU.")
    if took > WINDOW_BAR:
        failed.append(f"a window takes {took:.0f} ms, at most {WINDOW_BAR}")
    for line in failed:
        print(f"missed: {line}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
