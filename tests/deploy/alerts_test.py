"""The recording and alert rules, as the real promtool judges them, over metrics that the program has."""
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

import yaml

from processes import ROOT, skip

RULES = yaml.safe_load((ROOT / "deploy/components/prometheus-operator/rules.yaml").read_text(encoding="utf-8"))["spec"]
CASES = pathlib.Path(__file__).with_name("alerts.yaml")


class Alerts(unittest.TestCase):
    def promtool(self, *words):
        with tempfile.TemporaryDirectory(prefix="kneepoint-rules-") as folder:
            (pathlib.Path(folder) / "rules.yml").write_text(yaml.safe_dump(RULES), encoding="utf-8")
            cases = yaml.safe_load(CASES.read_text(encoding="utf-8"))
            (pathlib.Path(folder) / "cases.yml").write_text(yaml.safe_dump(cases), encoding="utf-8")
            done = subprocess.run(["promtool", *words], cwd=folder, capture_output=True, text=True, timeout=60)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_promtool_accepts_them(self):
        self.promtool("check", "rules", "--lint-fatal", "rules.yml")

    def test_each_fires_when_it_should_and_only_then(self):
        tested = {case["alertname"] for test in yaml.safe_load(CASES.read_text(encoding="utf-8"))["tests"]
                  for case in test["alert_rule_test"] if case.get("exp_alerts")}
        self.assertEqual(tested, {rule["alert"] for group in RULES["groups"] for rule in group["rules"] if "alert" in rule})
        self.promtool("test", "rules", "cases.yml")

    def test_they_name_metrics_that_are_documented(self):
        documented = (ROOT / "docs/metrics.md").read_text(encoding="utf-8")
        named = set(re.findall(r"\bkneepoint_[a-z_]+", yaml.safe_dump(RULES))) - {"kneepoint_results"}
        self.assertGreater(len(named), 3)
        for metric in named:
            self.assertIn(f"`{re.sub('_bucket$', '', metric)}`", documented)


if __name__ == "__main__":
    if not shutil.which("promtool"):
        skip("promtool is not on PATH (./dev setup test installs it)")
    unittest.main()
