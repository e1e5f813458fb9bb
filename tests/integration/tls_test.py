"""Mutual TLS between coordinator and agents: who is let in, who is not, and certificates that are rotated."""

import os
import socket
import ssl
import subprocess

import harness
from harness import BIN, ROOT, Process, plan_text


class Tls(harness.TestCase):
    def setUp(self):
        super().setUp()
        self.port = harness.free_port()
        self.out = self.scratch / "out"
        self.pki = self.make("pki", "127.0.0.1,localhost", "one", "two")

    def make(self, name, coordinator, *agents):
        folder = self.scratch / name
        subprocess.run([ROOT / "deploy/certificates.sh", folder, coordinator, *agents], check=True,
                       stdout=subprocess.DEVNULL)
        return folder

    @staticmethod
    def files(folder, who):
        return ["--tls-cert", folder / f"{who}.pem", "--tls-key", folder / f"{who}.key", "--tls-ca", folder / "ca.pem"]

    def coordinator(self, plan, *arguments, agents=1, files=None):
        return self.kneepoint("run", plan, "--out", self.out, "--serve", "none", "--listen", f"127.0.0.1:{self.port}",
                              "--expect-agents", str(agents), *(files or self.files(self.pki, "coordinator")),
                              *arguments)

    def agent(self, name, *arguments, folder=None, who=None, host="127.0.0.1", join="20s"):
        return self.start(Process(BIN / "kneepoint-agent", "--coordinator", f"{host}:{self.port}", "--name", name,
                                  "--join-timeout", join, *self.files(folder or self.pki, who or name), *arguments))

    def idle_plan(self):
        return self.write_plan(plan_text(["http://127.0.0.1:1"]))

    def answers(self, folder, who=None):
        """Whether the fleet's port speaks to a client of another make, which checks nothing of its own."""
        context = ssl.create_default_context(cafile=folder / "ca.pem")
        context.set_alpn_protocols(["h2"])
        if who:
            context.load_cert_chain(folder / f"{who}.pem", folder / f"{who}.key")
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=10) as plain, \
                    context.wrap_socket(plain, server_hostname="127.0.0.1") as link:
                link.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0]))
                return len(link.recv(64)) > 0
        except OSError:
            return False

    def listening(self, coordinator):
        coordinator.wait_for("waiting for")

    def test_a_run_over_mutual_tls(self):
        host = self.simhost()
        coordinator = self.coordinator(self.write_plan(plan_text([host.url])), agents=2)
        agents = [self.agent("one"), self.agent("two", host="localhost")]
        self.assertIn(coordinator.wait(60), (0, 3), coordinator.output)  # how well it measured is no matter here
        for agent in agents:
            self.assertEqual(agent.wait(20), 0, agent.output)
        self.assertEqual(self.report(self.out)["totals"]["started"], host.load_stats()["requests"]["received"])

    def test_who_is_not_let_in(self):
        """One coordinator, which none of these joins: it says so in the end."""
        other = self.make("other", "127.0.0.1", "one")
        coordinator = self.coordinator(self.idle_plan(), "--join-timeout", f"{20 * harness.PATIENCE}s")
        self.listening(coordinator)
        stranger = self.agent("one", folder=other, join="2s")
        plain = self.start(Process(BIN / "kneepoint-agent", "--coordinator", f"127.0.0.1:{self.port}", "--name", "one",
                                   "--join-timeout", "2s"))
        # A certificate of this authority, for another name.
        pretender = self.agent("two", who="one")
        # Right name and authority, but made for a coordinator.
        turncoat = self.agent("localhost", who="coordinator", join="2s")
        for process, code, words in [(stranger, 7, "certificate"), (plain, 7, "no coordinator at"),
                                     (pretender, 5, "its certificate does not name it"), (turncoat, 7, "no coordinator at")]:
            self.assertEqual(process.wait(30), code, process.output)
            self.assertIn(words, process.output)
        self.assertEqual(coordinator.wait(60), 5, coordinator.output)
        self.assertIn("the agent did not come", coordinator.output)
        self.assertNotIn("joined", coordinator.output)

    def test_an_agent_checks_whom_it_dials(self):
        elsewhere = self.make("elsewhere", "gpu-7.example.com", "one")
        for files in (self.files(elsewhere, "coordinator"),  # another host's name
                      self.files(elsewhere, "one")):         # an agent's certificate
            with self.subTest(files=files[1].name):
                self.port = harness.free_port()
                coordinator = self.coordinator(self.idle_plan(), files=files)
                self.listening(coordinator)
                agent = self.agent("one", folder=elsewhere, join="2s")
                self.assertEqual(agent.wait(30), 7, agent.output)
                self.assertIn("no coordinator at", agent.output)
                coordinator.stop()

    def expired(self, who, usage, san):
        """A certificate of the fleet's own authority that ended years ago."""
        folder = self.make("expired", "127.0.0.1", "one")
        (folder / "index.txt").write_text("")
        (folder / "ca.cnf").write_text(f"""\
[ca]
default_ca = here
[here]
database = {folder}/index.txt
new_certs_dir = {folder}
rand_serial = yes
default_md = sha256
policy = any
[any]
commonName = supplied
[ext]
extendedKeyUsage = {usage}
subjectAltName = {san}
""")
        for word in ("ca.pem", "ca.key"):
            (folder / word).write_bytes((self.pki / word).read_bytes())
        subprocess.run(["openssl", "req", "-new", "-key", folder / f"{who}.key", "-subj", f"/CN={who}", "-out",
                        folder / "csr.pem"], check=True, capture_output=True)
        subprocess.run(["openssl", "ca", "-batch", "-notext", "-config", folder / "ca.cnf", "-extensions", "ext",
                        "-in", folder / "csr.pem", "-cert", folder / "ca.pem", "-keyfile", folder / "ca.key",
                        "-startdate", "20200101000000Z", "-enddate", "20200102000000Z", "-out",
                        folder / f"{who}.pem"], check=True, capture_output=True)
        return folder

    def test_an_expired_certificate(self):
        folder = self.expired("one", "clientAuth", "DNS:one")
        agent = self.agent("one", folder=folder)
        self.assertEqual(agent.wait(20), 2, agent.output)
        self.assertIn("has expired", agent.output)
        # Who does not look at its own is not let in.
        coordinator = self.coordinator(self.idle_plan())
        self.listening(coordinator)
        self.assertTrue(self.answers(self.pki, "one"))
        self.assertFalse(self.answers(folder, "one"))
        self.assertFalse(self.answers(self.pki))

    def test_files_that_do_not_fit(self):
        plan = self.idle_plan()
        good = {"--tls-cert": self.pki / "one.pem", "--tls-key": self.pki / "one.key", "--tls-ca": self.pki / "ca.pem"}
        junk = self.scratch / "junk.pem"
        junk.write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
        for changed, words in [({"--tls-key": self.pki / "two.key"}, "it is not the key of"),
                               ({"--tls-key": None}, "belong together"),
                               ({"--tls-ca": self.scratch / "none.pem"}, "cannot be opened"),
                               ({"--tls-cert": junk}, "no PEM certificate"),
                               ({"--tls-key": self.pki / "one.pem"}, "no PEM key")]:
            files = [word for option, path in {**good, **changed}.items() if path for word in (option, path)]
            for process in (self.start(Process(BIN / "kneepoint-agent", "--coordinator", "127.0.0.1:1", *files)),
                            self.coordinator(plan, files=files)):
                self.assertEqual(process.wait(20), 2, process.output)
                self.assertIn(words, process.output)

    def test_beyond_loopback_tls_is_enough(self):
        agent = self.agent("one", host="192.0.2.1", join="1s")
        self.assertEqual(agent.wait(30), 7, agent.output)
        self.assertNotIn("--insecure", agent.output)

    def test_certificates_are_rotated_without_a_restart(self):
        """The authority itself is replaced while the coordinator waits: the old agents are strangers then."""
        old = self.make("old", "127.0.0.1", "one", "two")
        coordinator = self.coordinator(self.idle_plan(), "--join-timeout", "3m", agents=3,
                                       files=self.files(old, "coordinator"))
        self.listening(coordinator)
        first = self.agent("one", folder=old)
        coordinator.wait_for("agent one joined")
        kept = self.make("kept", "127.0.0.1", "two")
        for path in old.iterdir():
            (kept / f"old-{path.name}").write_bytes(path.read_bytes())
        for name in ("coordinator.key", "coordinator.pem", "ca.pem"):
            fresh = old / f"new-{name}"
            fresh.write_bytes((self.pki / name).read_bytes())
            os.replace(fresh, old / name)
        # Looked at every two seconds; a certificate of the new authority joins as soon as it is known.
        second = self.agent("two", join="60s")
        coordinator.wait_for("agent two joined", timeout=30)
        strange = self.start(Process(BIN / "kneepoint-agent", "--coordinator", f"127.0.0.1:{self.port}", "--name",
                                     "three", "--join-timeout", "2s", "--tls-cert", kept / "old-two.pem", "--tls-key",
                                     kept / "old-two.key", "--tls-ca", kept / "old-ca.pem"))
        self.assertEqual(strange.wait(30), 7, strange.output)
        # Whoever was in stays in.
        self.assertIsNone(first.child.poll(), first.output)
        self.assertIsNone(second.child.poll(), second.output)


