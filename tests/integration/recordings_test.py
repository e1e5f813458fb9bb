"""What a real vLLM did (tests/recordings), replayed: nothing may be said of it that the recordings do not show."""

import shutil

import harness

RECORDINGS = harness.ROOT / "tests/recordings"
PUBLISHED = harness.ROOT / "docs/results/h200-2026-11-29"  # with what the server's own threads did beside it
LATER = harness.ROOT / "docs/results/h200-2026-11-30"


class Recordings(harness.TestCase):
    def replay(self, name, folder=RECORDINGS, pages=("covered", "")):
        copy = self.scratch / name
        shutil.copytree(folder / name, copy)
        for report in copy.glob("report.*"):
            report.unlink()
        process = self.kneepoint("replay", copy)
        self.code = process.wait(60)
        self.assertIn(self.code, (0, 3), process.output)
        self.text = " ".join((copy / "report.txt").read_text().split())
        self.above = self.text.split("=" * 40)[0]
        report = self.report(copy)
        for result in report["results"]:
            self.assertNotEqual(result["saturation"]["bottleneck"], "network")
            for step in result["steps"]:
                page = step["telemetry"]["page"]
                self.assertIn(page["state"], pages, (name, step["concurrency"], page))
        self.assertNotIn("RX_LAG", self.above)
        self.assertNotIn("receive lag", self.above)
        return report["results"]

    def at(self, result, load):
        return [step for step in result["steps"] if step["concurrency"] == load][-1]

    def test_search_of_a_server_with_64_slots(self):
        (result,) = self.replay("a-search-1")
        self.assertIn(result["saturation"]["bottleneck"], ("", "queue_slots"))
        if not result["saturation"]["bottleneck"]:
            self.assertIn("front end or scheduler (it is not known which)", self.text)
        low, high = result["saturation"]["ci95"]
        self.assertTrue(low <= 42 and 98 <= high, (low, high))
        self.assertIsNone(result["saturation"]["concurrency"], "no point of a host that does not repeat itself")
        self.assertNotIn("collapse", result["saturation"]["shape"], "512 gave the most")
        self.assertEqual(self.code, 3)
        self.assertIn("IN_STEP", self.at(result, 47)["flags"])
        self.assertNotIn("IN_STEP", self.at(result, 4)["flags"])

    def test_sweep_of_a_4b_model(self):
        (result,) = self.replay("b-sweep")
        self.assertEqual(result["saturation"]["bottleneck"], "")
        self.assertIn("cannot be ruled out", self.text)
        self.assertRegex(self.above, r"6\d % of the prompt tokens at \d+ came out of the server's prefix cache")
        self.assertIn("at 256 195 of 871 missed it, but in bursts", self.text)
        self.assertNotIn("too few requests to decide above", self.text)

    def test_a_front_end_that_is_the_limit_without_its_cpu(self):
        (result,) = self.replay("c-slots")
        self.assertEqual(result["saturation"]["bottleneck"], "")
        self.assertIn("The GPU is not full (24 % in use at 256 requests in flight): front end or scheduler (it is not known which)",
                      self.text)

    def test_one_step_says_nothing_of_what_gives_out(self):
        (result,) = self.replay("a64-kneepoint-1")
        self.assertEqual(result["saturation"]["bottleneck"], "")
        self.assertNotIn("first to give out", self.text)
        self.assertIn("IN_STEP", self.at(result, 64)["flags"])

    def test_streams_in_step(self):
        varied, equal = self.replay("in-step")
        self.assertEqual(varied["saturation"]["bottleneck"], "")
        self.assertEqual(equal["saturation"]["bottleneck"], "")
        self.assertIn("IN_STEP", self.at(equal, 47)["flags"])
        for load in (47, 64, 77, 105):
            self.assertNotIn("IN_STEP", self.at(varied, load)["flags"])

    def test_causes_that_the_servers_threads_confirm(self):
        # Bottleneck, and what of its evidence must be told.
        truth = {
            "cache": ("kv_cache", "up to 98 % full, and 21 requests a second were preempted"),
            "compute": ("prefill", "the GPU was in use 100 % of the time"),
            "experiment-b": ("front_end", "its process was busy 0.97 of a core"),
            "front-end": ("", "front end and scheduler are both at their limit"),
            "slots": ("", "Past the knee the slots are full, too"),
        }
        for name, (bottleneck, evidence) in truth.items():
            with self.subTest(name):
                (result,) = self.replay(name, PUBLISHED)
                self.assertEqual(result["saturation"]["bottleneck"], bottleneck)
                self.assertIn(evidence, self.text)
                self.assertIsNone(result["saturation"]["concurrency"], "three loads tell no point")
                self.assertNotEqual(result["verdict"]["trust"], "trustworthy", "nothing was measured twice")

    def test_a_slow_replica_of_two(self):
        (result,) = self.replay("replicas", PUBLISHED)
        self.assertIn("Replica 127.0.0.1:8006 is slower than the others: TPOT p50 17.8 ms at 64, where the others have 5.85 ms",
                      self.text)

    def test_two_replicas_behind_one_address(self):
        (result,) = self.replay("hidden-replicas", LATER, pages=("rotating",))
        self.assertIn("Replica 127.0.0.1:8006 is slower than the others: TPOT p50 29.8 ms at 64, where the others have 3.71 ms",
                      self.text)
        self.assertEqual(result["saturation"]["bottleneck"], "", "whose page it is, nobody knows")

    def test_settings_in_turns(self):
        wide, narrow = self.replay("turns-slots", LATER, pages=("covered", "partial"))
        self.assertNotEqual(wide["saturation"]["bottleneck"], "queue_slots")
        self.assertEqual(narrow["saturation"]["bottleneck"], "queue_slots")
        gate = self.kneepoint("compare", self.scratch / "turns-slots", "--fail-on", "throughput<-5%")
        self.assertEqual(gate.wait(60), 4, gate.output)
        _, small = self.replay("turns-chunks", LATER, pages=("covered", "partial"))
        self.assertEqual(small["saturation"]["bottleneck"], "prefill", "each iteration was full, and no slot was wanting")
        self.assertIn("The engine's iterations are full: ", self.text)

    def test_a_proof_on_a_host_that_moves(self):
        (result,) = self.replay("search-1", LATER)
        self.assertEqual(result["proof"]["state"], "FAILS")
        self.assertEqual(result["verdict"]["trust"], "not trustworthy")
        self.assertIn("the agents need not be the cause", self.above)
        (again,) = self.replay("search-2", LATER)
        self.assertLess(max(each["saturation"]["ci95"][0] for each in (result, again)),
                        min(each["saturation"]["ci95"][1] for each in (result, again)), "one plan, one host")
        for each in (result, again):
            self.assertEqual(each["saturation"]["bottleneck"], "queue_slots")
            self.assertIsNone(each["saturation"]["concurrency"])

    def test_a_model_that_thinks(self):
        thinks, answers, *_ = self.replay("experiment-a-awq", LATER)
        first, other = thinks["steps"][0], answers["steps"][0]
        self.assertGreater(first["ttfo_seconds"]["mean"], 5 * first["ttft_seconds"]["mean"])
        self.assertEqual(other["ttfo_seconds"]["mean"], other["ttft_seconds"]["mean"])

    def test_an_agent_that_was_killed_and_a_coordinator_that_was(self):
        (result,) = self.replay("agent-killed", PUBLISHED)
        self.assertEqual([(s["concurrency"], s["valid"]) for s in result["steps"]], [(16, True), (32, False), (32, True), (48, True)])
        (result,) = self.replay("resumed", PUBLISHED)
        self.assertEqual([(s["concurrency"], s["valid"]) for s in result["steps"]], [(16, True), (32, True), (48, True)])

    def test_a_search_that_lost_an_agent_and_a_ramp_whose_coordinator_was_killed(self):
        (result,) = self.replay("agent-killed-in-search", LATER)
        self.assertEqual([(s["attempt"], s["valid"]) for s in result["steps"] if s["concurrency"] == 64][:2], [(1, False), (2, True)])
        low, high = result["saturation"]["ci95"]
        self.assertTrue(low <= 64 <= high, "it has 64 slots")
        self.assertEqual(result["saturation"]["bottleneck"], "queue_slots")
        self.assertEqual(self.code, 3)
        (result,) = self.replay("resumed", LATER)
        self.assertEqual([(s["concurrency"], s["valid"]) for s in result["steps"]], [(16, True), (32, True), (48, True)])
        self.assertEqual(self.code, 0)


if __name__ == "__main__":
    harness.main()
