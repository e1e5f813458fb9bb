"""A coordinator is killed and the same command line goes on with its run."""

import signal
import threading
import time

import harness
from harness import BIN, Process, plan_text

# What is measured of a row; its state and flags depend on the rows after it as well.
MEASURED = ("concurrency", "attempt", "window_begin_seconds", "duration_seconds", "requests", "requests_per_second",
            "output_tokens_per_second", "ttft_seconds", "tpot_seconds", "e2e_seconds", "generator", "batches")
FILES = ("report.json", "report.txt", "report.md", "steps.csv", "report.html")


def measured(step):
    return {name: step[name] for name in MEASURED}


class Resume(harness.TestCase):
    def setUp(self):
        super().setUp()
        self.host = self.simhost()
        self.plan = self.write_plan(plan_text([self.host.url], steps="[2, 4]", hold="4s"))
        self.out = self.scratch / "out"

    def run_again(self, *arguments):
        """The one command line, of the first run and of every other."""
        return self.kneepoint("run", self.plan, "--out", self.out, "--serve", "none", "--resume", *arguments)

    def kill(self, coordinator):
        coordinator.signal(signal.SIGKILL)
        coordinator.wait(10)

    def assert_load_ends(self):
        before = [-1]

        def quiet():
            requests = self.host.stats()["requests"]
            still = requests["in_flight"] == 0 and requests["received"] == before[0]
            before[0] = requests["received"]
            time.sleep(0.5)
            return still
        harness.wait_until(quiet, "the load ends", 10)

    def wait_for_load(self, more=3):
        before = self.host.stats()["requests"]["completed"]
        harness.wait_until(lambda: self.host.stats()["requests"]["completed"] >= before + more, "load", 40)

    def closed_rows(self):
        """The rows that are in what the killed coordinator left."""
        killed = self.scratch / "killed"
        replay = self.kneepoint("replay", self.out, "--out", killed)
        self.assertEqual(replay.wait(20), 130, replay.output)
        results = self.report(killed)["results"]
        return [measured(step) for step in results[0]["steps"]] if results else []

    def assert_replays(self):
        """The report is what its recording gives, to the byte."""
        again = self.scratch / "again"
        self.kneepoint("replay", self.out, "--out", again).wait(20)
        for name in FILES:
            self.assertEqual((self.out / name).read_bytes(), (again / name).read_bytes(), name)

    def assert_goes_on(self, rows, *arguments):
        """Runs the command line again; `rows` were closed before. The last may have been said and not yet be on the
        disk: then it is measured again."""
        before = self.closed_rows()
        self.assertIn(len(before), (rows, max(rows - 1, 0)))
        rows = len(before)
        again = self.run_again(*arguments)
        self.assert_ran(again.wait(60), again.output)
        report = self.report(self.out)
        (resumed,) = report["run"]["resumed"]
        self.assertGreaterEqual(resumed["gap_seconds"], 1)
        self.assertIn("resumed", [remark["code"] for remark in report["verdict"]["remarks"]])
        steps = report["results"][0]["steps"]
        self.assertEqual([step["concurrency"] for step in steps], [2, 4])
        self.assertEqual([measured(step) for step in steps[:rows]], before)
        for number, step in enumerate(steps):
            begin, end = step["window_begin_seconds"], step["window_begin_seconds"] + step["duration_seconds"]
            if number < rows:
                self.assertLessEqual(end, resumed["at_seconds"] - resumed["gap_seconds"])
            else:
                self.assertGreater(begin, resumed["at_seconds"])
        self.assert_replays()
        return report, again

    def test_killed_in_the_first_warm_up(self):
        first = self.run_again()
        self.wait_for_load(2)  # the first one only asks what the target tells of its tokens
        self.kill(first)
        self.assert_load_ends()
        self.assert_goes_on(0)

    def test_killed_between_steps(self):
        first = self.run_again()
        first.wait_for(r"\n +2 ", 60)
        self.kill(first)
        self.assert_load_ends()
        self.assert_goes_on(1)

    def test_killed_twice_in_a_hold(self):
        first = self.run_again()
        first.wait_for(r"\n +2 ", 60)
        time.sleep(2.5)
        self.kill(first)
        self.assert_load_ends()
        before = self.closed_rows()
        second = self.run_again()
        second.wait_for("goes on", 60)
        self.wait_for_load()
        time.sleep(2)
        self.kill(second)
        self.assert_load_ends()
        self.assertEqual(self.closed_rows(), before)
        third = self.run_again()
        self.assert_ran(third.wait(60), third.output)
        report = self.report(self.out)
        self.assertEqual(len(report["run"]["resumed"]), 2)
        steps = report["results"][0]["steps"]
        self.assertEqual([step["concurrency"] for step in steps], [2, 4])
        self.assertEqual(measured(steps[0]), before[0])
        self.assert_replays()

    def test_killed_while_it_writes_the_report_and_once_it_is_over(self):
        first = self.run_again()
        first.wait_for("report: ", 60)
        self.kill(first)
        received = self.host.stats()["requests"]["received"]
        for name in FILES:
            (self.out / name).unlink(missing_ok=True)
        second = self.run_again()
        self.assert_ran(second.wait(20), second.output)
        self.assertIn("is over: nothing is loaded", second.output)
        self.assertEqual(self.report(self.out)["run"]["resumed"], [])
        self.assertEqual(self.host.stats()["requests"]["received"], received)
        self.assert_replays()
        # The coordinator that was killed may not have told its agents: this one does, and they need not wait for another.
        port = harness.free_port()
        agent = self.start(Process(BIN / "kneepoint-agent", "--coordinator", f"127.0.0.1:{port}", "--join-timeout", "60s"))
        third = self.run_again("--listen", f"127.0.0.1:{port}", "--expect-agents", "1")
        self.assertEqual(agent.wait(20), 0, agent.output)
        self.assert_ran(third.wait(20), third.output)
        # Another plan is not this run.
        self.plan.write_text(plan_text([self.host.url], steps="[3]"))
        other = self.run_again()
        self.assertEqual(other.wait(20), 2)
        self.assertRegex(other.output, r"^kneepoint: .*/out: holds a run of another plan; go on with .*/out/plan.yaml, "
                                       r"or give --out another directory$")
        self.assertEqual(self.host.stats()["requests"]["received"], received)

    def test_an_interrupted_run_is_gone_on_with(self):
        first = self.run_again()
        first.wait_for(r"\n +2 ", 60)
        time.sleep(2.5)
        first.signal(signal.SIGTERM)
        self.assertEqual(first.wait(30), 130, first.output)
        again = self.run_again()
        self.assert_ran(again.wait(60), again.output)
        report = self.report(self.out)
        self.assertFalse(report["run"]["interrupted"])
        self.assertEqual([step["concurrency"] for step in report["results"][0]["steps"]], [2, 4])
        self.assert_replays()

    def test_agents_that_are_still_there_are_taken_back_and_others_are_waited_for(self):
        port = harness.free_port()

        def agent(name):
            return self.start(Process(BIN / "kneepoint-agent", "--coordinator", f"127.0.0.1:{port}", "--name", name,
                                      "--join-timeout", "60s"))
        fleet = ("--listen", f"127.0.0.1:{port}", "--expect-agents", "2")
        agents = [agent("a0"), agent("a1")]
        first = self.run_again(*fleet)
        first.wait_for(r"\n +2 ", 60)
        self.kill(first)
        agents[1].signal(signal.SIGKILL)
        self.assert_load_ends()
        late = []

        def arrive():
            late.append(agent("a1"))
        timer = threading.Timer(3, arrive)
        timer.start()
        self.addCleanup(timer.join)
        report, again = self.assert_goes_on(1, *fleet)
        self.assertEqual(report["run"]["agents"], 2)
        self.assertEqual(report["run"]["agents_lost"], 0)
        self.assertEqual(agents[0].wait(20), 0, agents[0].output)
        self.assertEqual(late[0].wait(20), 0, late[0].output)

    def test_an_agent_that_is_lost_and_back_after_a_resume(self):
        self.plan = self.write_plan(plan_text([self.host.url], steps="[2, 4]", hold="6s"))
        port = harness.free_port()

        def agent(name):
            return self.start(Process(BIN / "kneepoint-agent", "--coordinator", f"127.0.0.1:{port}", "--name", name,
                                      "--join-timeout", "60s"))
        fleet = ("--listen", f"127.0.0.1:{port}", "--expect-agents", "2")
        agents = [agent("a0"), agent("a1")]
        first = self.run_again(*fleet)
        self.wait_for_load()
        self.kill(first)
        self.assert_load_ends()
        again = self.run_again(*fleet)
        again.wait_for("goes on", 60)
        self.wait_for_load()
        agents[1].signal(signal.SIGKILL)
        again.wait_for("agent a1 lost", 30)
        agents.append(agent("a1"))
        self.assert_ran(again.wait(90), again.output)
        report = self.report(self.out)
        self.assertEqual(report["run"]["agents"], 2)
        self.assertEqual(report["run"]["agents_lost"], 1)
        self.assertEqual(report["run"]["agents_returned"], 1)
        self.assert_replays()

    def test_resume_needs_a_directory(self):
        process = self.kneepoint("run", self.plan, "--resume")
        self.assertEqual(process.wait(20), 2)
        self.assertIn("--resume requires --out", process.output)


if __name__ == "__main__":
    harness.main()