class Version(harness.TestCase):
    def test_names_version_commit_and_build_type(self):
        for program in ("kneepoint", "kneepoint-agent"):
            shown = subprocess.run([BIN / program, "--version"], capture_output=True, text=True, check=True).stdout
            self.assertRegex(shown, r"^\d+\.\d+\.\d+ \(commit ([0-9a-f]{12}(\.changed-[0-9a-f]{12})?|sources-[0-9a-f]{12}), \w+\)\n$")

    def commit_of(self, folder):
        header = self.scratch / "build.h"
        subprocess.run(["cmake", "-D", f"SOURCE={folder}", "-D", f"OUT={header}", "-P",
                        ROOT / "common/build_identity.cmake"], check=True)
        return header.read_text().split('"')[1]

    def test_sources_without_git_are_told_apart_by_what_they_are(self):
        source = self.scratch / "unpacked"
        (source / "common").mkdir(parents=True)
        (source / "common/a.cc").write_text("one")
        first = self.commit_of(source)
        self.assertRegex(first, r"^sources-[0-9a-f]{12}$")
        self.assertEqual(self.commit_of(source), first)
        (source / "common/a.cc").write_text("two")
        self.assertNotEqual(self.commit_of(source), first)

    def test_changes_to_a_commit_are_part_of_its_name(self):
        source = self.scratch / "checkout"
        (source / "common").mkdir(parents=True)
        (source / "CMakeLists.txt").write_text("")
        (source / "common/a.cc").write_text("one")
        git = ["git", "-C", source, "-c", "user.name=t", "-c", "user.email=t@example.com"]
        for words in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "one"]):
            subprocess.run([*git, *words], check=True)
        clean = self.commit_of(source)
        self.assertRegex(clean, r"^[0-9a-f]{12}$")
        (source / "notes.txt").write_text("nothing that is compiled")
        self.assertEqual(self.commit_of(source), clean)
        (source / "common/a.cc").write_text("two")
        self.assertRegex(self.commit_of(source), rf"^{clean}\.changed-[0-9a-f]{{12}}$")


if __name__ == "__main__":
    harness.main()
