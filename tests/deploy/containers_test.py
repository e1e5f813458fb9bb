"""The image, built from this tree's programs, as a fleet: simulated host, coordinator and two agents, each a container of
its own, on one network, with the arguments and the restrictions that deploy/ gives them."""
import json
import os
import pathlib
import subprocess
import tempfile
import unittest

from containers import Engine, Unavailable, run
from processes import BIN, ROOT, skip

IMAGE = "kneepoint:test"
RESTRICTED = ["--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges", "--tmpfs=/tmp"]
PROGRAMS = ("kneepoint", "kneepoint-agent", "kneepoint-simhost")


class Fleet(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="kneepoint-containers-")
        cls.addClassCleanup(cls.folder.cleanup)
        cls.engine = Engine(cls.folder.name)
        cls.contents = cls.engine.build("image-built", IMAGE)
        cls.addClassCleanup(cls.engine, "rmi", "--force", IMAGE, check=False)

    def setUp(self):
        self.suffix = str(os.getpid())
        self.network = "kneepoint-" + self.suffix
        self.volume = "kneepoint-results-" + self.suffix
        self.addCleanup(self.engine, "network", "rm", self.network, check=False)
        self.engine("network", "create", self.network)
        self.hosts = []
        self.engine("volume", "create", self.volume)
        self.addCleanup(self.engine, "volume", "rm", "--force", self.volume, check=False)

    def start(self, name, *command, options=()):
        """Starts a container that those started after it find under `name`: in /etc/hosts, because a network's name server may be
        silent for many seconds each time that a container is added to it."""
        full = f"{name}-{self.suffix}"
        self.addCleanup(self.engine, "rm", "--force", full, check=False)
        self.engine("run", "--detach", "--name", full, "--network", self.network, *self.hosts, *RESTRICTED, *options, IMAGE, *command)
        found, = json.loads(self.engine("inspect", full).stdout)
        self.hosts.append(f"--add-host={name}:{found['NetworkSettings']['Networks'][self.network]['IPAddress']}")
        return full

    def logs(self, container):
        done = self.engine("logs", container, check=False)
        return (done.stdout + done.stderr)[-4000:]

    def wait_exit(self, container, seconds):
        try:
            return int(self.engine("wait", container, timeout=seconds).stdout)
        except subprocess.TimeoutExpired:
            self.fail(f"{container} still runs after {seconds} s\n{self.logs(container)}")

    def test_it_says_what_it_is_and_what_is_in_it(self):
        found, = json.loads(self.engine("image", "inspect", IMAGE).stdout)
        labels = found["Config"]["Labels"]
        program = self.engine("run", "--rm", *RESTRICTED, IMAGE, "kneepoint", "--version").stdout
        self.assertEqual(program.split()[0], labels["org.opencontainers.image.version"])
        self.assertRegex(labels["org.opencontainers.image.revision"], r"^[0-9a-f]{12}$")
        self.assertEqual(labels["org.opencontainers.image.licenses"], "Apache-2.0")
        self.assertLessEqual({"kneepoint", "libgrpc++1.51", "libssl3", "libc6"}, {p["name"] for p in self.contents["packages"]})

    def test_the_programs_run_as_nobody(self):
        for program in PROGRAMS:
            done = self.engine("run", "--rm", *RESTRICTED, IMAGE, program, "--help")
            self.assertIn(program, done.stdout + done.stderr)
        identity = self.engine("run", "--rm", *RESTRICTED, IMAGE, "id", "-u").stdout
        self.assertEqual(identity.strip(), "65532")

    def test_two_agents_a_coordinator_and_a_host(self):
        simhost = self.start("simhost", "kneepoint-simhost", "--listen", "0.0.0.0:8000", "--profile", "demo")
        coordinator = self.start(
            "coordinator", "kneepoint", "run", "/usr/share/kneepoint/configs/smoke.yaml", "--set", "url=http://simhost:8000",
            "--listen", "0.0.0.0:7070", "--expect-agents", "2", "--insecure", "--join-timeout", "60s",
            "--serve", "0.0.0.0:9464", "--out", "/results/run", options=["--volume", f"{self.volume}:/results"])
        agents = [self.start(name, "kneepoint-agent", "--coordinator", "coordinator:7070", "--insecure", "--name", name)
                  for name in ("agent-0", "agent-1")]
        status = self.wait_exit(coordinator, 180)
        self.assertEqual(status, 0, self.logs(coordinator) + "".join(map(self.logs, agents)) + self.logs(simhost))
        for agent in agents:  # told that the run is complete
            self.assertEqual(self.wait_exit(agent, 30), 0, self.logs(agent))

        # A finished container's volume is read through another.
        text = self.engine("run", "--rm", *RESTRICTED, "--volume", f"{self.volume}:/results:ro", IMAGE, "cat", "/results/run/report.json").stdout
        report = json.loads(text)
        self.assertGreater(report["totals"]["completed"], 0)
        self.assertEqual(report["totals"]["failed"], 0)
        for result in report["results"]:
            for step in result["steps"]:
                self.assertTrue(step["valid"], step)
                self.assertGreater(step["output_tokens_per_second"]["value"], 0)

    def test_a_fleet_that_does_not_assemble_is_exit_5(self):
        coordinator = self.start(
            "coordinator", "kneepoint", "run", "/usr/share/kneepoint/configs/smoke.yaml", "--set", "url=http://simhost:8000",
            "--listen", "0.0.0.0:7070", "--expect-agents", "2", "--insecure", "--join-timeout", "2s", "--serve", "none",
            "--out", "/results/never", options=["--volume", f"{self.volume}:/results"])
        self.assertEqual(self.wait_exit(coordinator, 60), 5, self.logs(coordinator))


