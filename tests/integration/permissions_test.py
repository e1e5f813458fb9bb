"""What an agent refuses whatever its coordinator says, and that a plan of one's own on one's own machine is not refused."""

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

    def assert_refused(self, words, plan, *agent, env=None):
        codes, told, said = self.fleet(plan, *agent, env=env)
        self.assertEqual(codes, (5, 2), told + said)
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

    def test_caps(self):
        host = self.simhost()
        self.assert_refused("--max-streams", plan_text([host.url], steps="[9]"), "--max-streams", "8")

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


if __name__ == "__main__":
    harness.main()
