"""A host that is gone is no finding: no saturation point, no trust, and the run does not go on for nothing."""

import harness
from harness import free_port, plan_text


class GoneHost(harness.TestCase):
    def told(self, urls, **plan):
        code, report, output = self.run_plan(self.write_plan(plan_text(urls, steps="[1, 2, 4, 8]", warmup="1s",
                                                                       hold="5s", **plan)))
        self.assertIsNotNone(report, output)
        self.output = output
        self.codes = {r["code"]: r for r in report["verdict"]["remarks"]}
        return code, report

    def rows(self, report):
        return {s["concurrency"]: s for s in report["results"][0]["steps"]}

    def test_it_dies_in_the_middle_of_a_step(self):
        host = self.simhost("--die-after", "10s")
        code, report = self.told([host.url])
        self.assertEqual(code, 3, self.output)
        self.assertEqual(report["verdict"]["trust"], "not trustworthy")
        self.assertIn("target_down", self.codes)
        self.assertIn("the host stopped answering at 00:", self.codes["target_down"]["text"])
        self.assertEqual(report["verdict"]["remarks"][0]["code"], "target_down", "what is fatal stands first")
        self.assertIsNone(report["results"][0]["saturation"]["concurrency"])
        self.assertTrue(self.rows(report)[1]["valid"], self.output)
        self.assertNotIn(8, [n for n, s in self.rows(report).items() if s["valid"]])
        self.assertIn("ends early", self.output)

    def test_the_plan_may_say_to_go_on(self):
        host = self.simhost("--die-after", "4s")
        plan = plan_text([host.url], steps="[1, 2, 3]", warmup="1s", hold="5s").replace(
            "hold: 5s}", "hold: 5s, on_target_down: continue}")
        code, report, output = self.run_plan(self.write_plan(plan))
        self.assertEqual(code, 3, output)
        self.assertEqual(len(report["results"][0]["steps"]), 3, output)
        self.assertNotIn("ends early", output)

    def test_it_was_never_there(self):
        code, report = self.told([f"http://127.0.0.1:{free_port()}"], extra_target=", telemetry: off")
        self.assertEqual(code, 3, self.output)
        self.assertIn("never answered", self.codes["target_down"]["text"])
        self.assertEqual(report["results"][0]["saturation"]["bottleneck"], "")

    def test_a_search_of_a_closed_port_ends(self):
        search = plan_text([f"http://127.0.0.1:{free_port()}"], extra_target=", telemetry: off").replace(
            "ramp: {steps: [4], warmup: 1s, hold: 3s}", "ramp: {search: {max: 256}}")
        self.assertIn("search", search)
        plan = self.write_plan(search)
        code, report, output = self.run_plan(plan, preflight=True)
        self.assertEqual((code, report), (2, None), output)
        self.assertIn("Connection refused", output)
        # Whoever insists hears it from the run: long before the search's half an hour, as it is given up.
        code, report, output = self.run_plan(plan, timeout=60)
        self.assertEqual((code, report["exit"]["reason"]), (3, "target_down"), output)
        self.assertLess(report["run"]["duration_seconds"], 30, output)

    def test_a_host_that_is_fit_says_what_it_has(self):
        host = self.simhost()
        code, report, output = self.run_plan(self.write_plan(plan_text([host.url], steps="[1]", hold="1s")), preflight=True)
        self.assertIn(f"✓ {host.url}: /metrics found\n", output)
        self.assertGreater(report["totals"]["completed"], 0)

    def test_a_host_that_is_not_fit_is_not_loaded(self):
        host = self.simhost("--max-model-len", "512")
        nobody = f"http://127.0.0.1:{free_port()}"
        text = plan_text([host.url], steps="[1]")
        for plan, words in ((plan_text([host.url, nobody], steps="[1]"), f"✗ {nobody}: .*refused"),
                            (text.replace("qwen3-4b-instruct-2507", "other"), "does not serve 'other' but 'qwen3"),
                            (text.replace('prompts: ["What is a transformer?"]', "synthetic: {input_tokens: 600}"),
                             "context of 512 tokens is too short for 648"),
                            (text.replace("http:", "https:"), "does it speak plain http")):
            code, report, output = self.run_plan(self.write_plan(plan), preflight=True)
            self.assertEqual(code, 2, output)
            self.assertRegex(output, words)
            self.assertIn("nothing was loaded; --no-preflight", output)
            self.assertFalse((self.scratch / "out").exists(), "a run that loads nothing leaves nothing")
        self.assertEqual(host.stats()["requests"]["received"], 0)

    def test_it_dies_for_five_seconds_and_returns(self):
        port = free_port()
        host = self.start(harness.Process(harness.BIN / "kneepoint-simhost", "--listen", f"127.0.0.1:{port}",
                                          "--die-after", "10s", "--return-after", "5s"))
        host.wait_for("listening")
        code, report = self.told([f"http://127.0.0.1:{port}"])
        self.assertEqual(code, 3, self.output)
        self.assertEqual(report["verdict"]["trust"], "with reservations", self.output)
        self.assertIn("gave no answer from 00:", self.codes["restarted"]["text"])
        self.assertNotIn("ends early", self.output)
        rows = self.rows(report)
        self.assertTrue(rows[8]["valid"], self.output)
        broken = [s for s in rows.values() if "RESTARTED" in s["flags"]]
        self.assertTrue(broken and not any(s["valid"] for s in broken), self.output)

    def test_one_replica_of_two_dies(self):
        stays, dies = self.simhost(), self.simhost("--die-after", "10s")
        code, report = self.told([stays.url, dies.url])
        self.assertEqual(code, 3, self.output)
        self.assertIn(f"replica 127.0.0.1:{dies.port}, one of 2,", self.codes["target_down"]["text"])
        self.assertIsNone(report["results"][0]["saturation"]["concurrency"])
        self.assertNotIn("ends early", self.output)

    def test_it_hangs_without_closing(self):
        host = self.simhost("--hang-after", "10s")
        code, report = self.told([host.url], extra_target=", request_timeout: 3s, telemetry: off")
        self.assertEqual(code, 3, self.output)
        self.assertIn("target_down", self.codes)
        self.assertIsNone(report["results"][0]["saturation"]["concurrency"])

    def test_a_host_that_refuses_is_alive(self):
        host = self.simhost("--fault", "http429=1")
        _, report = self.told([host.url])
        self.assertNotIn("target_down", self.codes)
        self.assertEqual(len(report["results"][0]["steps"]), 4)


if __name__ == "__main__":
    harness.main()
