"""An agent's own /metrics: what a real agent shows before, during and after its load, and to whom."""

import re
import urllib.error
import urllib.request

import harness
from harness import BIN, Process, plan_text


def scrape(port, token=None):
    """{sample: value} of an agent's page; None where nobody answers."""
    request = urllib.request.Request(f"http://127.0.0.1:{port}/metrics")
    if token:
        request.add_header("Authorization", f"Bearer {token}")
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            text = answer.read().decode()
    except urllib.error.HTTPError:
        raise
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return None
    return {name: float(value) for name, value in re.findall(r"^([^#\n].*) (\S+)$", text, re.M)}


def state(samples):
    return next(name for name, value in samples.items() if name.startswith("kneepoint_agent_state") and value == 1)


class AgentMetrics(harness.TestCase):
    def agent(self, fleet, *arguments):
        return self.start(Process(BIN / "kneepoint-agent", "--coordinator", f"127.0.0.1:{fleet}", *arguments))

    def test_an_agent_shows_its_part_in_a_run(self):
        host = self.simhost()
        fleet, port = harness.free_port(), harness.free_port()
        agent = self.agent(fleet, "--serve", f"127.0.0.1:{port}")
        agent.wait_for(f"metrics at http://127.0.0.1:{port}/metrics")
        alone = scrape(port)
        self.assertIn("joining", state(alone))
        self.assertEqual(alone["kneepoint_agent_lease_seconds"], 0)
        coordinator = self.kneepoint("run", self.write_plan(plan_text([host.url], steps="[6]", hold="4s")), "--out",
                                     self.scratch / "out", "--serve", "none", "--listen", f"127.0.0.1:{fleet}",
                                     "--expect-agents", "1")
        seen = []

        def over():
            samples = scrape(port)
            if samples:
                seen.append(samples)
            return samples is None
        harness.wait_until(over, "the agent has gone", timeout=60)
        self.assert_ran(coordinator.wait(30), coordinator.output)
        self.assertEqual(agent.wait(10), 0, agent.output)
        loading = [samples for samples in seen if "loading" in state(samples)]
        self.assertEqual(max(samples["kneepoint_agent_inflight_requests"] for samples in loading), 6)
        last = loading[-1]
        self.assertTrue(0 < last["kneepoint_agent_lease_seconds"] <= 8, last)
        self.assertTrue(0 < last["kneepoint_agent_busiest_thread_ratio"] <= 1.5, last)
        self.assertGreater(last['kneepoint_agent_cpu_seconds_total{mode="user"}'], 0)
        self.assertGreater(last["kneepoint_agent_loop_gap_seconds_count"], 0)
        self.assertGreater(last["kneepoint_agent_content_chunks_total"], 0)
        # Two processes of one machine share a clock, and know how well they have measured that.
        self.assertGreater(last["kneepoint_agent_clock_uncertainty_seconds"], 0)
        self.assertLessEqual(abs(last["kneepoint_agent_clock_offset_seconds"]),
                             last["kneepoint_agent_clock_uncertainty_seconds"])
        totals = self.report(self.scratch / "out")["totals"]
        counted = [samples['kneepoint_agent_requests_total{outcome="success"}'] for samples in seen]
        self.assertEqual(counted, sorted(counted))
        self.assertTrue(0 < counted[-1] <= totals["completed"], (counted[-1], totals))
        self.assertLessEqual(seen[-1]["kneepoint_agent_output_tokens_total"], totals["output_tokens"])

    def test_it_is_served_on_request_only(self):
        quiet = self.agent(harness.free_port(), "--join-timeout", "1s", "--log-level", "debug")
        quiet.wait(20)
        self.assertNotIn("metrics at", quiet.output)

    def test_beyond_loopback_a_token_is_wanted(self):
        refused = self.agent(harness.free_port(), "--serve", "0.0.0.0:0")
        self.assertEqual(refused.wait(20), 2, refused.output)
        self.assertIn("--http-token-file", refused.output)
        token = self.scratch / "token"
        token.write_text("s3cret\n")
        port = harness.free_port()
        agent = self.agent(harness.free_port(), "--serve", f"0.0.0.0:{port}", "--http-token-file", token)
        agent.wait_for("metrics at")
        with self.assertRaises(urllib.error.HTTPError) as turned_away:
            scrape(port)
        self.assertEqual(turned_away.exception.code, 401)
        self.assertIn("kneepoint_agent_inflight_requests", scrape(port, "s3cret"))

    def test_an_address_that_is_none(self):
        agent = self.agent(harness.free_port(), "--serve", "127.0.0.1:sixty")
        self.assertEqual(agent.wait(20), 2, agent.output)
        self.assertIn('"127.0.0.1:sixty" is not HOST:PORT', agent.output)


if __name__ == "__main__":
    harness.main()
