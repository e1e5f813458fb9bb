"""What the tool measures against what the host itself wrote down."""

import csv
import gzip
import json
import time

import harness
from harness import plan_text


def quantile(values, q):
    values = sorted(values)
    return values[min(len(values) - 1, int(q * len(values)))]


class Accuracy(harness.TestCase):
    STREAMS = 500

    def test_first_tokens_lie_within_a_millisecond_of_the_hosts_own_log(self):
        log = self.scratch / "sends.csv"
        host = self.simhost("--slots", "1024", "--a", "40ms", "--c", "0us", "--send-log", log)
        plan = self.write_plan("records: true\n" + plan_text(
            [host.url], steps=f"[{self.STREAMS}]", warmup="3s", hold="6s", output_tokens=32))
        code, report, output = self.run_plan(plan, "--agents", "1")
        self.assertIn(code, (0, 3), output)
        host.get("/simhost/flush")

        with gzip.open(self.scratch / "out" / "records.jsonl.gz", "rt") as file:
            head, *rows = map(json.loads, file)
        self.assertEqual(head["schema"], "kneepoint.records/1")
        self.assertEqual(len(rows), report["totals"]["started"])
        # The host logs the monotonic clock, the tool's zero is on the wall clock: both clocks are this machine's.
        wall_minus_monotonic = time.time_ns() - time.monotonic_ns()
        zero = head["zero_unix_ns"] - wall_minus_monotonic

        first_sends = {}
        with open(log, newline="") as file:
            for row in csv.DictReader(file):
                if row["chunk"] == "0":
                    first_sends[row["request_id"]] = int(row["sent_ns"])
        errors = []
        for row in rows:
            if row["outcome"] != "success":
                continue
            sent = first_sends["chatcmpl-" + row["id"]]
            errors.append((zero + row["first"] * 1e9 - sent) / 1e6)
        self.assertGreater(len(errors), 3 * self.STREAMS)
        print(f"\n{len(errors)} first tokens, {self.STREAMS} streams: receive minus send, ms: "
              f"p50 {quantile(errors, 0.5):.3f}  p99 {quantile(errors, 0.99):.3f}  max {max(errors):.3f}")
        self.assertGreater(quantile(errors, 0.01), -0.05)
        if not harness.sanitized():
            self.assertLess(quantile(errors, 0.99), 1.0)

        # The rows and the report are the same measurement.
        tokens = sum(row["output_tokens"] for row in rows)
        self.assertEqual(tokens, report["totals"]["output_tokens"])
        self.assertEqual(tokens, host.load_stats()["tokens"]["output_sent"])


if __name__ == "__main__":
    harness.main()
