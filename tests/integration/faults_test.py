"""Every fault of a target is counted under its own outcome, and the run goes on."""

import gzip
import html
import json
import socket
import threading
import time

import harness
from harness import plan_text


class Faults(harness.TestCase):
    def outcomes(self, plan, *arguments):
        code, report, output = self.run_plan(self.write_plan(plan), *arguments)
        self.assertIsNotNone(report, output)
        (step,) = report["results"][0]["steps"]
        self.output = output
        return code, report, step

    def seen(self, fault, outcome, rate="0.5", option="--fault", **plan):
        """Half of the requests meet `fault`; all of those, and no others, are counted as `outcome`."""
        host = self.simhost(option, f"{fault}={rate}")
        code, report, step = self.outcomes(plan_text([host.url], steps="[4]", **plan))
        self.assertIn(code, (0, 3), self.output)
        failed = {name: n for name, n in step["requests"]["by_outcome"].items() if n and name != "success"}
        self.assertEqual(set(failed), {outcome}, self.output)
        self.assertGreater(step["requests"]["completed"], 0)
        self.assertEqual(step["requests"]["failed"], failed[outcome])
        self.assertIn(outcome, self.output)  # the row shows it
        return host, report, step

    def test_429_is_rejected(self):
        self.seen("http429", "rejected")

    def test_failures_are_told_apart_by_status_with_an_example_everywhere(self):
        host = self.simhost("--fault", "http429=0.3", "--fault", "http503=0.2", "--fault", "reset=0.1")
        plan = plan_text([host.url], steps="[16]", hold="4s").replace("name: test\n", "name: test\nrecords: true\n")
        _, report, step = self.outcomes(plan)
        kinds = {(kind["outcome"], kind["status"]): kind for kind in step["requests"]["failures"]}
        self.assertLessEqual({("rejected", 429), ("rejected", 503)}, set(kinds))
        self.assertEqual({outcome for outcome, _ in kinds}, {"rejected", "stream"})
        self.assertEqual(sum(kind["count"] for kind in kinds.values()), step["requests"]["failed"])
        refused = kinds["rejected", 429]
        self.assertTrue(refused["said"])
        ids = self.request_ids()
        self.assertEqual(ids[refused["request_id"]], "rejected")
        self.assertEqual(len(step["slowest"]), 10)
        for slow in step["slowest"]:
            self.assertIn(ids[slow["request_id"]], ("success", "stream"))
        self.assertEqual(step["slowest"][0]["ttft_seconds"], max(s["ttft_seconds"] for s in step["slowest"]))

        self.assertRegex(self.output, rf"Errors: .*{refused['count']} × 429")
        self.assertIn(refused["said"][:30], self.output)
        for name in ("report.txt", "report.md", "report.html"):
            text = html.unescape((self.scratch / "out" / name).read_text()).replace("\\", "")
            flat = " ".join(text.split())
            self.assertIn(f"{refused['count']} × 429 at 16; one said: ", flat, name)
            self.assertIn(refused["request_id"], flat, name)
            self.assertIn(step["slowest"][0]["request_id"], flat, name)
        again = self.kneepoint("replay", self.scratch / "out", "--out", self.scratch / "again")
        self.assertIn(again.wait(), (0, 3), again.output)
        self.assertEqual((self.scratch / "out/report.json").read_text(), (self.scratch / "again/report.json").read_text())

    def request_ids(self):
        """The outcome of every request that was recorded, by its X-Request-Id."""
        with gzip.open(self.scratch / "out/records.jsonl.gz", "rt") as lines:
            rows = [json.loads(line) for line in lines][1:]
        return {row["id"]: row["outcome"] for row in rows}

    def test_503_is_rejected(self):
        self.seen("http503", "rejected")

    def test_a_reset_in_mid_stream(self):
        self.seen("reset", "stream")

    def test_an_error_object_in_the_stream(self):
        self.seen("error_in_stream", "error_at_200")

    def test_endings_that_are_no_answers(self):
        """At status 200, and with nothing broken on the wire."""
        for habit, outcome in {"done_alone": "empty", "finish_alone": "empty", "no_choices": "empty",
                               "error_line": "error_at_200", "error_event": "error_at_200",
                               "detail": "error_at_200", "code_message": "error_at_200", "abort": "aborted",
                               "no_end": "truncated", "unknown_shape": "unread"}.items():
            with self.subTest(habit):
                self.seen(habit, outcome, option="--misbehave", hold="1s")

    def test_odd_answers_are_answers(self):
        for habit in ("heartbeats", "parts", "thinking_parts", "refusal", "function_call", "interim", "folded_headers"):
            with self.subTest(habit):
                host = self.simhost("--misbehave", habit)
                _, report, step = self.outcomes(plan_text([host.url], steps="[2]", hold="1s"))
                self.assertEqual(step["requests"]["failed"], 0, self.output)
                self.assertGreater(step["requests"]["completed"], 0)

    def test_malformed_json(self):
        self.seen("bad_json", "parse")

    def test_a_stream_that_never_ends(self):
        self.seen("never_end", "timeout", rate="0.2", extra_target=", request_timeout: 1s", hold="5s")

    def test_a_server_without_the_model(self):
        host = self.simhost()
        plan = plan_text([host.url], steps="[2]").replace("qwen3-4b-instruct-2507", "another")
        code, report, step = self.outcomes(plan)
        self.assertEqual(code, 3, self.output)
        self.assertFalse(report["verdict"]["valid"])
        self.assertEqual(step["requests"]["completed"], 0)
        self.assertGreater(step["requests"]["by_outcome"]["http_4xx"], 0)

    def test_odd_but_legal_streams_are_no_faults(self):
        for fault in ("byte_by_byte", "no_done", "no_usage", "slow_accept"):
            with self.subTest(fault):
                host = self.simhost("--fault", f"{fault}=0.5")
                _, report, step = self.outcomes(plan_text([host.url], steps="[2]"))
                self.assertEqual(step["requests"]["failed"], 0, self.output)
                self.assertGreater(step["requests"]["completed"], 0, self.output)

    def test_a_host_that_takes_less_usage_refuses_no_request_of_the_load(self):
        for usage, asked, source, words in (("final", 2, "estimated", "no running token counts"),
                                            ("none", 3, "chunks", "no token counts")):
            with self.subTest(usage):
                host = self.simhost("--usage", usage)
                code, report, step = self.outcomes(plan_text([host.url], steps="[8]"), "--agents", "2")
                self.assert_ran(code, self.output)
                self.assertIn(f"host: {words}", self.output)
                self.assertEqual(step["token_source"], source)
                requests = host.stats()["requests"]
                self.assertEqual(requests["invalid"], asked - 1, "refused before the load")
                self.assertEqual(requests["received"], report["totals"]["started"] + asked)
                self.assertEqual(report["totals"]["failed"], 0)

    def test_a_kept_connection_that_was_closed_is_reopened_once(self):
        host = self.simhost("--fault", "close_before_response=0.3")
        _, report, step = self.outcomes(plan_text([host.url], steps="[4]"))
        self.assertEqual(step["requests"]["by_outcome"]["success"], step["requests"]["completed"])
        self.assertGreater(step["reconnects"], 0)

    def test_a_refused_target_is_not_hammered(self):
        port = harness.free_port()
        code, report, step = self.outcomes(plan_text([f"http://127.0.0.1:{port}"], steps="[8]", hold="4s"))
        self.assertEqual(code, 3, self.output)
        self.assertGreater(step["requests"]["by_outcome"]["connect"], 0)
        # 100 ms · 2^k: a slot makes about six attempts in five seconds.
        self.assertLess(report["totals"]["failed"], 8 * 12)
        self.assertGreater(step["backing_off"], 4)

    def test_a_name_that_does_not_resolve(self):
        code, report, step = self.outcomes(plan_text(["http://no-such-host.invalid:8000"], steps="[1]"))
        self.assertEqual(code, 3, self.output)
        self.assertGreater(report["totals"]["failed"], 0, self.output)
        self.assertEqual({n for n, c in step["requests"]["by_outcome"].items() if c} - {"dns"}, set(), self.output)

    def test_prompts_and_keys_never_appear_in_what_is_printed(self):
        host = self.simhost("--fault", "http429=0.5")
        plan = plan_text([host.url], steps="[2]", extra_target=", auth: {env: KNEEPOINT_TEST_KEY}")
        code, report, output = self.run_plan(
            self.write_plan(plan), env={"KNEEPOINT_TEST_KEY": "sk-very-secret"})
        self.assertNotIn("sk-very-secret", output)
        self.assertNotIn("What is a transformer?", output)
        kept = {file.name: gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()
                for file in (self.scratch / "out").iterdir()}
        self.assertIn(b"KNEEPOINT_TEST_KEY", kept["timeline.binpb.gz"], "what names the secret can be read there")
        for name, content in kept.items():
            self.assertNotIn(b"sk-very-secret", content, name)


if __name__ == "__main__":
    harness.main()
