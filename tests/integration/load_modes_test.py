"""Load modes against the simulated host: open loop, think time, routing, connections."""

import gzip
import json
import socket
import threading

import harness

MODEL = "qwen3-4b-instruct-2507"


def plan_text(urls, ramp, target="", workload="", more="", top=""):
    listed = ", ".join(f'"{u}"' for u in urls)
    return f"""\
kneepoint: 1
name: modes
{top}
targets:
  - {{name: host, urls: [{listed}], model: {MODEL}{target}}}
scenarios:
  - name: chat
    workload: {{prompts: ["What is a transformer?"], output_tokens: 32{workload}}}
    ramp: {ramp}
{more}"""


class Balancer:
    """One address in front of several hosts: connections go to them in turn, as behind a Kubernetes Service."""

    def __init__(self, ports):
        self.ports = ports
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        accepted = 0
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            host = socket.create_connection(("127.0.0.1", self.ports[accepted % len(self.ports)]))
            accepted += 1
            threading.Thread(target=self.relay, args=(client, host), daemon=True).start()

    def relay(self, client, host):
        with client, host:
            back = threading.Thread(target=self.pump, args=(host, client), daemon=True)
            back.start()
            self.pump(client, host)
            back.join()

    @staticmethod
    def pump(one, other):
        try:
            while data := one.recv(65536):
                other.sendall(data)
            other.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def close(self):
        self.listener.close()


