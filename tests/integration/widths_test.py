"""Whatever a command prints fits the terminal, down to 60 columns; only what is one word is not broken."""

import os
import subprocess

import harness
from harness import BIN, ROOT

RESULTS = sorted(path.parent for path in (ROOT / "docs/results").glob("*/*/report.json"))
PLANS = sorted((ROOT / "configs").glob("*.yaml"))


class Widths(harness.TestCase):
    def lines(self, columns, *arguments):
        done = subprocess.run([BIN / "kneepoint", *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              cwd=self.scratch, env={**os.environ, "COLUMNS": str(columns)}, timeout=60 * harness.PATIENCE)
        self.assertTrue(done.stdout, done.stderr)
        return done.stdout.splitlines()

    def assert_fits(self, *arguments):
        for columns in (60, 80, 100):
            with self.subTest(arguments, columns=columns):
                lines = self.lines(columns, *arguments)
                # A path, an address or a name is left whole, to be copied.
                long = [line for line in lines if len(line) > columns and max(map(len, line.split())) < columns // 2]
                self.assertEqual(long, [])

    def test_help_of_every_command(self):
        text = self.lines(120, "help")
        commands = [line.split()[0] for line in text[text.index("Subcommands:") + 1:] if line.startswith("  ") and line[2] != " "]
        self.assertIn("compare", commands)
        for command in [[], *([each] for each in commands)]:
            self.assert_fits(*command, "--help")
        self.assert_fits("version")

    def test_validate(self):
        for plan in PLANS:
            self.assert_fits("validate", plan)

    def test_reports_of_real_hosts(self):
        self.assertGreater(len(RESULTS), 20)
        for directory in RESULTS:
            for how in ((), ("--full",)):
                self.assert_fits("report", directory, *how)

    def test_what_matters_stays(self):
        text = "\n".join(self.lines(60, "report", RESULTS[0], "--full"))
        for title in ("tok/s", "TTFT p95", "errors", "silence"):
            self.assertIn(title, text)
        self.assertIn("Columns that do not fit are left out", text)
        self.assertNotIn("TTFT p90  ", text)

    def test_compare(self):
        for base, other in zip(RESULTS, RESULTS[1:]):
            self.assert_fits("compare", base, other)


if __name__ == "__main__":
    harness.main()
