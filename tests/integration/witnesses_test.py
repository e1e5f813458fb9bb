"""Hosts whose pages tell half, or another time, or of others; and requests that are held before the engine. Each with its truth."""

import harness

MODEL = "qwen3-4b-instruct-2507"
POD = ("--slots", "8", "--a", "9ms", "--c", "60us")


class Witnesses(harness.TestCase):
    def judge(self, urls, steps, hold="8s", warmup="3s", extra=""):
        listed = ", ".join(f'"{url}"' for url in urls)
        plan = self.write_plan(f"""\
kneepoint: 1
name: witnesses
targets:
  - {{name: host, urls: [{listed}], model: {MODEL}{extra}}}
scenarios:
  - name: load
    workload: {{prompts: ["What is a transformer?"], output_tokens: {{distribution: uniform, min: 32, max: 96}}}}
    ramp: {{steps: {steps}, warmup: {warmup}, hold: {hold}}}
""")
        code, report, output = self.run_plan(plan, timeout=300)
        self.assertIn(code, (0, 3), output)
        self.result = report["results"][0]
        self.text = (self.scratch / "out/report.txt").read_text()
        self.bottleneck = self.result["saturation"]["bottleneck"]
        self.explanation = self.result["saturation"]["explanation"]
        return self.result

    def page(self, at=-1):
        return self.result["steps"][at]["telemetry"]["page"]

    def assert_said(self, pattern):
        """In the verdict, above the fold."""
        above = self.text.split("=" * 40)[0]
        self.assertRegex(" ".join(above.split()), pattern)

    def test_a_host_that_behaves_is_covered(self):
        host = self.simhost(*POD)
        self.judge([host.url], "[4, 8, 16, 24]")
        for step in self.result["steps"]:
            self.assertEqual(step["telemetry"]["page"]["state"], "covered", step["telemetry"]["page"])
        self.assertEqual(self.bottleneck, "queue_slots", self.explanation)
        last = self.result["steps"][-1]["telemetry"]
        self.assertAlmostEqual(last["running_by_time"], 8, delta=1)
        self.assertAlmostEqual(last["waiting_by_time"], 16, delta=3)
        self.assertNotIn("the server's page", self.text)

    def test_four_pods_behind_one_address_and_the_page_of_one(self):
        for page, most in (("first", 0.33), ("smallest", 0.2)):
            with self.subTest(page):
                host = self.simhost(*POD, "--replicas", "4", "--page", page)
                self.judge([host.url], "[8, 16, 32, 64]")
                self.assertEqual(self.page()["state"], "partial")
                self.assertLess(self.page()["tokens_ratio"], most)
                self.assertEqual(self.bottleneck, "", self.explanation)
                self.assert_said(r"the server's page shows \d+ % of our load")

    def four_pods(self, *more):
        host = self.simhost(*POD, "--replicas", "4", "--page", "each", *more)
        pages = ", ".join(f'"{host.url}/pods/{i}/metrics"' for i in range(4))
        header = ", replica_header: X-Replica" if "--name" in more else ""
        self.judge([host.url], "[8, 16, 24]", extra=f"{header}, telemetry: {{metrics: [{pages}]}}")
        for at in range(3):
            self.assertEqual(self.page(at)["state"], "covered", self.page(at))
            self.assertEqual(len(self.result["steps"][at]["telemetry"]["pods"]), 4)
        return host, {remark["code"] for remark in self.result["verdict"]["remarks"]}

    def test_one_slow_pod_of_four_behind_one_address_is_named(self):
        for more, second in (((), "the mean that came here"), (("--name", "pod"), "replica pod-2 by the response header")):
            with self.subTest(second):
                host, codes = self.four_pods("--slow-replica", "2=2.5", *more)
                self.assertIn("slow_pod", codes)
                self.assert_said(rf"[Pp]od 127\.0\.0\.1:{host.port}/pods/2 is slower than the other 3: TPOT .*{second}")
                self.assertIn("By pod or rank, as each one's page has it", self.text)

    def test_equal_pods_behind_one_address_are_not_named(self):
        _, codes = self.four_pods()
        self.assertFalse(codes & {"slow_pod", "pod_skew", "page_partial"}, codes)

    def four_ranks(self, *more):
        host = self.simhost(*POD, "--replicas", "4", "--page", "ranks", *more)
        self.judge([host.url], "[8, 16, 24]")
        for at in range(3):
            told = self.result["steps"][at]["telemetry"]
            self.assertEqual(told["page"]["state"], "covered", told["page"])
            self.assertEqual([(pod["name"], pod["rank"]) for pod in told["pods"]],
                             [(f"127.0.0.1:{host.port}", rank) for rank in range(4)])
            self.assertEqual(told["engine_sources"], 1)
            self.assertAlmostEqual(sum(pod["running"] for pod in told["pods"]), told["running"], delta=0.01)
            self.assertLessEqual(told["kv_usage_max_ratio"], 1)
            self.assertEqual(max(pod["kv_usage_max_ratio"] for pod in told["pods"]), told["kv_usage_max_ratio"])
        self.assertNotIn("capacity with one pod less", self.text)
        return host, {remark["code"] for remark in self.result["verdict"]["remarks"]}

    def test_the_slow_one_of_four_ranks_of_one_server_is_named(self):
        host, codes = self.four_ranks("--slow-replica", "2=2.5")
        self.assertIn("slow_pod", codes)
        self.assert_said(rf"[Rr]ank 2 of 127\.0\.0\.1:{host.port} is slower than the other 3: TPOT .*the mean that came here")
        self.assertIn("By pod or rank, as each one's page has it", self.text)
        for name in ("report.txt", "report.md", "report.html"):
            self.assertIn(f"rank 2 of 127.0.0.1:{host.port}", (self.scratch / "out" / name).read_text(), name)

    def test_equal_ranks_are_not_named(self):
        _, codes = self.four_ranks()
        self.assertFalse(codes & {"slow_pod", "pod_skew", "page_partial"}, codes)

    def test_a_page_that_rotates_among_pods(self):
        host = self.simhost(*POD, "--replicas", "4", "--page", "rotating")
        self.judge([host.url], "[8, 16, 32, 64]")
        # The pods' counters differ once connections have been dealt unevenly; until then a page of any is of a quarter.
        self.assertIn(self.page()["state"], ("rotating", "partial"))
        self.assertEqual(self.bottleneck, "", self.explanation)

    def test_a_page_that_is_old(self):
        host = self.simhost(*POD, "--page-age", "12s")
        self.judge([host.url], "[2, 8, 16, 24]")
        self.assertEqual(self.page()["state"], "stale")
        self.assertAlmostEqual(self.page()["lag_seconds"], 12, delta=2)
        self.assertEqual(self.bottleneck, "", self.explanation)
        self.assert_said(r"the server's page is 1\d s old")

    def test_a_page_that_stands_still(self):
        host = self.simhost(*POD, "--page-freeze", "12s")
        self.judge([host.url], "[4, 8, 16, 24]")
        self.assertEqual(self.page()["state"], "frozen")
        self.assertEqual(self.bottleneck, "", self.explanation)
        self.assert_said(r"the server's page stood still for \d+ s while tokens came")

    def test_other_tenants(self):
        host = self.simhost("--slots", "64", "--tenants", "24")
        self.judge([host.url], "[8, 16]")
        self.assertEqual(self.page()["state"], "others")
        # 24 of 40 requests are theirs.
        self.assertAlmostEqual(1 - 1 / self.page()["tokens_ratio"], 0.6, delta=0.06)
        self.assert_said(r"\d\d % of what the server generated was for others")

    def test_a_gateway_that_holds_requests(self):
        host = self.simhost("--gateway-slots", "8")
        self.judge([host.url], "[4, 8, 12, 16]")
        self.assertEqual(self.page()["state"], "covered")
        self.assertEqual(self.bottleneck, "before_engine", self.explanation)
        self.assertNotIn("network", self.explanation)
        self.assertGreater(self.result["steps"][-1]["telemetry"]["outside_server_seconds"], 0.2)

    def test_a_slow_front_end(self):
        host = self.simhost("--front-end", "80ms")
        self.judge([host.url], "[2, 6, 12, 24]")
        self.assertEqual(self.bottleneck, "front_end", self.explanation)
        told = self.result["steps"][-1]["telemetry"]
        self.assertAlmostEqual(told["front_end_cpu_cores"], 1, delta=0.05)
        self.assertGreater(told["front_end_seconds"], 5 * told["queue_time_mean_seconds"])
        self.assertIn("Where a first token takes its time", self.text)

    def test_one_sick_replica_of_several_is_named(self):
        sick = self.simhost(*POD, "--time-scale", "3")
        urls = [self.simhost(*POD).url, sick.url, self.simhost(*POD).url]
        self.judge(urls, "[6, 12]")
        self.assert_said(rf"[Rr]eplica 127\.0\.0\.1:{sick.port} is slower than the others: TPOT")


if __name__ == "__main__":
    harness.main()