class LoadModes(harness.TestCase):
    def run_text(self, text, *arguments):
        code, report, output = self.run_plan(self.write_plan(text), *arguments)
        self.assertIsNotNone(report, output)
        self.assertIn(code, (0, 3), output)
        self.output = output
        self.text = (self.scratch / "out/report.txt").read_text()
        return report

    def records(self):
        with gzip.open(self.scratch / "out/records.jsonl.gz", "rt") as file:
            return [json.loads(line) for line in file][1:]

    def test_an_open_loop_below_and_above_what_the_host_can_take(self):
        host = self.simhost()  # takes about 70 requests of 32 tokens a second
        report = self.run_text(plan_text(
            [host.url], "{rate: [10, 20, 200], max_in_flight: 48, warmup: 2s, hold: 6s}",
            more="    slo: {ttft: {p95: 500ms}}\n"), "--agents", "2")
        (result,) = report["results"]
        low, middle, high = result["steps"]
        for step, rate in ((low, 10), (middle, 20), (high, 200)):
            self.assertEqual(step["offered_rate"], rate)
            self.assertEqual(step["concurrency"], 48)
            # Six seconds of a Poisson process: within five of its deviations.
            self.assertAlmostEqual(step["due_per_second"], rate, delta=5 * (rate * 6) ** 0.5 / 6)
        for step in (low, middle):
            self.assertAlmostEqual(step["achieved_rate"], step["due_per_second"], delta=0.5)
            self.assertLess(step["achieved_concurrency"], 40)
            self.assertEqual(step["backlog"], 0)
            self.assertGreaterEqual(step["ttft_intended_seconds"]["mean"], step["ttft_seconds"]["mean"] * 0.99)
        self.assertLess(high["achieved_rate"], 150)
        self.assertGreater(high["achieved_concurrency"], 47)
        self.assertGreater(high["backlog"], 50)
        self.assertIn("BACKLOG", high["flags"])
        self.assertIn("RATE_NOT_REACHED", high["flags"])
        self.assertGreater(high["ttft_intended_seconds"]["p50"], 2 * high["ttft_seconds"]["p50"])
        # None is sent twice, and all that was sent reached the host.
        self.assertEqual(report["totals"]["started"], host.load_stats()["requests"]["received"])
        (criterion,) = result["slo"]["criteria"]
        self.assertNotEqual(criterion["concurrency"], 200)
        self.assertNotIn("requests in flight", result["saturation"]["explanation"])
        self.assertIn("Open loop", self.text)
        self.assertIn("200/s", self.text)

    def test_a_falling_rate_is_not_measured_while_the_backlog_of_the_one_before_is_served(self):
        host = self.simhost()  # takes about 70 requests of 32 tokens a second
        report = self.run_text(plan_text(
            [host.url], "{rate: [140, 12], max_in_flight: 48, warmup: 1s, hold: 4s}"))
        high, low = report["results"][0]["steps"]
        self.assertGreater(high["backlog"], 50)
        self.assertNotIn("CATCHING_UP", low["flags"])
        # Four seconds of a Poisson process and requests of some 0.5 s.
        self.assertAlmostEqual(low["achieved_rate"], low["due_per_second"], delta=0.5)
        self.assertAlmostEqual(low["requests_per_second"]["value"], low["due_per_second"], delta=6)
        self.assertLess(low["ttft_intended_seconds"]["p50"], high["ttft_intended_seconds"]["p50"] / 4)
        self.assertNotIn("saturates at 12", self.text)

    def test_the_same_requests_at_the_same_instants_however_many_agents(self):
        starts = []
        for agents in ("1", "3"):
            host = self.simhost()
            self.run_text(plan_text([host.url], "{rate: [40], arrival: gamma, burstiness: 0.5, warmup: 1s, hold: 3s}",
                                    top="records: true\nseed: 7"), "--agents", agents)
            due = {int(r["id"].rsplit("-", 1)[1]): r["scheduled"] for r in self.records()}
            self.assertGreater(len(due), 60)
            self.assertEqual(sorted(due), list(range(len(due))), "each arrival once")
            starts.append([due[k] - due[0] for k in range(60)])
        for one, three in zip(*starts):
            self.assertAlmostEqual(one, three, delta=2e-6)

    def test_a_trace_says_when(self):
        trace = self.scratch / "trace.jsonl"
        trace.write_text("".join(
            json.dumps({"timestamp": 250 * i, "input_length": 64, "output_length": 8, "hash_ids": [i]}) + "\n"
            for i in range(41)))
        host = self.simhost()
        text = plan_text([host.url], "{arrival: trace, warmup: 1s}", top="records: true").replace(
            'prompts: ["What is a transformer?"], output_tokens: 32',
            "dataset: {file: trace.jsonl, format: mooncake, time_scale: 0.5}")
        report = self.run_text(text, "--agents", "2")
        (step,) = report["results"][0]["steps"]
        self.assertAlmostEqual(step["due_per_second"], 8, delta=0.3)
        due = sorted(r["scheduled"] for r in self.records())
        self.assertEqual(len(due), 40, "all but the last, which is due as the window ends")
        for k, at in enumerate(due):
            self.assertAlmostEqual(at - due[0], 0.125 * k, delta=1e-3)

    def test_a_load_that_never_stands_still(self):
        host = self.simhost()
        workload = 'workload: {prompts: ["What is a transformer?"], output_tokens: 32}'
        rows = "warmup: 0s, hold: 2s"
        report = self.run_text(plan_text([host.url], f"{{from: 1, to: 17, over: 5s, {rows}}}", top="records: true") + f"""\
  - name: down
    {workload}
    ramp: {{from: 17, to: 1, over: 5s, warmup: 1s, hold: 2s}}
  - name: rate
    {workload}
    ramp: {{rate: {{from: 5, to: 45, over: 5s}}, arrival: constant, {rows}}}
""", "--agents", "2")
        up, down, rate = report["results"]
        self.assertEqual([s["concurrency"] for s in up["steps"]], [4, 12])
        self.assertEqual([s["concurrency"] for s in down["steps"]], [14, 6])
        self.assertEqual([s["offered_rate"] for s in rate["steps"]], [13, 33])
        for step in up["steps"] + down["steps"] + rate["steps"]:
            self.assertIn("MOVING", step["flags"])
            # A busy machine may be CLIENT_BOUND, but nothing is held against the movement.
            self.assertFalse({"LOW_OCCUPANCY", "LITTLES_LAW", "DRIFTING", "OVERLOADED"} & set(step["flags"]), step)
        words = " ".join(self.text.split())
        self.assertIn("A stepped ramp or a search confirms it.", words)
        self.assertEqual(sum("none is of a steady state" in r for r in report["verdict"]["reasons"]), 3)

        records = {name: [r for r in self.records() if r["scenario"] == name] for name in ("chat", "down", "rate")}
        late = 0.3 * harness.PATIENCE
        # Up: a slot more every 5/16 s, the first after half of that.
        gap, begin = 5 / 16, up["steps"][0]["window_begin_seconds"]
        for slot in range(1, 17):
            first = min(r["sent"] for r in records["chat"] if r["slot"] == slot)
            self.assertGreaterEqual(first, begin + (slot - 0.5) * gap - 1e-3)
            self.assertLess(first, begin + (slot - 0.5) * gap + late)
        for step in up["steps"]:
            self.assertAlmostEqual(step["achieved_concurrency"], step["concurrency"], delta=1)
        # Down: a slot fewer every 5/16 s, the highest first. Its last request was begun before, and ended after.
        begin = down["steps"][0]["window_begin_seconds"]
        for slot in range(1, 17):
            mine = [r for r in records["down"] if r["slot"] == slot]
            end = begin + (16 - slot + 0.5) * gap
            self.assertLess(max(r["scheduled"] for r in mine), end)
            self.assertGreater(max(r["ended"] for r in mine), end - late)
        # Requests that run when their slot's time has come still end.
        for step in down["steps"]:
            self.assertGreater(step["achieved_concurrency"], step["concurrency"] - 1)
            self.assertLess(step["achieved_concurrency"], step["concurrency"] + 4)
        # Rate: arrival k is due when the integral of 5 + 8 t is k.
        begin = rate["steps"][0]["window_begin_seconds"]
        epoch = max(r["epoch"] for r in records["rate"])
        due = sorted(r["scheduled"] - begin for r in records["rate"] if r["epoch"] == epoch)
        self.assertIn(len(due), (125, 126), "the last is due as the load ends")
        for k, at in enumerate(due):
            self.assertAlmostEqual(5 * at + 4 * at * at, k, delta=0.05)

    def test_users_who_think_are_not_requests_in_flight(self):
        host = self.simhost()
        report = self.run_text(plan_text([host.url], "{steps: [8], warmup: 2s, hold: 4s}",
                                         workload=", think_time: {distribution: uniform, min: 200ms, max: 600ms}"))
        (step,) = report["results"][0]["steps"]
        self.assertNotIn("LOW_OCCUPANCY", step["flags"], self.output)
        self.assertAlmostEqual(step["thinking"] + step["achieved_concurrency"], 8, delta=0.2)
        self.assertLess(step["achieved_concurrency"], 7)
        self.assertAlmostEqual(step["thinking"] / step["requests_per_second"]["value"], 0.4, delta=0.1)

    def test_replicas_are_taken_in_turn_or_kept(self):
        for routing in ("round_robin", "least_in_flight", "pinned"):
            hosts = [self.simhost(), self.simhost()]
            report = self.run_text(plan_text([h.url for h in hosts], "{steps: [3], requests: 60}",
                                             target=f", routing: {routing}"))
            (step,) = report["results"][0]["steps"]
            shares = [r["requests"]["completed"] for r in step["replicas"]]
            # The first replica is the one that is asked before the load.
            served = [hosts[0].load_stats(), hosts[1].stats()]
            self.assertEqual(shares, [s["requests"]["completed"] for s in served])
            if routing == "pinned":
                self.assertEqual(shares, [40, 20])
            else:
                self.assertAlmostEqual(shares[0], 30, delta=6 if routing == "least_in_flight" else 0)

    def test_a_connection_per_request(self):
        host = self.simhost()
        report = self.run_text(plan_text([host.url], "{steps: [4], warmup: 1s, hold: 3s}",
                                         target=", connection: per_request"))
        (step,) = report["results"][0]["steps"]
        self.assertAlmostEqual(step["connect_seconds"]["count"], step["requests"]["started"], delta=4)
        self.assertEqual(step["reconnects"], 0)
        self.assertEqual(step["requests"]["failed"], 0)

    def test_replicas_behind_one_address_are_named_and_pinning_is_told(self):
        hosts = [self.simhost("--name", name) for name in ("pod-a", "pod-b")]
        balancer = Balancer([host.port for host in hosts])
        self.addCleanup(balancer.close)
        for connection in ("reuse", "per_request"):
            report = self.run_text(plan_text([balancer.url], "{steps: [3], warmup: 1s, hold: 3s}",
                                             target=f", replica_header: x-replica, connection: {connection}"))
            (step,) = report["results"][0]["steps"]
            self.assertEqual([r["name"] for r in step["replicas"]], ["pod-a", "pod-b"])
            self.assertEqual(sum(r["requests"]["completed"] for r in step["replicas"]),
                             step["requests"]["completed"])
            self.assertEqual("PINNED" in step["flags"], connection == "reuse", step["flags"])
            shares = sorted(r["requests"]["completed"] for r in step["replicas"])
            if connection == "reuse":
                self.assertAlmostEqual(shares[1] / shares[0], 2, delta=0.6)
            else:
                self.assertAlmostEqual(shares[1] / shares[0], 1, delta=0.2)


if __name__ == "__main__":
    harness.main()
