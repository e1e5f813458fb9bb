"""What a fleet goes through with real processes: kills, stops, floods. docs/fleet.md has the table; the rows are here."""

import collections
import contextlib
import datetime
import gzip
import json
import os
import re
import signal
import socket
import struct
import subprocess
import threading
import time
import unittest

import harness
from harness import BIN, Process, plan_text


# Load without a heartbeat ends so long after the last one was sent (common/lease.h).
LEASE = 8


class Relay:
    """Stands between agents and a coordinator, and can end all connections with a TCP reset."""

    RESET_AT_CLOSE = struct.pack("ii", 1, 0)

    def __init__(self, port):
        self.to = port
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.lock = threading.Lock()
        self.pairs = []
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                agent, _ = self.listener.accept()
            except OSError:
                return
            try:
                coordinator = socket.create_connection(("127.0.0.1", self.to))
            except OSError:
                agent.close()  # it dials again
                continue
            with self.lock:
                self.pairs.append((agent, coordinator))
            for source, sink in ((agent, coordinator), (coordinator, agent)):
                threading.Thread(target=self.copy, args=(source, sink), daemon=True).start()

    @staticmethod
    def copy(source, sink):
        try:
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def reset(self):
        """Returns how many connections there were."""
        with self.lock:
            pairs, self.pairs = self.pairs, []
        for pair in pairs:
            for end in pair:
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, self.RESET_AT_CLOSE)
                # A thread that reads it would keep it open.
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RD)
                end.close()
        return len(pairs)

    def close(self):
        self.listener.close()
        self.reset()


