"""Standard output that cannot be written is an error with its exit code, and a reader that leaves is none."""

import json
import os
import shutil
import socket
import subprocess

import harness
from harness import BIN, plan_text


class Output(harness.TestCase):
    def setUp(self):
        super().setUp()
        self.plan = self.write_plan(plan_text(["http://127.0.0.1:1"], steps="[1]"))

    def said(self, *arguments, **how):
        """Exit code and standard error."""
        done = subprocess.run([BIN / "kneepoint", *arguments], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                              timeout=60 * harness.PATIENCE, **how)
        return done.returncode, done.stderr

    def test_a_full_disk(self):
        for arguments in (("validate", self.plan), ("--help",), ("--version",), ("run", "--help")):
            with self.subTest(arguments), open("/dev/full", "w") as full:
                code, errors = self.said(*arguments, stdout=full)
                self.assertEqual(code, 1, errors)
                self.assertEqual(errors.splitlines()[-1],
                                 "kneepoint: standard output cannot be written: No space left on device; "
                                 "what was to be printed is lost")

    def test_closed(self):
        code, errors = self.said("validate", self.plan, preexec_fn=lambda: os.close(1))
        self.assertEqual(code, 1, errors)
        self.assertIn("kneepoint: standard output is closed", errors)

    def test_a_mistake_keeps_its_code(self):
        code, errors = self.said("validate", self.scratch / "no-such-plan", preexec_fn=lambda: os.close(1))
        self.assertEqual(code, 2, errors)

    def test_a_run_whose_output_is_closed_leaves_its_files_alone(self):
        host = self.simhost()
        plan = self.write_plan(plan_text([host.url], steps="[2]", hold="1s"))
        out = self.scratch / "out"
        code, errors = self.said("run", plan, "--out", out, "--serve", "none", "--quiet", preexec_fn=lambda: os.close(1))
        self.assertIn(code, (1, 3), errors)
        self.assertIn("standard output is closed", errors)
        self.assertGreater(self.report(out)["totals"]["completed"], 0)
        self.assertTrue((out / "report.html").read_text().startswith("<!"), "no file was taken for standard output")

    def test_a_reader_that_leaves(self):
        read, write = os.pipe()
        os.close(read)
        code, errors = self.said("validate", self.plan, stdout=write)
        os.close(write)
        self.assertEqual((code, errors), (0, ""))


