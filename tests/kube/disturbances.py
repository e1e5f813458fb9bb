"""What happens to runs: pods deleted, nodes drained, Jobs suspended, plans that are wrong."""
from cluster import kubectl, processes
from trial import LATE, REACHED_ITS_END, SMALL, Run, Trial, measured, plan

NODE = "lab"


class Disturbed(Trial):
    def ends_well(self, run, seconds=400):
        """The run's answer, its report, and agents that are done."""
        code, words = run.until_over(seconds)
        self.assertIn(code, REACHED_ITS_END, run.log()[-2000:])
        self.assertIn(f"report: /results/{run.name}", words)
        processes.wait_until(lambda: run.job(run.agents).get("succeeded") == 2, 60, "both agents are done")
        return run.report()

    def test_an_agent_pod_is_deleted(self):
        """Another comes under its name and gets its share; the step is measured again."""
        run = self.space("agent-deleted").run("agent-deleted", plan(hold=20))
        run.until_loaded(step=1)
        gone = run.live("agent")[0]
        run.space.kubectl("delete", "pod", gone, "--wait=false")
        processes.wait_until(lambda: run.log().count(LATE) == 1, 120, "another agent has joined")
        self.assertNotIn(gone, run.live("agent"))
        report = self.ends_well(run)
        self.assertEqual(measured(report)[:3], [2, 4, 8])
        self.assertEqual((report["run"]["agents_lost"], report["run"]["steps_lost"]), (1, 1))
        self.assertEqual(len(run.pods("coordinator")), 1, "the run went on")

    def test_a_coordinator_pod_is_deleted(self):
        """It drains and leaves with 130, which is not final: the next one goes on."""
        run = self.space("coordinator-deleted").run("coordinator-deleted", plan(hold=10))
        run.until_loaded(step=2)
        first = run.live("coordinator")[0]
        run.space.kubectl("delete", "pod", first, "--wait=false")
        processes.wait_until(lambda: [name for name in run.live("coordinator") if name != first], 240, "another coordinator runs")
        report = self.ends_well(run)
        self.assertEqual(len(report["run"]["resumed"]), 1)

    def test_a_drain_waits_for_the_end_of_the_run(self):
        run = self.space("drained").run("drained", plan(hold=12))
        run.until_loaded(step=1)
        self.addCleanup(kubectl, "uncordon", NODE)
        drain = ("drain", NODE, f"--pod-selector=kneepoint.dev/run={run.name}", "--ignore-daemonsets", "--delete-emptydir-data")
        held = kubectl(*drain, "--timeout=8s", check=False)
        self.assertNotEqual(held.returncode, 0)
        self.assertIn("disruption budget", held.stderr)
        run.until_over()
        kubectl("uncordon", NODE)
        self.assertFalse(self.ends_well(run)["run"]["resumed"])
        kubectl(*drain, "--timeout=60s")

    def test_a_plan_that_is_wrong_ends_its_agents(self):
        """They are told by the coordinator, which lingers for them, and are not tried again."""
        wrong = plan().replace("ramp:", "rump:")
        run = self.space("wrong").run("wrong", wrong, more=SMALL.replace("--linger=1s", "--linger=30s"))
        code, _ = run.until_over(120)
        self.assertEqual(code, 2)
        processes.wait_until(lambda: "Failed" in run.conditions(run.agents), 60, "the agents' Job has failed")
        ended = [pod["status"]["containerStatuses"][0]["state"]["terminated"]["exitCode"] for pod in run.pods("agent")]
        self.assertEqual(ended, [3, 3])

    def test_a_run_is_suspended_and_goes_on(self):
        run = self.space("suspended").run("suspended", plan(hold=10))
        run.until_loaded(step=2)

        def suspend(whether):
            for job in (run.coordinator, run.agents):
                run.space.kubectl("patch", "job", job, "--patch", f'{{"spec": {{"suspend": {whether}}}}}')
        suspend("true")
        processes.wait_until(lambda: not run.live("coordinator") + run.live("agent"), 240, "no pod runs")
        self.assertEqual(run.conditions(run.coordinator).get("Suspended"), "JobSuspended")
        suspend("false")
        report = self.ends_well(run)
        self.assertEqual(len(report["run"]["resumed"]), 1)

    def test_the_local_run_as_it_ships(self):
        space = self.space("local")
        folder = space.deploy / "runs/local"
        space.in_this_namespace(folder)
        space.apply(folder)
        run = Run(space, "local", folder)
        code, words = run.until_over(600)
        self.assertIn(code, REACHED_ITS_END, run.log()[-2000:])
        self.assertIn("report: /results/local", words)
