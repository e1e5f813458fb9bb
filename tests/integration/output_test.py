"""Standard output that cannot be written is an error with its exit code, and a reader that leaves is none."""

import os
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


if __name__ == "__main__":
    harness.main()