class Ending(harness.TestCase):
    """The answer is the result and goes to standard output; the table is progress, printed once, and does not."""

    def said(self, *arguments, columns=80):
        """In a folder of its own: what has no --out goes to runs/ there."""
        done = subprocess.run([BIN / "kneepoint", *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True, cwd=self.scratch,
                              env={**os.environ, "COLUMNS": str(columns)}, timeout=60 * harness.PATIENCE)
        return done.returncode, done.stdout, done.stderr

    def test_a_run_ends_with_the_answer(self):
        host = self.simhost()
        plan = self.write_plan(plan_text([host.url], steps="[1, 3]", hold="2s", slo="    slo: {ttft: {p95: 500ms}}\n"))
        out = self.scratch / "out"
        for columns in (60, 100):
            code, result, progress = self.said("run", plan, "--out", out, "--serve", "none", columns=columns)
            self.assertIn(code, (0, 3), progress)
            lines = result.splitlines()
            self.assertLessEqual(len(lines), 15, result)
            self.assertEqual([], [line for line in lines if len(line) > columns and "/" not in line])
            for begin in ("One user: first token", "Your SLO:", "Full at:", "Errors:   none; longest silence", "VERDICT:", "Next:"):
                self.assertTrue(any(line.startswith(begin) for line in lines), result)
            self.assertEqual(lines[-1], f"report: {out}/report.html")
            self.assertNotIn("TTFT p95  ", result, "the table is progress")
            self.assertEqual(progress.count("TTFT p95"), 1, progress)
            self.assertEqual([line.split()[0] for line in progress.splitlines() if line.split()[:1] in (["1"], ["3"])],
                             ["1", "3"], "a row each")
            shutil.rmtree(out)

    def test_a_start_that_loaded_nothing_leaves_nothing(self):
        host = self.simhost()
        plan = self.write_plan(plan_text([host.url], steps="[2]", hold="1s"))
        with socket.create_server(("127.0.0.1", 0)) as taken:
            address = f"127.0.0.1:{taken.getsockname()[1]}"
            self.assertEqual(self.said("run", plan, "--serve", address)[0], 2)
        fleet = ("--listen", "127.0.0.1:0", "--expect-agents", "1", "--join-timeout", "300ms")
        code, _, told = self.said("run", plan, "--serve", "none", *fleet)
        self.assertEqual(code, 5, told)
        self.assertIn("waiting for 1 agent on", told)
        self.assertIn("the agent did not come", told)
        self.assertFalse((self.scratch / "runs").exists())
        self.said("run", plan, "--serve", "none")
        self.assertTrue((self.scratch / "runs/latest/report.json").exists(), "one that loads something leaves it here")

    def test_a_run_is_not_replaced_unless_asked_to(self):
        host = self.simhost()
        plan = self.write_plan(plan_text([host.url], steps="[2]", hold="1s"))
        out = self.scratch / "out"
        run = ("run", plan, "--out", out, "--serve", "none")
        self.said(*run)
        before = self.report(out)
        (out / "records.jsonl.gz").write_text("of the first")
        code, result, told = self.said(*run)
        self.assertEqual((code, result), (2, ""))
        self.assertEqual(told, f"kneepoint: {out}: a run lies there already; name another directory, or --force to replace it\n")
        self.assertEqual(self.report(out), before)
        self.said(*run, "--force")
        self.assertNotEqual(self.report(out)["run"]["id"], before["run"]["id"])
        self.assertFalse((out / "records.jsonl.gz").exists(), "nothing is left of the first run")

    def test_json_for_programs(self):
        host = self.simhost()
        plan = self.write_plan(plan_text([host.url], steps="[2]", hold="1s"))
        out = self.scratch / "out"
        self.assertEqual(self.said("run", plan, "--out", out, "--serve", "none", "--format", "json")[1],
                         (out / "report.json").read_text())
        self.assertEqual(self.said("report", out, "--format", "json")[1], (out / "report.json").read_text())
        code, told, _ = self.said("validate", plan, "--format", "json")
        valid = json.loads(told)
        self.assertEqual((code, valid["valid"], valid["error"]), (0, True, None))
        self.assertEqual(valid["runs"], [{"scenario": "chat", "target": "host", "steps": [1, 1],
                                          "seconds": valid["runs"][0]["seconds"]}])
        plan.write_text(plan.read_text().replace("ramp", "rmap"))
        code, told, errors = self.said("validate", plan, "--format", "json")
        invalid = json.loads(told)
        self.assertEqual((code, invalid["valid"]), (2, False))
        self.assertEqual(errors, f"kneepoint: {invalid['error']}\n")

    def test_as_much_as_is_asked_for(self):
        host = self.simhost()
        plan = self.write_plan(plan_text([host.url], steps="[2]", hold="1s"))
        out = self.scratch / "out"
        code, result, progress = self.said("run", plan, "--out", out, "--serve", "none", "--quiet")
        self.assertEqual(progress, "")
        self.assertRegex(result, rf"^(trustworthy|with reservations|not trustworthy): full .*; report: {out}/report.html\n$")
        self.assertEqual(self.said("report", out, "--quiet"), (0, result, ""))
        text = (out / "report.txt").read_text()
        self.assertTrue(self.said("report", out, "--full", columns=120)[1].startswith(text))
        brief = self.said("report", out / "report.json", columns=120)[1]
        self.assertLessEqual(len(brief.splitlines()), 15)
        again = self.said("replay", out, "--out", self.scratch / "again", columns=120)[1]
        self.assertEqual(again.replace(str(self.scratch / "again"), str(out)), brief)
        self.assertEqual(self.said("replay", out, "--full", "--quiet")[0], 2)
        shutil.rmtree(out)
        whole = self.said("run", plan, "--out", out, "--serve", "none", "--full", columns=120)[1]
        self.assertTrue(whole.startswith((out / "report.txt").read_text()))


if __name__ == "__main__":
    harness.main()