class Again(unittest.TestCase):
    """The image made twice from nothing, in two checkouts: one of them, and what its owner makes, is for the owner's eyes only."""
    IMAGE = "kneepoint:again"
    WHEN = 1_000_000_000  # no day on which it could have been made
    NEEDED = (".dockerignore", "CMakeLists.txt", "configs", "deploy/docker", "deploy/package/sbom.py",
              *("build/release/bin/" + program for program in PROGRAMS))

    def setUp(self):
        self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory(prefix="kneepoint-containers-", dir="/var/tmp")))
        self.engine = Engine(self.folder)
        if self.engine.command[0] == "docker":
            self.skipTest("docker leaves the instant of the build on files")
        self.addCleanup(self.engine, "rmi", "--force", self.IMAGE, check=False)

    def checkout(self, name, modes):
        root = self.folder / name
        for path in self.NEEDED:
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            run("cp", "--recursive", ROOT / path, root / path)
        run("chmod", "--recursive", modes, root)
        return root

    def make(self, root, umask):
        """@returns what identifies the image and each of its layers, and its bill of materials."""
        environment = self.engine.environment | {"SOURCE_DATE_EPOCH": str(self.WHEN)}
        run(root / "deploy/docker/make.sh", "--no-cache", "image-built", root / "out", self.IMAGE, env=environment, umask=umask)
        found, = json.loads(self.engine("image", "inspect", self.IMAGE).stdout)
        return found["RootFS"]["Layers"], found["Id"], (root / "out/kneepoint-image.spdx.json").read_text(encoding="utf-8")

    def test_the_same_sources_give_the_same_image(self):
        first = self.make(self.checkout("open", "u=rwX,go=rX"), 0o022)
        second = self.make(self.checkout("closed", "u=rwX,go="), 0o077)
        for what, one, other in zip(("layers", "image", "bill of materials"), first, second):
            self.assertEqual(one, other, what)
        as_root = [*RESTRICTED, "--user=0", self.IMAGE]
        self.assertRegex(self.engine("run", "--rm", *as_root, "grep", "kneepoint", "/etc/shadow").stdout, f":{self.WHEN // 86400}:")
        late = self.engine("run", "--rm", *as_root, "find", "/usr/local/bin", "/usr/share/kneepoint", "/etc/shadow", "/var/lib/dpkg/status",
                           "-newermt", f"@{self.WHEN}").stdout
        self.assertEqual(late, "", "files of another instant")


if __name__ == "__main__":
    absent = [program for program in PROGRAMS if not (BIN / program).exists()]
    if absent:
        skip(f"not built: {', '.join(absent)}")
    if BIN.resolve() != (ROOT / "build/release/bin").resolve():
        skip("the image takes build/release/bin; this is another build")
    try:
        with tempfile.TemporaryDirectory(prefix="kneepoint-containers-") as probe:
            Engine(probe)
    except Unavailable as reason:
        skip(str(reason))
    unittest.main()
