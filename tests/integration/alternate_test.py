"""Two hosts that take turns: one run, both reports, paired differences."""
import json

from harness import TestCase, main, plan_text


class Alternate(TestCase):
    def test_two_hosts_take_turns_and_are_compared_in_pairs(self):
        slow, fast = self.simhost("--a", "24ms"), self.simhost("--a", "12ms")
        a = self.write_plan(plan_text([slow.url], steps="[1, 2, 4]", hold="2s"), "a.yaml")
        b = self.write_plan(plan_text([fast.url], steps="[8]", hold="9s"), "b.yaml")
        code, report, output = self.run_plan(a, "--alternate", b)
        self.assertIn(code, (0, 3), output)
        self.assertTrue(report["run"]["alternated"])
        self.assertEqual([result["target"] for result in report["results"]], ["host", "host-b"])
        begins = []
        for turn, result in enumerate(report["results"]):
            self.assertEqual([step["concurrency"] for step in result["steps"]], [1, 1, 2, 2, 4, 4], output)
            begins += [(step["window_begin_seconds"], turn) for step in result["steps"]]
        self.assertEqual([turn for _, turn in sorted(begins)], [0, 1, 1, 0] * 3, "A, B, B, A at every load")

        compare = self.kneepoint("compare", self.scratch / "out", "--format", "json")
        self.assertEqual(compare.wait(), 0, compare.output)
        rows = json.loads(compare.output)["results"][0]["rows"]
        pace = {row["load"]: row["differences"][0] for row in rows if row["metric"] == "tpot_p50"}
        self.assertEqual(sorted(pace), [1, 2, 4])
        for load, difference in pace.items():
            self.assertLess(difference["ratio"], -0.3, load)

        again = self.kneepoint("replay", self.scratch / "out", "--out", self.scratch / "again")
        self.assertIn(again.wait(), (0, 3), again.output)
        self.assertEqual((self.scratch / "out/report.json").read_text(), (self.scratch / "again/report.json").read_text())

    def test_set_counts_for_both_plans(self):
        plans = [self.write_plan(plan_text([f"http://127.0.0.1:{port}"], hold='"${hold}"'), f"{port}.yaml") for port in (1, 2)]
        tried = self.kneepoint("run", plans[0], "--alternate", plans[1], "--set", "hold=2s")
        self.assertEqual(tried.wait(), 2)
        self.assertIn("✗ http://127.0.0.1:1: 127.0.0.1:1: Connection refused", tried.output)
        self.assertIn("✗ http://127.0.0.1:2: 127.0.0.1:2: Connection refused", tried.output)

    def test_what_cannot_take_turns_is_refused_before_any_load(self):
        a = self.write_plan(plan_text(["http://127.0.0.1:1"]), "a.yaml")
        b = self.write_plan(plan_text(["http://127.0.0.1:2"], output_tokens=9), "b.yaml")
        refused = self.kneepoint("run", a, "--alternate", b)
        self.assertEqual(refused.wait(), 2)
        self.assertEqual(refused.output, "kneepoint: --alternate: its plan asks something else in scenario 'chat'; both must have "
                                         "the same workload, and differ in their target")

    def test_one_run_whose_targets_took_no_turns_is_no_comparison(self):
        host = self.simhost()
        self.run_plan(self.write_plan(plan_text([host.url], steps="[1]", hold="1s")))
        refused = self.kneepoint("compare", self.scratch / "out")
        self.assertEqual(refused.wait(), 2)
        self.assertIn("one run, whose targets did not take turns; name another run to compare it with", refused.output)


if __name__ == "__main__":
    main()
