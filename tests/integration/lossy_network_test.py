"""Packets that the kernel really loses: counted and said. (Where the load is what loses them
and the rows stand, they are named as the network's: the tests of attribution show that.)

Everything runs in a network namespace of its own, whose loopback drops what nftables is told to. Where neither is
permitted the test is skipped (exit 77)."""

import os
import shutil
import subprocess
import sys

import harness
from harness import free_port, plan_text

INSIDE = "KNEEPOINT_TEST_NAMESPACE"


def nft(*words):
    return subprocess.run(["nft", " ".join(words)], capture_output=True, text=True).returncode == 0


def enter_namespace():
    """Starts this file again in a namespace of its own, and ends with what that came to."""
    inside = {**os.environ, INSIDE: "1"}
    if all(map(shutil.which, ("unshare", "nft", "ip"))):
        ended = subprocess.run(["unshare", "--map-root-user", "--net", sys.executable, *sys.argv], env=inside)
        sys.exit(77 if ended.returncode == 1 and not permitted(inside) else ended.returncode)
    print("skipped: unshare, nft and ip are needed")
    sys.exit(77)


def permitted(environment):
    """Whether a namespace with a table of nftables can be made here at all."""
    command = ["unshare", "--map-root-user", "--net", "nft", "add table inet probe"]
    return subprocess.run(command, env=environment, capture_output=True).returncode == 0


class LossyNetwork(harness.TestCase):
    def setUp(self):
        super().setUp()
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        self.port = free_port()
        nft("add table inet test")
        nft("add chain inet test input { type filter hook input priority 0; }")
        self.addCleanup(nft, "delete table inet test")

    def told(self, *drop):
        """A run against the demo host, of whose packets those that match `drop` are lost."""
        if drop:
            self.assertTrue(nft("add rule inet test input tcp sport", str(self.port), *drop, "drop"))
        self.start(harness.Process(harness.BIN / "kneepoint-simhost", "--listen", f"127.0.0.1:{self.port}",
                                   "--profile", "demo")).wait_for("listening")
        url = f"http://127.0.0.1:{self.port}"
        plan = plan_text([url], steps="[2, 8, 32]", warmup="2s", hold="8s").replace("hold: 8s", "hold: 8s, confirm: false")
        code, report, output = self.run_plan(self.write_plan(plan))
        self.assertIsNotNone(report, output)
        self.output = output
        self.result = report["results"][0]
        self.bottleneck = self.result["saturation"]["bottleneck"]
        return [step["network"]["out_of_order_ratio"] or 0 for step in self.result["steps"]]

    def lossy(self):
        return [step["concurrency"] for step in self.result["steps"] if "LOSSY" in step["flags"]]

    def test_a_path_that_loses_nothing(self):
        lost = self.told()
        self.assertEqual(max(lost), 0, self.output)
        self.assertEqual(self.lossy(), [], self.output)
        self.assertNotEqual(self.bottleneck, "network", self.output)

    def test_a_path_that_loses_packets_whatever_the_load(self):
        lost = self.told("numgen random mod 100 lt 4")
        self.assertGreater(min(lost), 0.01, self.output)
        self.assertEqual(self.lossy(), [2, 8, 32], self.output)
        self.assertNotEqual(self.bottleneck, "network", "it does so from the first request on")

    def test_a_path_that_is_full(self):
        self.told("limit rate over 100 kbytes/second burst 8 kbytes")
        self.assertTrue(self.lossy(), self.output)
        self.assertNotIn(2, self.lossy(), self.output)
        # Streams stall for seconds, so that rows of such a load are often void; what is said of them is why, and nothing is trusted.
        self.assertIn(self.bottleneck, ("", "network"))
        for step in self.result["steps"]:
            if "LOSSY" in step["flags"]:
                self.assertIn("the network loses packets", " ".join(step["reasons"]))
        if not self.result["steps"][-1]["valid"]:
            self.assertNotEqual(self.result["verdict"]["trust"], "trustworthy", self.output)


if __name__ == "__main__":
    if INSIDE not in os.environ:
        enter_namespace()
    harness.main()
