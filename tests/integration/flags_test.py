"""What answers do that is no fault: a row that holds it is flagged. Milliseconds tell it, so the machine is this test's alone."""

import harness
from harness import plan_text

FLAGS = {"CACHED_ANSWERS", "LATE_END", "FLUSHED"}


class Flags(harness.TestCase):
    def flags(self, *options):
        """Those of a step of four users on a host with these options."""
        host = self.simhost(*options)
        _, report, self.output = self.run_plan(self.write_plan(plan_text([host.url], steps="[4]", hold="3s")))
        self.assertIsNotNone(report, self.output)
        (step,) = report["results"][0]["steps"]
        self.assertEqual(step["requests"]["failed"], 0, self.output)
        return FLAGS & set(step["flags"])

    def test_answers_that_no_model_made(self):
        self.assertEqual(self.flags("--misbehave", "cached=0.3"), {"CACHED_ANSWERS"}, self.output)

    def test_endings_that_come_late(self):
        self.assertEqual(self.flags("--misbehave", "late_end", "--stall-time", "300ms"), {"LATE_END"}, self.output)

    def test_tokens_that_come_in_flushes(self):
        self.assertIn("FLUSHED", self.flags("--flush", "100ms"), self.output)

    def test_a_plain_host_has_none(self):
        self.assertEqual(self.flags(), set(), self.output)


if __name__ == "__main__":
    harness.main()
