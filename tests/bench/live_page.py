#!/usr/bin/env python3
"""What clients of the live page cost the coordinator: CPU of one run that is followed, beside the same run that is not.

    live_page.py [--bin FOLDER] [--clients 128] [--seconds 60]

Each client is a socket that follows the stream of events and drops what it reads, in this process. CPU is that of the coordinator's
process, all threads, over the same seconds of both runs; the bar is 5 % of a core for 128 clients.
"""

import argparse
import os
import pathlib
import selectors
import socket
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "integration"))
BAR = 0.05
SETTLE = 5  # seconds of load before anything is counted


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def follow(port):
    client = socket.create_connection(("127.0.0.1", port))
    client.sendall(b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n")
    client.setblocking(False)
    return client


def measure(test, clients, seconds):
    """CPU of the coordinator in cores, and what each client read a second, in bytes."""
    from harness import plan_text
    host = test.simhost()
    plan = test.write_plan(plan_text([host.url], steps="[16]", hold=f"{seconds + 2 * SETTLE}s", output_tokens=32))
    run = test.kneepoint("run", plan, "--out", test.scratch / f"out-{clients}", "--serve", "127.0.0.1:0")
    port = int(run.wait_for(r"live page: http://127\.0\.0\.1:(\d+)/", 60)[1])
    run.wait_for(r"\d+/16 in flight", 60)
    with selectors.DefaultSelector() as selector:
        sockets = [follow(port) for _ in range(clients)]
        for each in sockets:
            selector.register(each, selectors.EVENT_READ)
        begin, read, cpu = time.monotonic(), 0, None
        while (passed := time.monotonic() - begin) < SETTLE + seconds:
            if cpu is None and passed >= SETTLE:
                cpu, read = cpu_seconds(run.child.pid), 0
            for key, _ in selector.select(0.2):
                data = key.fileobj.recv(1 << 20)
                if not data:
                    sys.exit("the coordinator let a client go")
                read += len(data)
        used = cpu_seconds(run.child.pid) - cpu
        for each in sockets:
            each.close()
    run.stop()
    return used / seconds, read / max(1, clients) / seconds


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bin", type=pathlib.Path)
    parser.add_argument("--clients", type=int, default=128)
    parser.add_argument("--seconds", type=int, default=60)
    options = parser.parse_args()
    if options.bin:
        os.environ["KNEEPOINT_BIN"] = str(options.bin)
    from harness import TestCase
    test = TestCase()
    test.setUp()
    try:
        alone, _ = measure(test, 0, options.seconds)
        followed, read = measure(test, options.clients, options.seconds)
    finally:
        test.doCleanups()
    more = followed - alone
    print(f"{alone:.3f} cores alone, {followed:.3f} with {options.clients} clients that read {read:.0f} bytes/s each: "
          f"{more:+.4f} cores, bar {BAR}")
    return 1 if more > BAR else 0


if __name__ == "__main__":
    sys.exit(main())
