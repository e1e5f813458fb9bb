"""Two agents over TCP, and what happens when one side dies."""

import contextlib
import os
import pathlib
import signal
import time

import harness
from harness import BIN, Process, plan_text


class Fleet(harness.TestCase):
    def coordinator(self, plan, *arguments):
        self.port = harness.free_port()
        self.out = self.scratch / "out"
        return self.kneepoint("run", plan, "--out", self.out, "--serve", "none", "--listen",
                              f"127.0.0.1:{self.port}", "--expect-agents", "2", *arguments)

    def agent(self, *arguments):
        return self.start(Process(BIN / "kneepoint-agent", "--coordinator", f"127.0.0.1:{self.port}", *arguments))

    def test_two_agents_share_the_load(self):
        host = self.simhost()
        plan = self.write_plan(plan_text([host.url], steps="[1, 5]"))
        coordinator = self.coordinator(plan)
        agents = [self.agent(), self.agent()]
        self.assert_ran(coordinator.wait(60), coordinator.output)
        for agent in agents:
            self.assertEqual(agent.wait(20), 0, agent.output)
        report = self.report(self.out)
        self.assertEqual(report["totals"]["started"], host.load_stats()["requests"]["received"])
        self.assertAlmostEqual(report["results"][0]["steps"][1]["achieved_concurrency"], 5, delta=0.1)

    @staticmethod
    def listening(pid):
        """The inodes of the TCP sockets that a process has open and that are listened on."""
        rows = [line.split() for name in ("tcp", "tcp6") for line in pathlib.Path("/proc/net", name).read_text().splitlines()[1:]]
        all_of_them = {f"socket:[{row[9]}]" for row in rows if row[3] == "0A"}
        opened = set()
        for descriptor in pathlib.Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(OSError):
                opened.add(os.readlink(descriptor))
        return opened & all_of_them

    def test_an_agent_of_this_machine_inherits_no_port_of_its_coordinator(self):
        host = self.simhost()
        plan = self.write_plan(plan_text([host.url], steps="[2]", hold="20s"))
        coordinator = self.kneepoint("run", plan, "--out", self.scratch / "out", "--serve", f"127.0.0.1:{harness.free_port()}")
        harness.wait_until(lambda: host.stats()["requests"]["completed"] > 0, "load", 30)
        self.assertEqual(len(self.listening(coordinator.child.pid)), 1, "its metrics")
        self.assertEqual(self.listening(harness.local_agent_of(coordinator.child.pid)), set())

    def test_an_agent_without_its_coordinator_stops_its_load(self):
        host = self.simhost()
        plan = self.write_plan(plan_text([host.url], steps="[6]", hold="60s"))
        coordinator = self.coordinator(plan)
        agents = [self.agent("--join-timeout", "5s"), self.agent("--join-timeout", "5s")]
        deadline = time.monotonic() + 30 * harness.PATIENCE
        while host.stats()["requests"]["completed"] < 20 and time.monotonic() < deadline:
            time.sleep(0.1)
        coordinator.signal(signal.SIGKILL)
        killed = time.monotonic()
        before = -1
        while time.monotonic() < killed + 10:
            stats = host.stats()["requests"]
            if stats["received"] == before and stats["in_flight"] == 0:
                break
            before = stats["received"]
            time.sleep(0.5)
        self.assertEqual(host.stats()["requests"]["in_flight"], 0)
        for agent in agents:
            self.assertEqual(agent.wait(30), 5, agent.output)

    def test_agents_join_while_a_model_loads(self):
        # They look for the coordinator for less time than the model takes.
        load, join = 6 * harness.PATIENCE, 3 * harness.PATIENCE
        host = self.simhost("--load-time", f"{load}s")
        plan = self.write_plan(plan_text([host.url], extra_target=", wait_ready: 2m"))
        coordinator = self.coordinator(plan)
        agents = [self.agent("--join-timeout", f"{join}s") for _ in range(2)]
        self.assert_ran(coordinator.wait(60), coordinator.output)
        for agent in agents:
            self.assertEqual(agent.wait(20), 0, agent.output)
        self.assertGreater(self.report(self.out)["results"][0]["load_seconds"], 0)

    def test_agents_of_a_run_that_cannot_be_end_at_once(self):
        self.port = harness.free_port()
        agents = [self.agent("--name", name, "--join-timeout", "10m") for name in ("a", "b")]
        for agent in agents:
            self.assertIsNone(agent.child.poll(), agent.output)
        plan = self.write_plan("targets: nonsense\n")
        coordinator = self.kneepoint("run", plan, "--out", self.scratch / "out", "--serve", "none", "--listen",
                                     f"127.0.0.1:{self.port}", "--expect-agents", "2", "--linger", "30s")
        self.assertEqual(coordinator.wait(20), 2, coordinator.output)
        for agent in agents:
            self.assertEqual(agent.wait(5), 3, agent.output)
            self.assertIn("plan.yaml", agent.output)

    def test_an_agent_that_comes_when_its_run_is_given_up_ends_at_once(self):
        plan = self.write_plan(plan_text([f"http://127.0.0.1:{harness.free_port()}"], extra_target=", wait_ready: 1s"))
        coordinator = self.coordinator(plan, "--linger", "30s")
        agents = [self.agent("--name", name, "--join-timeout", "10m") for name in ("a", "b")]
        self.assertEqual(coordinator.wait(40), 2, coordinator.output)
        for agent in agents:
            self.assertEqual(agent.wait(5), 3, agent.output)

    def waiting_for_a_target(self):
        plan = self.write_plan(plan_text([f"http://127.0.0.1:{harness.free_port()}"], extra_target=", wait_ready: 2m"))
        coordinator = self.coordinator(plan)
        agents = [self.agent("--name", name) for name in ("steady", "doomed")]
        coordinator.wait_for("is not ready")
        return coordinator, agents

    def test_an_agent_lost_while_a_model_loads_ends_the_wait(self):
        coordinator, (steady, doomed) = self.waiting_for_a_target()
        doomed.signal(signal.SIGKILL)
        self.assertEqual(coordinator.wait(20), 5, coordinator.output)
        self.assertIn("agent doomed: ", coordinator.output)
        self.assertEqual(steady.wait(20), 5, steady.output)

    def test_an_interrupt_while_a_model_loads_ends_the_wait(self):
        coordinator, agents = self.waiting_for_a_target()
        coordinator.signal(signal.SIGINT)
        self.assertEqual(coordinator.wait(20), 130, coordinator.output)
        for agent in agents:
            self.assertEqual(agent.wait(20), 5, agent.output)

    def test_too_few_agents_is_a_clear_error(self):
        plan = self.write_plan(plan_text(["http://127.0.0.1:1"]))
        coordinator = self.coordinator(plan, "--join-timeout", "2s")
        self.agent("--name", "lonely")
        self.assertEqual(coordinator.wait(30), 5, coordinator.output)
        self.assertRegex(coordinator.output, r"1 of 2")
        self.assertIn("lonely", coordinator.output)

    def test_a_quorum_may_start(self):
        host = self.simhost()
        plan = self.write_plan(plan_text([host.url]))
        coordinator = self.coordinator(plan, "--join-timeout", "2s", "--min-agents", "1")
        agent = self.agent("--name", "lonely")
        self.assert_ran(coordinator.wait(60), coordinator.output)
        self.assertIn("1 of 2 agents came in time", coordinator.output)
        self.assertEqual(agent.wait(20), 0, agent.output)
        self.assertEqual(self.report(self.out)["run"]["agents"], 1)

    def test_more_than_the_fleet_is_no_quorum(self):
        process = self.coordinator(self.write_plan(plan_text(["http://127.0.0.1:1"])), "--min-agents", "3")
        self.assertEqual(process.wait(20), 2, process.output)
        self.assertIn("--min-agents 3 is more than the 2 agents of the fleet; ask for fewer", process.output)

    def test_beyond_loopback_needs_insecure(self):
        plan = self.write_plan(plan_text(["http://127.0.0.1:1"]))
        process = self.kneepoint("run", plan, "--out", self.scratch / "out", "--listen", "0.0.0.0:0",
                                 "--expect-agents", "1")
        self.assertEqual(process.wait(20), 2, process.output)
        self.assertIn("--insecure", process.output)
        agent = self.start(Process(BIN / "kneepoint-agent", "--coordinator", "192.0.2.1:9"))
        self.assertEqual(agent.wait(20), 2, agent.output)
        self.assertIn("--insecure", agent.output)


if __name__ == "__main__":
    harness.main()
