"""What an agent refuses whatever its coordinator says, and that a plan of one's own on one's own machine is not refused."""

import urllib.error
import urllib.request

import harness
from harness import BIN, Process, plan_text


class Permissions(harness.TestCase):
    def fleet(self, plan, *agent, env=None):
        """One remote agent's part in a run of `plan`. Returns both exit codes and all that was printed."""
        port = harness.free_port()
        coordinator = self.kneepoint("run", self.write_plan(plan), "--out", self.scratch / "out", "--serve", "none",
                                     "--listen", f"127.0.0.1:{port}", "--expect-agents", "1")
        joined = self.start(Process(BIN / "kneepoint-agent", "--coordinator", f"127.0.0.1:{port}", *agent, env=env))
        codes = coordinator.wait(60), joined.wait(30)
        return codes, coordinator.output, joined.output

    def assert_refused(self, words, plan, *agent, env=None, codes=(5, 2)):
        """By default the agent refuses; what its caps forbid the coordinator knows before."""
        got, told, said = self.fleet(plan, *agent, env=env)
        self.assertEqual(got, codes, told + said)
        self.assertIn(words, said)
        self.assertIn(words, told, "the coordinator's user reads it too")

    def test_targets(self):
        self.assert_refused("--allow-target 192.0.2.1", plan_text(["http://192.0.2.1:9"]))
        self.assert_refused("--allow-target 169.254.169.254", plan_text(["http://169.254.169.254"]),
                            "--allow-target", "any")
        host = self.simhost()
        self.assert_refused("--allow-target 127.0.0.1", plan_text([host.url]), "--allow-target", "10.0.0.0/8")
        # The name is judged by where it leads.
        self.assert_refused("--allow-target localhost", plan_text([f"http://localhost:{host.port}"]),
                            "--allow-target", "10.0.0.0/8")
        self.assertEqual(host.stats()["requests"]["received"], 2, "the question that each coordinator asks, and no load")

    def test_an_allowed_target_is_loaded(self):
        host = self.simhost()
        codes, told, said = self.fleet(plan_text([f"http://localhost:{host.port}"], requests=8),
                                       "--allow-target", f"localhost:{host.port}")
        self.assertEqual(codes[1], 0, told + said)
        self.assertEqual(host.load_stats()["requests"]["received"], 8)

    def test_secrets(self):
        host = self.simhost()
        key = {"KNEEPOINT_TEST_KEY": "sk-very-secret"}
        plan = plan_text([host.url], requests=8, extra_target=", auth: {env: KNEEPOINT_TEST_KEY}")
        self.assert_refused("--allow-secret KNEEPOINT_TEST_KEY", plan, env=key)
        self.assert_refused("--allow-secret /etc/hostname",
                            plan_text([host.url], extra_target=", tls: {ca: /etc/hostname}"))
        codes, told, said = self.fleet(plan, "--allow-secret", "KNEEPOINT_TEST_KEY", env=key)
        self.assertEqual(codes[1], 0, told + said)

    def test_cap_of_streams(self):
        host = self.simhost()
        self.assert_refused("a load of 9 gives agent ", plan_text([host.url], steps="[4, 9]"), "--max-streams", "8", codes=(2, 3))
        self.assertEqual(host.stats()["requests"]["received"], 0, "not even the first step, which it would take")

    def test_cap_of_rates(self):
        host = self.simhost()
        fast = plan_text([host.url]).replace("steps: [4]", "rate: [60]")
        self.assert_refused("--max-rate", fast, "--max-rate", "50", codes=(2, 3))

    def test_patterns_that_are_none(self):
        agent = self.start(Process(BIN / "kneepoint-agent", "--coordinator", "127.0.0.1:1", "--allow-target", "10.0.0.0/99"))
        self.assertEqual(agent.wait(20), 2)
        self.assertIn("--allow-target 10.0.0.0/99", agent.output)

    def test_ones_own_plan_is_not_refused(self):
        """No one answers at a documentation address: requests fail, the agent does not."""
        plan = plan_text(["http://192.0.2.1:9"], steps="[1]", warmup="0s", hold="2s", extra_target=", connect_timeout: 500ms")
        code, report, output = self.run_plan(self.write_plan(plan))
        self.assertEqual(code, 3, output)
        self.assertNotIn("--allow-target", output)
        self.assertGreater(report["totals"]["failed"], 0, output)

    def test_what_is_served_beyond_this_machine_wants_a_token(self):
        plan = self.write_plan(plan_text(["http://127.0.0.1:1"]))
        blank = self.scratch / "blank"
        blank.write_text("\n")
        for words, arguments in [("--http-token-file", []), ("is empty", ["--http-token-file", blank]),
                                 ("cannot be read", ["--http-token-file", self.scratch / "none"])]:
            process = self.kneepoint("run", plan, "--out", self.scratch / "out", "--serve", "0.0.0.0:0", "--no-preflight", *arguments)
            self.assertEqual(process.wait(20), 2, process.output)
            self.assertIn(words, process.output)

    def test_metrics_are_for_who_shows_the_token(self):
        host = self.simhost()
        port = harness.free_port()
        secret = self.scratch / "token"
        secret.write_text("s3cret\n")
        run = self.kneepoint("run", self.write_plan(plan_text([host.url], hold="20s")), "--out", self.scratch / "out",
                             "--serve", f"0.0.0.0:{port}", "--http-token-file", secret)
        run.wait_for("chat on host")

        def ask(headers):
            request = urllib.request.Request(f"http://127.0.0.1:{port}/metrics", headers=headers)
            try:
                with urllib.request.urlopen(request, timeout=10) as answer:
                    return answer.status
            except urllib.error.HTTPError as refused:
                return refused.code

        self.assertEqual(ask({}), 401)
        self.assertEqual(ask({"Authorization": "Bearer wrong"}), 401)
        self.assertEqual(ask({"Authorization": "Bearer s3cret"}), 200)
        self.assertNotIn("s3cret", run.output)


if __name__ == "__main__":
    harness.main()
