"""Faults of the machine rather than of a process: a link that is cut, a disk that is full. In namespaces of its own, where that
is permitted; else all of it is skipped."""

import os
import re
import shutil
import subprocess
import sys
import time

import harness
from harness import BIN, Process, plan_text

INSIDE = "KNEEPOINT_IN_NAMESPACES"
SKIPPED = 77
# Of the coordinator's side: the one link carries the fleet's messages, the other the load.
FLEET, LOAD = "10.213.1", "10.213.2"


def command(*words):
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL)


class HostAt(harness.Simhost):
    """A simulated host that is not on loopback."""

    def __init__(self, address):
        Process.__init__(self, BIN / "kneepoint-simhost", "--listen", f"{address}:0", "--profile", "demo")
        self.url = "http://" + self.wait_for(rf"{re.escape(address)}:\d+")[0]


class MachineFaults(harness.TestCase):
    STEPS = "[2, 4, 6], confirm: false"

    @staticmethod
    def wait_for_second_step(host, coordinator):
        def there():
            if coordinator.child.poll() is not None:
                raise AssertionError(coordinator.output)
            return host.stats()["requests"]["in_flight"] == 4
        harness.wait_until(there, "the second step", 60)

    def assert_ran_whole(self, coordinator, host, out, *, lost):
        """As without the fault but for `lost` rows, which were run again; what is reported is what the host got."""
        self.assertIn(coordinator.wait(150), (0, 3), coordinator.output)
        report = self.report(out)
        steps = report["results"][0]["steps"]
        whole = [step for step in steps if "AGENT_LOST" not in step["flags"]]
        self.assertEqual([step["concurrency"] for step in whole], [2, 4, 6], coordinator.output)
        self.assertEqual(len(steps) - len(whole), lost, coordinator.output)
        for step in whole:
            self.assertNotIn("INCOMPLETE", step["flags"])
        self.assertEqual(report["totals"]["started"], host.load_stats()["requests"]["received"])
        return report

    def two_agents(self, hold):
        """One beside the coordinator, one behind two links."""
        for near, far in (("fleet0", "fleet1"), ("load0", "load1")):
            command("ip", "link", "add", near, "type", "veth", "peer", "name", far)
            self.addCleanup(subprocess.run, ["ip", "link", "del", near], stderr=subprocess.DEVNULL)
        for device, net in (("fleet0", FLEET), ("load0", LOAD)):
            command("ip", "address", "add", f"{net}.1/30", "dev", device)
            command("ip", "link", "set", device, "up")
        port = harness.free_port()
        # Also where the link has gone with the agent's namespace.
        command("ip", "address", "add", f"{LOAD}.1/32", "dev", "lo")
        self.addCleanup(subprocess.run, ["ip", "address", "del", f"{LOAD}.1/32", "dev", "lo"])
        host = self.start(HostAt(f"{LOAD}.1"))
        plan = self.write_plan(plan_text([host.url], steps=self.STEPS, hold=hold))
        coordinator = self.kneepoint("run", plan, "--out", self.scratch / "out", "--serve", "none", "--insecure", "--listen",
                                     f"{FLEET}.1:{port}", "--expect-agents", "2")
        dial = ["--insecure", "--coordinator", f"{FLEET}.1:{port}", "--join-timeout", "60s"]
        near = self.start(Process(BIN / "kneepoint-agent", *dial, "--name", "a0"))
        set_up = "; ".join(f"until ip link show {device} >/dev/null 2>&1; do sleep 0.1; done; "
                           f"ip address add {net}.2/30 dev {device}; ip link set {device} up"
                           for device, net in (("fleet1", FLEET), ("load1", LOAD)))
        far = self.start(Process("unshare", "--net", "sh", "-c",
                                 f"ip link set lo up; {set_up}; exec {BIN / 'kneepoint-agent'} {' '.join(dial)} --name a1"))
        harness.wait_until(lambda: os.readlink(f"/proc/{far.child.pid}/ns/net") != os.readlink("/proc/self/ns/net"),
                           "a namespace of the agent's own")
        for device in ("fleet1", "load1"):
            command("ip", "link", "set", device, "netns", str(far.child.pid))
        self.wait_for_second_step(host, coordinator)
        time.sleep(3)
        return host, coordinator, (near, far)

    def cut(self, host, seconds):
        """Nothing passes the fleet's link, and nobody says so. Returns the most that the host had in flight meanwhile, and
        what it had at the end."""
        command("ip", "link", "set", "fleet0", "down")
        most, deadline = 0, time.monotonic() + seconds
        while time.monotonic() < deadline:
            now = host.stats()["requests"]["in_flight"]
            most = max(most, now)
            time.sleep(0.2)
        command("ip", "link", "set", "fleet0", "up")
        return most

    def test_a_link_that_is_cut_for_a_moment_costs_nothing(self):
        host, coordinator, agents = self.two_agents("8s")
        self.cut(host, 2)
        report = self.assert_ran_whole(coordinator, host, self.scratch / "out", lost=0)
        self.assertEqual(report["run"]["agents_lost"], 0)
        for agent in agents:
            self.assertEqual(agent.wait(20), 0, agent.output)

    def test_a_half_open_link_costs_its_step_and_the_agent_comes_back(self):
        host, coordinator, agents = self.two_agents("20s")
        self.assertLessEqual(self.cut(host, 20), 4, "never more than was asked")
        agents[1].wait_for("the load is stopped")
        report = self.assert_ran_whole(coordinator, host, self.scratch / "out", lost=1)
        self.assertEqual(report["run"]["agents_lost"], 1)
        self.assertEqual(report["run"]["agents_returned"], 1)
        self.assertRegex(coordinator.output, r"agent a1 lost: nothing came from it for 5 s")
        for agent in agents:
            self.assertEqual(agent.wait(20), 0, agent.output)

    def test_a_disk_that_is_full_for_a_while_costs_nothing(self):
        disk = self.scratch / "disk"
        disk.mkdir()
        command("mount", "-t", "tmpfs", "-o", "size=2m", "none", str(disk))
        self.addCleanup(subprocess.run, ["umount", "--lazy", str(disk)])
        host = self.simhost()
        plan = self.write_plan(plan_text([host.url], steps=self.STEPS, hold="8s"))
        coordinator = self.kneepoint("run", plan, "--no-preflight", "--out", disk / "out", "--serve", "none", "--agents", "2")
        self.wait_for_second_step(host, coordinator)
        with (disk / "filler").open("wb", buffering=0) as filler:
            try:
                while filler.write(bytes(4096)):
                    pass
            except OSError:
                pass  # full
        time.sleep(6)
        self.assertEqual(host.stats()["requests"]["in_flight"], 4, "the load goes on")
        (disk / "filler").unlink()
        report = self.assert_ran_whole(coordinator, host, disk / "out", lost=0)
        self.assertIn("No space left", coordinator.output)
        # What is recorded is whole.
        replayed = self.kneepoint("replay", disk / "out", "--out", self.scratch / "replayed")
        replayed.wait(30)
        self.assertEqual(self.report(self.scratch / "replayed"), report, replayed.output)


if __name__ == "__main__":
    if INSIDE not in os.environ:
        enter = ["unshare", "--map-root-user", "--net", "--mount"]
        missing = [word for word in ("unshare", "ip", "mount") if shutil.which(word) is None]
        if missing or subprocess.run([*enter, "sh", "-c", "ip link add probe0 type veth peer name probe1 && ip link set lo up"],
                                     stderr=subprocess.DEVNULL).returncode != 0:
            print("skipped: namespaces with links of their own are not permitted here")
            sys.exit(SKIPPED)
        os.execvpe("unshare", [*enter, sys.executable, *sys.argv], {**os.environ, INSIDE: "1", "no_proxy": "*"})
    command("ip", "link", "set", "lo", "up")
    harness.main()
