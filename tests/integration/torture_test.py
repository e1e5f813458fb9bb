"""The agent is stopped for 20 ms again and again, and still tells when the tokens came; or says that it cannot."""

import contextlib
import csv
import gzip
import json
import os
import random
import re
import signal
import threading
import time

import harness
from harness import local_agent_of, plan_text

STOP, EVERY = 0.020, 0.200
STREAMS, REPLICAS = 32, 4


def quantile(values, q):
    values = sorted(values)
    return values[min(len(values) - 1, int(q * len(values)))]


class Stopper:
    """Stops the coordinator's agent for STOP seconds about every EVERY seconds while the run lasts."""

    def __init__(self, coordinator):
        self.coordinator = coordinator
        self.stops = []  # how long each was, in seconds
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self._thread.join()

    def _run(self):
        agent = None
        while agent is None and not self._over.wait(0.05):
            agent = local_agent_of(self.coordinator.child.pid)
        chance = random.Random(1)  # no lockstep with the host's iterations
        while not self._over.wait((EVERY - STOP) * chance.uniform(0.8, 1.2)):
            # The coordinator reaps its agent; before that the pid cannot be another's.
            if local_agent_of(self.coordinator.child.pid) != agent:
                return
            begin = time.monotonic()
            try:
                os.kill(agent, signal.SIGSTOP)
                time.sleep(STOP)
            except ProcessLookupError:
                return
            finally:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(agent, signal.SIGCONT)
            self.stops.append(time.monotonic() - begin)


class Torture(harness.TestCase):
    def torture(self, interval, output_tokens):
        """A run against a host that sends every stream a token each `interval`. Returns exit code, report, errors of
        first and last content against the host's log in milliseconds, and the stops."""
        log = self.scratch / "sends.csv"
        host = self.simhost("--replicas", REPLICAS, "--slots", "256", "--a", interval, "--c", "0us", "--send-log", log,
                            "--send-log-all")
        urls = re.findall(r"http://127\.0\.0\.1:\d+", host.output)
        self.assertEqual(len(urls), REPLICAS, host.output)
        plan = self.write_plan("records: true\n" + plan_text(urls, steps=f"[{STREAMS}]", warmup="2s", hold="8s",
                                                             output_tokens=output_tokens))
        process = self.kneepoint("run", plan, "--out", self.scratch / "out", "--serve", "none", "--agents", "1")
        with Stopper(process) as stopper:
            code = process.wait(60)
        report = self.report(self.scratch / "out")
        self.assertIsNotNone(report, process.output)
        self.assertGreater(len(stopper.stops), 30)
        host.get("/simhost/flush")
        return code, report, self.errors(log), stopper.stops

    def errors(self, log):
        sends = {}
        with open(log, newline="") as file:
            for row in csv.DictReader(file):
                sends.setdefault(row["request_id"], {})[int(row["chunk"])] = int(row["sent_ns"])
        with gzip.open(self.scratch / "out" / "records.jsonl.gz", "rt") as file:
            head, *rows = map(json.loads, file)
        # A pause between the two readings makes their difference too small: the largest of many is right.
        zero = head["zero_unix_ns"] - max(time.time_ns() - time.monotonic_ns() for _ in range(100))
        errors = {"first": [], "last": []}
        for row in rows:
            if row["outcome"] != "success":
                continue
            sent = sends["chatcmpl-" + row["id"]]
            self.assertEqual(row["chunks"], len(sent))
            for which, chunk in (("first", 0), ("last", max(sent))):
                errors[which].append((zero + row[which] * 1e9 - sent[chunk]) / 1e6)
        return errors

    def test_times_hold_through_stops_that_no_two_chunks_fit_into(self):
        _, report, errors, stops = self.torture("40ms", 16)
        step = report["results"][0]["steps"][0]
        generator = step["generator"]
        print(f"\n{len(stops)} stops of {1e3 * quantile(stops, 0.5):.1f} ms (longest {1e3 * max(stops):.1f}); "
              f"rx_lag p99 {1e3 * generator['rx_lag_p99_seconds']:.2f} ms, "
              f"loop_gap p99 {1e3 * generator['loop_gap_p99_seconds']:.2f} ms")
        for which, values in errors.items():
            print(f"{which} content of {len(values)}: receive minus send, ms: p50 {quantile(values, 0.5):.3f}  "
                  f"p99 {quantile(values, 0.99):.3f}  max {max(values):.3f}")
            self.assertGreater(len(values), 300)
            self.assertGreater(min(values), -0.05)
            if not harness.sanitized():
                self.assertLess(quantile(values, 0.99), 1.0)
        # A tenth of the time is spent stopped, so one read in twenty waits for over half a stop.
        self.assertGreaterEqual(generator["rx_lag_p99_seconds"], 0.010)
        self.assertIn("RX_LAG", step["flags"])

    def test_chunks_that_share_a_stop_are_counted_and_void_the_row(self):
        code, report, *_ = self.torture("5ms", 128)
        step = report["results"][0]["steps"][0]
        generator = step["generator"]
        print(f"\nclient-coalesced reads: {generator['client_coalesced_ratio']:.1%}")
        self.assertGreater(generator["client_coalesced_ratio"], 0.01)
        # A read's stamp is that of its last byte, so what shares a read hides all but the last chunk's lag.
        self.assertGreaterEqual(generator["rx_lag_p99_seconds"], 0.001)
        self.assertIn("CLIENT_BOUND", step["flags"])
        self.assertFalse(step["valid"])
        self.assertEqual(code, 3)


if __name__ == "__main__":
    harness.main()
