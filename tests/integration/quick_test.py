"""A first look at a host, from nothing to a sentence; and what ends before any load."""

import json
import os
import re
import subprocess

import harness
from harness import BIN, free_port


class Quick(harness.TestCase):
    def quick(self, *arguments, columns=80, timeout=120):
        """Runs in the scratch folder, where the plan is kept. Output and messages apart."""
        done = subprocess.run([BIN / "kneepoint", "quick", *map(str, arguments)], cwd=self.scratch, text=True,
                              stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout * harness.PATIENCE,
                              env={**os.environ, "COLUMNS": str(columns)})
        self.told = done.stdout + done.stderr
        return done

    def test_it_measures_and_says_so_in_one_screen(self):
        host = self.simhost("--max-model-len", "4096")
        for columns in (60, 80, 120):
            done = self.quick(host.url, "-c", "1,4", "--for", "4s", "--output", "32", columns=columns)
            self.assertEqual(done.returncode, 0, self.told)
            self.assertIn(f"✓ {host.url}: vLLM 0.0.0+kneepoint.simhost, qwen3-4b-instruct-2507, context 4,096, "
                          "speaks openai-chat, /metrics found", " ".join(done.stderr.split()))
            for line in ("One user:", "Your SLO:", "Full at:", "Errors:   none; longest silence"):
                self.assertIn(line, done.stdout)
            self.assertIn("A quick look, not for decisions.", done.stdout)
            self.assertNotIn("trustworthy", done.stdout)
            ending = done.stdout[done.stdout.index("One user:"):]
            self.assertLessEqual(len(ending.splitlines()), 15, ending)
            self.assertEqual([], [l for l in done.stdout.splitlines() if len(l) > columns and "/" not in l])
        self.assertEqual([p.name for p in self.scratch.glob("*.yaml")], ["quick.yaml"], "the same plan is kept once")
        self.assertTrue((self.scratch / "runs/latest/report.html").exists())
        self.assertTrue((self.scratch / "quick.yaml").read_text().startswith("# yaml-language-server: $schema="))
        validate = self.kneepoint("validate", self.scratch / "quick.yaml", "--set", "hold=5s")
        self.assertEqual(validate.wait(), 0, validate.output)

    def test_another_plan_is_not_replaced(self):
        host = self.simhost()
        (self.scratch / "quick.yaml").write_text("mine")
        done = self.quick(host.url, "-c", "2", "--for", "2s", "--output", "16", "--slo", "e2e_p50<30s")
        self.assertEqual(done.returncode, 0, self.told)
        self.assertEqual((self.scratch / "quick.yaml").read_text(), "mine")
        self.assertIn("e2e: {p50: 30s}", (self.scratch / "quick-2.yaml").read_text())
        self.assertIn("kneepoint run quick-2.yaml", done.stdout)

    def test_a_host_that_is_not_fit_ends_before_any_load(self):
        host = self.simhost("--max-model-len", "512")
        nobody = f"http://127.0.0.1:{free_port()}"
        for arguments, words in (((nobody,), "refused"), ((host.url, nobody), "1 of 2 hosts is not fit"),
                                 ((host.url, host.url + "/v1"), "given twice"),
                                 ((host.url, "--model", "other"), "does not serve 'other'"),
                                 ((host.url, "--input", "4000"), "too short for 4000"),
                                 ((host.url, "-c", "8,4"), "rising numbers"),
                                 ((host.url, "--slo", "quickly"), "ttft_p95<500ms"),
                                 ((host.url, "--for", "soon"), "no duration")):
            done = self.quick(*arguments)
            self.assertEqual(done.returncode, 2, self.told)
            self.assertIn(words, self.told)
            self.assertEqual(done.stdout, "", self.told)
        self.assertFalse((self.scratch / "runs").exists(), "nothing was loaded, so nothing lies there")
        self.assertEqual(list(self.scratch.glob("*.yaml")), [])

    def test_a_program_reads_json(self):
        host = self.simhost()
        done = self.quick(host.url, "-c", "2", "--for", "2s", "--output", "16", "--format", "json")
        self.assertEqual(done.returncode, 0, self.told)
        report = json.loads(done.stdout)
        self.assertEqual([s["concurrency"] for s in report["results"][0]["steps"]], [2])
        self.assertEqual(done.stdout, (self.scratch / "runs/latest/report.json").read_text())

    def test_a_host_that_stops_answering_is_3(self):
        host = self.simhost("--die-after", "5s")
        done = self.quick(host.url, "-c", "1,2,4", "--for", "30s", "--output", "32")
        self.assertEqual(done.returncode, 3, self.told)
        self.assertRegex(done.stdout, r"! The host stopped answering at 00:\d\d")


class InitOfSeveral(harness.TestCase):
    def test_replicas_stand_in_one_target(self):
        one, two = self.simhost(), self.simhost()
        plan = self.scratch / "both.yaml"
        init = self.kneepoint("init", "--quick", one.url, two.url, "--output", plan)
        self.assertEqual(init.wait(), 0, init.output)
        self.assertIn(f"next: kneepoint run {plan}", init.output)
        self.assertTrue(re.search(rf'urls: \["{one.url}", "{two.url}"\]', plan.read_text()), plan.read_text())
        validate = self.kneepoint("validate", plan, "--set", "hold=5s", "--set", "confirm=false")
        self.assertEqual(validate.wait(), 0, validate.output)


if __name__ == "__main__":
    harness.main()