class FleetFaults(harness.TestCase):
    def coordinator(self, plan, out, *arguments, agents=2):
        return self.kneepoint("run", plan, "--out", self.scratch / out, "--serve", "none", "--listen",
                              f"127.0.0.1:{self.port}", "--expect-agents", str(agents), *arguments)

    def agent(self, *arguments):
        return self.start(Process(BIN / "kneepoint-agent", "--coordinator", f"127.0.0.1:{self.port}", *arguments))

    def fleet(self, host, *, agents=2, steps="[2, 4]", hold="12s", out="out", agent_options=(), more=""):
        self.port = harness.free_port()
        plan = self.write_plan(plan_text([host.url], steps=steps, hold=hold) + more)
        coordinator = self.coordinator(plan, out, agents=agents)
        return coordinator, [self.agent("--name", f"a{i}", *agent_options) for i in range(agents)], plan

    def wait_for_load(self, host, more=10):
        deadline = time.monotonic() + 40 * harness.PATIENCE
        before = host.stats()["requests"]["completed"]
        while host.stats()["requests"]["completed"] < before + more:
            self.assertLess(time.monotonic(), deadline, "no load")
            time.sleep(0.1)

    def assert_load_ends(self, host, within=10):
        deadline = time.monotonic() + within * harness.PATIENCE
        before = -1
        while True:
            requests = host.stats()["requests"]
            if requests["in_flight"] == 0 and requests["received"] == before:
                return
            self.assertLess(time.monotonic(), deadline, "the load goes on")
            before = requests["received"]
            time.sleep(1)

    def settled(self, host):
        """How many requests the host has received, once all of them have ended."""
        harness.wait_until(lambda: host.stats()["requests"]["in_flight"] == 0, "the answers end")
        return host.stats()["requests"]["received"]

    def assert_nothing_lost(self, out="out"):
        report = self.report(self.scratch / out)
        for step in report["results"][0]["steps"]:
            self.assertNotIn("AGENT_LOST", step["flags"])
        return report

    def relay(self):
        self.port = harness.free_port()
        relay = Relay(self.port)
        self.addCleanup(relay.close)
        return relay

    def test_a_link_that_is_reset_costs_nothing(self):
        host = self.simhost()
        relay = self.relay()
        plan = self.write_plan(plan_text([host.url], steps="[2, 4]", hold="8s"))
        coordinator = self.coordinator(plan, "out", agents=1)
        agent = self.start(Process(BIN / "kneepoint-agent", "--coordinator", f"127.0.0.1:{relay.port}", "--name", "a0"))
        self.wait_for_load(host)
        for _ in range(3):
            self.assertEqual(relay.reset(), 1)
            harness.wait_until(lambda: relay.pairs, "the agent dials again")
            time.sleep(2)
        self.assertIn(coordinator.wait(90), (0, 3), coordinator.output)
        self.assertIn("the connection to the coordinator broke", agent.output)
        report = self.assert_nothing_lost()
        self.assertEqual(report["run"]["agents_lost"], 0)
        for step in report["results"][0]["steps"]:
            self.assertNotIn("INCOMPLETE", step["flags"])
        self.assertEqual(report["totals"]["started"], host.load_stats()["requests"]["received"])
        self.assertEqual(agent.wait(20), 0, agent.output)

    @unittest.skipIf(harness.sanitized(), "nothing can be loaded before a sanitizer")
    def test_wall_clocks_that_are_set_change_nothing(self):
        host = self.simhost()
        steps = {who: self.scratch / f"clock-of-{who}" for who in ("coordinator", "agent")}

        def set_clock(who, seconds):
            with open(steps[who], "r+b") as file:
                file.write(struct.pack("q", seconds))

        def with_clock(who):
            steps[who].write_bytes(bytes(8))
            return {"LD_PRELOAD": str(BIN / "kneepoint_stepped_clock.so"), "KNEEPOINT_CLOCK_STEP": str(steps[who])}
        relay = self.relay()
        plan = self.write_plan(plan_text([host.url], steps="[2, 4]", hold="8s"))
        coordinator = self.kneepoint("run", plan, "--out", self.scratch / "out", "--serve", "none", "--listen",
                                     f"127.0.0.1:{self.port}", "--expect-agents", "1", env=with_clock("coordinator"))
        agent = self.start(Process(BIN / "kneepoint-agent", "--coordinator", f"127.0.0.1:{relay.port}", "--name", "a0",
                                   env=with_clock("agent")))
        self.wait_for_load(host)
        began = datetime.datetime.now(datetime.timezone.utc)
        set_clock("agent", 3600)
        time.sleep(2)
        set_clock("coordinator", -7200)
        time.sleep(2)
        set_clock("agent", -86400)
        relay.reset()  # so that it says something
        time.sleep(2)
        set_clock("coordinator", 30 * 86400)
        self.assertIn(coordinator.wait(90), (0, 3), coordinator.output)
        self.assertEqual(agent.wait(20), 0, agent.output)
        report = self.assert_nothing_lost()
        for step in report["results"][0]["steps"]:
            self.assertNotIn("INCOMPLETE", step["flags"])
            self.assertAlmostEqual(step["achieved_concurrency"], step["concurrency"], delta=0.3)
        self.assertEqual(report["totals"]["started"], host.load_stats()["requests"]["received"])
        self.assertLess(report["run"]["duration_seconds"], 60)
        # They were set: the agent's last line is of yesterday.
        self.assertIn(f"{began - datetime.timedelta(days=1):%Y-%m-%d}T", agent.output)

    def test_a_coordinator_that_is_stopped_for_less_than_the_silence_loses_nobody(self):
        host = self.simhost()
        coordinator, agents, _ = self.fleet(host)
        self.wait_for_load(host)
        coordinator.signal(signal.SIGSTOP)
        time.sleep(5.5)
        coordinator.signal(signal.SIGCONT)
        self.assertIn(coordinator.wait(90), (0, 3), coordinator.output)
        for agent in agents:
            self.assertEqual(agent.wait(20), 0, agent.output)
        report = self.assert_nothing_lost()
        self.assertEqual(report["totals"]["started"], host.load_stats()["requests"]["received"])

    def test_a_coordinator_that_is_stopped_for_longer_than_the_lease_costs_its_step(self):
        host = self.simhost()
        coordinator, agents, _ = self.fleet(host, steps=self.THREE, hold="8s")
        self.in_step_of(host, 4)
        coordinator.signal(signal.SIGSTOP)
        stopped = time.monotonic()
        self.assert_load_ends(host)
        time.sleep(max(0, stopped + 10 - time.monotonic()))
        coordinator.signal(signal.SIGCONT)
        report, spoilt = self.assert_went_on(coordinator, lost=1, agents=2)
        self.assertEqual(spoilt, [4])
        self.assertEqual(report["run"]["agents_returned"], 2)
        self.assertEqual(report["totals"]["started"], host.load_stats()["requests"]["received"])
        for agent in agents:
            self.assertEqual(agent.wait(20), 0, agent.output)

    def test_agents_that_survive_a_killed_coordinator_serve_the_next_run(self):
        host = self.simhost()
        coordinator, agents, plan = self.fleet(host, hold="60s", agent_options=("--join-timeout", "60s"))
        self.wait_for_load(host)
        coordinator.signal(signal.SIGKILL)
        coordinator.wait(10)
        before = host.stats()["requests"]["received"]
        again = self.write_plan(plan_text([host.url], steps="[3]", hold="5s"), "again.yaml")
        second = self.coordinator(again, "again")
        self.assertIn(second.wait(90), (0, 3), second.output)
        for agent in agents:
            self.assertEqual(agent.wait(20), 0, agent.output)
        report = self.assert_nothing_lost("again")
        (step,) = report["results"][0]["steps"]
        self.assertAlmostEqual(step["achieved_concurrency"], 3, delta=0.3)
        # Nothing of the first run is in the second one's figures: the host saw what is reported, and what the first
        # run's load began before it ended.
        self.assertLessEqual(report["totals"]["started"], host.stats()["requests"]["received"] - before)

    def test_an_agent_that_is_stopped_for_longer_than_the_silence_ends_the_run_and_no_load_is_left(self):
        host = self.simhost()
        coordinator, agents, _ = self.fleet(host, hold="60s", more="on_agent_lost: stop\n")
        self.wait_for_load(host)
        agents[1].signal(signal.SIGSTOP)
        stopped = time.monotonic()
        self.assertEqual(coordinator.wait(60), 5, coordinator.output)
        self.assertRegex(coordinator.output, r"agent a1 lost: nothing came from it for 5 s")
        self.assertEqual(agents[0].wait(20), 5, agents[0].output)
        # The last heartbeat that a1 can have read was sent before it was stopped. Those that lie unread in its
        # socket were sent later, and would allow load until five seconds after that.
        time.sleep(max(0, stopped + LEASE + 0.5 - time.monotonic()))
        # What a1 had written before is read, and its answers are: only a1 can begin anything.
        received = self.settled(host)
        agents[1].signal(signal.SIGCONT)
        agents[1].wait_for(r"the load is stopped")
        self.assert_load_ends(host)
        self.assertEqual(host.stats()["requests"]["received"], received, "begun after the lease's end")

    def test_an_agent_that_goes_on_before_its_lease_has_ended_stops_when_no_coordinator_takes_it_back(self):
        host = self.simhost()
        coordinator, agents, _ = self.fleet(host, hold="60s", agent_options=("--join-timeout", "5s"))
        self.wait_for_load(host)
        coordinator.signal(signal.SIGKILL)
        agents[1].signal(signal.SIGSTOP)
        time.sleep(3)
        agents[1].signal(signal.SIGCONT)
        # It may have load while it dials again, for two seconds, and no longer.
        self.assert_load_ends(host)
        for agent in agents:
            self.assertEqual(agent.wait(20), 5, agent.output)

    def test_a_killed_agent_of_this_machine_is_noticed_at_once(self):
        host = self.simhost()
        plan = self.write_plan(plan_text([host.url], steps="[2, 4]", hold="60s"))
        coordinator = self.kneepoint("run", plan, "--out", self.scratch / "out", "--serve", "none")
        self.wait_for_load(host)
        os.kill(harness.local_agent_of(coordinator.child.pid), signal.SIGKILL)
        killed = time.monotonic()
        coordinator.wait_for(r"agent local-0 lost: its process was ended by signal 9")
        self.assertLess(time.monotonic() - killed, 2 * harness.PATIENCE)
        self.assertEqual(coordinator.wait(40), 5, coordinator.output)

    THREE = "[2, 4, 6], confirm: false"
    # What a run of this plan that loses nobody may say against itself: it has too few steps for a claim, and the machine may
    # be busy.
    RESERVATIONS = {"undecided", "measured_once", "client_bound"}

    def assert_went_on(self, coordinator, *, lost, agents=1, out="out"):
        """The run ended as one without a loss would have, with `lost` rows shown and run again after the loss of
        `agents`. Returns the report and the loads of these rows."""
        self.assertIn(coordinator.wait(120), (0, 3), coordinator.output)
        report = self.report(self.scratch / out)
        self.assertEqual(report["run"]["fleet_failure"], "")
        self.assertEqual(report["run"]["agents_lost"], agents)
        heavy = {r["code"] for r in report["verdict"]["remarks"] if r["weight"] != "warning"}
        self.assertLessEqual(heavy, self.RESERVATIONS, report["verdict"])
        steps = report["results"][0]["steps"]
        spoilt = [step for step in steps if "AGENT_LOST" in step["flags"]]
        self.assertEqual(len(spoilt), lost, coordinator.output)
        self.assertEqual(report["run"]["steps_lost"], lost)
        for step in spoilt:
            self.assertFalse(step["valid"])
        whole = [step for step in steps if step not in spoilt]
        self.assertEqual([step["concurrency"] for step in whole], [2, 4, 6])
        for step in whole:
            self.assertNotIn("INCOMPLETE", step["flags"])
            self.assertAlmostEqual(step["achieved_concurrency"], step["concurrency"], delta=0.3)
        self.assertRegex(coordinator.output, r"agent \S+ lost: ")
        nothing = "the row under way counts for nothing" if lost == 1 else f"{lost} rows count for nothing"
        self.assertIn(nothing, " ".join(report["verdict"]["reasons"]))
        return report, [step["concurrency"] for step in spoilt]

    def in_step_of(self, host, in_flight):
        harness.wait_until(lambda: host.stats()["requests"]["in_flight"] == in_flight, f"{in_flight} in flight", timeout=60)
        time.sleep(3)

    def test_an_agent_of_this_machine_that_is_killed_costs_its_step_which_is_run_again_at_once(self):
        host = self.simhost()
        plan = self.write_plan(plan_text([host.url], steps="[2, 4, 6]", hold="6s"))
        coordinator = self.kneepoint("run", plan, "--out", self.scratch / "out", "--serve", "none", "--agents", "2")
        self.in_step_of(host, 4)
        os.kill(harness.local_agent_of(coordinator.child.pid), signal.SIGKILL)
        report, spoilt = self.assert_went_on(coordinator, lost=1)
        if not any(r["code"] == "client_bound" for r in report["verdict"]["remarks"]):
            self.assertEqual(report["verdict"]["trust"], "trustworthy", report["verdict"])
            self.assertEqual(coordinator.wait(1), 0, "measured again, and nothing weighs against it")
        self.assertEqual(spoilt, [4])
        lost, again = [step for step in report["results"][0]["steps"] if step["concurrency"] == 4]
        # Its process is known to be dead: there is no lease to wait for.
        self.assertLess(again["window_begin_seconds"] - lost["window_begin_seconds"] - lost["duration_seconds"], 6)

    def test_an_agent_elsewhere_that_is_killed_costs_its_step_and_its_lease(self):
        host = self.simhost()
        coordinator, agents, _ = self.fleet(host, steps=self.THREE, hold="8s")
        self.in_step_of(host, 4)
        agents[1].signal(signal.SIGKILL)
        report, spoilt = self.assert_went_on(coordinator, lost=1)
        self.assertEqual(spoilt, [4])
        lost, again = [step for step in report["results"][0]["steps"] if step["concurrency"] == 4]
        killed_by = lost["window_begin_seconds"] + lost["duration_seconds"]
        self.assertGreater(again["window_begin_seconds"] - killed_by, LEASE - 3)
        self.assertEqual(agents[0].wait(20), 0, agents[0].output)

    def test_a_loss_leaves_the_slots_of_the_other_agents_alone(self):
        host = self.simhost()
        coordinator, agents, _ = self.fleet(host, agents=3, steps="[6], confirm: false", hold="6s", more="records: true\n")
        self.in_step_of(host, 6)
        agents[1].signal(signal.SIGKILL)
        self.assertIn(coordinator.wait(90), (0, 3), coordinator.output)
        (lost, again) = self.report(self.scratch / "out")["results"][0]["steps"]
        self.assertIn("AGENT_LOST", lost["flags"])
        self.assertAlmostEqual(again["achieved_concurrency"], 6, delta=0.3)
        with gzip.open(self.scratch / "out" / "records.jsonl.gz", "rt") as file:
            rows = sorted((json.loads(line) for line in list(file)[1:]), key=lambda row: row["sent"])
        before, after = sorted({row["epoch"] for row in rows})
        runs = collections.defaultdict(list)
        for row in rows:
            runs[row["agent"], row["slot"]].append(row)
        at = {epoch: {(row["agent"], row["slot"]) for row in rows if row["epoch"] == epoch} for epoch in (before, after)}
        kept = {run for run in at[before] if run[0] != "a1"}
        self.assertEqual({slot for _, slot in at[after]}, set(range(6)))
        self.assertEqual(len(kept), 4)
        self.assertLess(kept, at[after], "only what was the lost one's has moved")
        self.assertEqual(collections.Counter(agent for agent, _ in at[after]), {"a0": 3, "a2": 3})
        for run in kept:
            for earlier, later in zip(runs[run], runs[run][1:]):
                self.assertAlmostEqual(later["scheduled"], earlier["ended"], delta=0.05, msg="it never paused")

    def frozen(self, seconds, **fleet):
        """The second agent is stopped in the second step, for so long. The host counts what it was sent."""
        host = self.simhost()
        coordinator, agents, _ = self.fleet(host, steps=self.THREE, **fleet)
        self.in_step_of(host, 4)
        agents[1].signal(signal.SIGSTOP)
        most = 0
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            most = max(most, host.stats()["requests"]["in_flight"])
            time.sleep(0.2)
        agents[1].signal(signal.SIGCONT)
        return host, coordinator, agents, most

    def assert_came_back(self, report, host, coordinator, agents):
        self.assertEqual(report["run"]["agents"], 2)
        self.assertEqual(report["run"]["agents_returned"], 1)
        self.assertIn("agent a1 joined: it gets load with the next level", coordinator.output)
        # Its recording says the same: who was there when, and what came late.
        replayed = self.kneepoint("replay", self.scratch / "out", "--out", self.scratch / "replayed")
        replayed.wait(60)
        self.assertEqual(self.report(self.scratch / "replayed"), report, replayed.output)
        # Nothing is counted twice, and nothing is missing.
        self.assertEqual(report["totals"]["started"], host.load_stats()["requests"]["received"])
        for agent in agents:
            self.assertEqual(agent.wait(20), 0, agent.output)

    def test_an_agent_that_is_stopped_for_less_than_the_silence_is_not_lost(self):
        host, coordinator, agents, _ = self.frozen(3, hold="8s")
        self.assertIn(coordinator.wait(90), (0, 3), coordinator.output)
        report = self.assert_nothing_lost()
        self.assertEqual(report["run"]["agents_lost"], 0)
        self.assertEqual(report["totals"]["started"], host.load_stats()["requests"]["received"])
        for agent in agents:
            self.assertEqual(agent.wait(20), 0, agent.output)

    def test_an_agent_that_is_stopped_for_6_s_costs_its_steps_and_hands_over_what_it_had_measured(self):
        host, coordinator, agents, most = self.frozen(6, hold="12s")
        report, spoilt = self.assert_went_on(coordinator, lost=1)
        self.assertEqual(spoilt, [4])
        self.assertLessEqual(most, 4)
        self.assert_came_back(report, host, coordinator, agents)

    def test_an_agent_that_is_stopped_for_20_s_counts_nothing_twice_and_spoils_no_rerun(self):
        host, coordinator, agents, most = self.frozen(20, hold="12s")
        report, spoilt = self.assert_went_on(coordinator, lost=1)
        self.assertEqual(spoilt, [4])
        self.assertLessEqual(most, 4)
        self.assert_came_back(report, host, coordinator, agents)

    def test_a_step_that_ended_while_its_agent_was_silent_is_run_again_too(self):
        _, coordinator, _, _ = self.frozen(9, hold="4s")
        _, spoilt = self.assert_went_on(coordinator, lost=2)
        self.assertEqual(spoilt, [4, 6])

    def test_an_agent_that_is_started_again_under_its_name_takes_its_place(self):
        host = self.simhost()
        coordinator, agents, _ = self.fleet(host, steps=self.THREE, hold="8s")
        self.in_step_of(host, 4)
        agents[1].signal(signal.SIGKILL)
        again = self.agent("--name", "a1")
        report, spoilt = self.assert_went_on(coordinator, lost=1)
        self.assertEqual(spoilt, [4])
        self.assertEqual(report["run"]["agents_returned"], 1)
        self.assertIn("agent a1 lost: another process has come under its name", coordinator.output)
        for agent in (agents[0], again):
            self.assertEqual(agent.wait(20), 0, agent.output)

    def test_a_latecomer_takes_its_share_of_the_next_step(self):
        host = self.simhost()
        self.port = harness.free_port()
        plan = self.write_plan(plan_text([host.url], steps="[2, 4]", hold="6s"))
        coordinator = self.coordinator(plan, "out", "--min-agents", "1", "--join-timeout", "2s")
        first = self.agent("--name", "a0")
        self.in_step_of(host, 2)
        late = self.agent("--name", "a1")
        self.assertIn(coordinator.wait(90), (0, 3), coordinator.output)
        report = self.assert_nothing_lost()
        self.assertEqual(report["run"]["agents"], 2)
        for step in report["results"][0]["steps"]:
            self.assertNotIn("INCOMPLETE", step["flags"])
        self.assertEqual(report["totals"]["started"], host.load_stats()["requests"]["received"])
        for agent in (first, late):
            self.assertEqual(agent.wait(20), 0, agent.output)

    def test_all_agents_gone_ends_the_run(self):
        host = self.simhost()
        coordinator, agents, _ = self.fleet(host, hold="60s")
        self.wait_for_load(host)
        for agent in agents:
            agent.signal(signal.SIGKILL)
        self.assertEqual(coordinator.wait(60), 5, coordinator.output)
        self.assertEqual(self.report(self.scratch / "out")["run"]["fleet_failure"], "no agent was left")
        self.assert_load_ends(host)

    def test_fewer_agents_than_the_least_end_the_run(self):
        host = self.simhost()
        self.port = harness.free_port()
        plan = self.write_plan(plan_text([host.url], hold="60s"))
        coordinator = self.coordinator(plan, "out", "--min-agents", "2")
        agents = [self.agent("--name", f"a{i}") for i in range(2)]
        self.wait_for_load(host)
        agents[1].signal(signal.SIGKILL)
        self.assertEqual(coordinator.wait(60), 5, coordinator.output)
        self.assertIn("1 agent left, and at least 2 are needed", coordinator.output)
        self.assertEqual(agents[0].wait(20), 5, agents[0].output)

    def test_a_flood_of_connections_does_not_close_the_port(self):
        host = self.simhost()
        self.port = harness.free_port()
        plan = self.write_plan(plan_text([host.url], steps="[2]", hold="3s"))
        coordinator = self.start(Process(
            "/bin/sh", "-c", f"ulimit -n 60; exec {BIN / 'kneepoint'} run {plan} --out {self.scratch / 'out'} --serve none "
            f"--listen 127.0.0.1:{self.port} --expect-agents 1"))
        coordinator.wait_for("waiting for 1 agent on")
        flood = []
        for _ in range(300):
            flood.append(socket.create_connection(("127.0.0.1", self.port), timeout=5))
        time.sleep(1)
        agent = self.agent()
        # It gets in as soon as those that say nothing have been closed.
        self.assertIn(coordinator.wait(60), (0, 3), coordinator.output)
        self.assertEqual(agent.wait(20), 0, agent.output)
        for connection in flood:
            connection.close()

    def agent_of_another_build(self):
        """The agent with another commit written into it."""
        printed = subprocess.check_output([BIN / "kneepoint-agent", "--version"], text=True)
        commit = re.search(r"commit ([0-9a-f]+)", printed)[1]
        other = self.scratch / "kneepoint-agent"
        program = (BIN / "kneepoint-agent").read_bytes()
        other.write_bytes(program.replace(commit.encode(), b"x" * len(commit)))
        other.chmod(0o755)
        return other, commit

    def test_an_agent_of_another_build_is_turned_away_and_the_fleet_does_without_it(self):
        other, commit = self.agent_of_another_build()
        host = self.simhost()
        self.port = harness.free_port()
        plan = self.write_plan(plan_text([host.url], steps="[2]", hold="3s"))
        coordinator = self.coordinator(plan, "out", "--min-agents", "1", "--join-timeout", "4s")
        fits = self.agent("--name", "a0")
        odd = self.start(Process(other, "--coordinator", f"127.0.0.1:{self.port}", "--name", "a1"))
        self.assertEqual(odd.wait(20), 5, odd.output)
        self.assertRegex(odd.output, rf"turned away by the coordinator: it is version \S+x+, the coordinator \S+{commit}")
        self.assertIn(coordinator.wait(60), (0, 3), coordinator.output)
        self.assertRegex(coordinator.output, r"agent a1 at \S+ turned away: it is version")
        self.assertEqual(fits.wait(20), 0, fits.output)
        self.assertEqual(self.assert_nothing_lost()["run"]["agents"], 1)

    def test_a_signal_that_means_nothing_ends_nothing(self):
        host = self.simhost()
        coordinator, agents, _ = self.fleet(host, agents=1, steps="[2]", hold="3s")
        self.wait_for_load(host, 3)
        agents[0].signal(signal.SIGUSR1)
        agents[0].signal(signal.SIGUSR1)
        self.assertIn(coordinator.wait(60), (0, 3), coordinator.output)
        self.assertEqual(agents[0].wait(20), 0, agents[0].output)


if __name__ == "__main__":
    harness.main()
