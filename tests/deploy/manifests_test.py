"""The compose file, the Prometheus configuration and the image agree with the programs and with each other."""
import json
import os
import pathlib
import re
import subprocess
import tempfile
import unittest

import yaml

from kustomize import arguments
from processes import BIN, ROOT


def documents(path):
    return [d for d in yaml.safe_load_all(path.read_text(encoding="utf-8")) if d]


class Compose(unittest.TestCase):
    def setUp(self):
        self.services = documents(ROOT / "deploy/compose.yaml")[0]["services"]

    def test_agents_dial_the_coordinator_and_it_waits_for_all(self):
        coordinator = arguments(self.services["coordinator"])
        agent = arguments(self.services["agent"])
        self.assertEqual(int(coordinator["--expect-agents"]), self.services["agent"]["deploy"]["replicas"])
        self.assertEqual(agent["--coordinator"].split(":")[0], "coordinator")
        self.assertEqual(agent["--coordinator"].split(":")[1], coordinator["--listen"].split(":")[1])

    def test_nothing_is_published_beyond_loopback(self):
        published = [port for service in self.services.values() for port in service.get("ports", [])]
        self.assertIn("127.0.0.1:9464:9464", published)
        for port in published:
            self.assertTrue(port.startswith("127.0.0.1:"), port)

    def test_prometheus_scrapes_what_compose_runs(self):
        config = documents(ROOT / "deploy/prometheus/prometheus.yml")[0]
        self.assertEqual(config["global"]["scrape_interval"], "5s")
        serve = arguments(self.services["coordinator"])["--serve"].split(":")[1]
        simhost = arguments(self.services["simhost"])["--listen"].split(":")[1]
        jobs = {job["job_name"]: job for job in config["scrape_configs"]}
        found = jobs.pop("kneepoint-agents")["dns_sd_configs"]
        self.assertEqual(found, [{"names": ["agent"], "type": "A", "port": int(arguments(self.services["agent"])["--serve"].split(":")[1])}])
        targets = {name: job["static_configs"][0]["targets"] for name, job in jobs.items()}
        self.assertEqual(targets, {"kneepoint": [f"coordinator:{serve}"], "engine": [f"simhost:{simhost}"], "gpu": [f"simhost:{simhost}"]})

    def test_every_mounted_file_exists(self):
        volumes = [volume.split(":")[0] for service in self.services.values() for volume in service.get("volumes", [])]
        mounted = [source for source in volumes if source.startswith(".")]
        self.assertIn("../configs", mounted)
        for source in mounted:
            self.assertTrue((ROOT / "deploy" / source).exists(), source)


@unittest.skipUnless((BIN / "kneepoint").exists(), "kneepoint is not built")
class Plans(unittest.TestCase):
    def test_every_shipped_plan_is_valid(self):
        for plan in [*sorted((ROOT / "deploy/runs").glob("*/plan.yaml")), *sorted((ROOT / "configs").glob("*.yaml"))]:
            with self.subTest(plan):
                done = subprocess.run([BIN / "kneepoint", "validate", plan], capture_output=True, text=True, timeout=30)
                self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


class Image(unittest.TestCase):
    def test_it_says_what_it_is(self):
        text = (ROOT / "deploy/docker/Dockerfile").read_text(encoding="utf-8")
        make = (ROOT / "deploy/docker/make.sh").read_text(encoding="utf-8")
        labels = dict(re.findall(r'org\.opencontainers\.image\.([\w.]+)="([^"]*)"', text))
        self.assertEqual(set(labels), {"title", "description", "version", "revision", "created", "licenses", "base.name"})
        for name in ("VERSION", "REVISION", "CREATED"):
            self.assertIn(f"${{{name}}}", labels.values())
            self.assertIn(f"ARG {name}=", text)
            self.assertIn(f"{name}=$", make)
        version = re.search(r"project\(kneepoint VERSION ([\d.]+)", (ROOT / "CMakeLists.txt").read_text(encoding="utf-8"))[1]
        pattern, = re.findall(r"s/(.*)/\\1/p", make)
        told = subprocess.run(["sed", "-n", f"s/{pattern}/\\1/p", ROOT / "CMakeLists.txt"], capture_output=True, text=True, timeout=30)
        self.assertEqual(told.stdout.strip(), version)

    def test_the_bill_of_materials_of_a_list_of_packages(self):
        with tempfile.TemporaryDirectory(prefix="kneepoint-sbom-") as folder:
            listed = pathlib.Path(folder) / "packages.tsv"
            listed.write_text("zlib1g\t1:1.2.13\tzlib\thttp://zlib.net/\nlibc6\t2.36\tglibc\t\n", encoding="utf-8")
            done = subprocess.run(["/usr/bin/python3", ROOT / "deploy/package/sbom.py", "kneepoint:latest", "0.1.0", listed],
                                  capture_output=True, text=True, timeout=30, env=os.environ | {"SOURCE_DATE_EPOCH": "0"})
        document = json.loads(done.stdout)
        self.assertEqual(document["creationInfo"]["created"], "1970-01-01T00:00:00Z")
        packages = {package["name"]: package for package in document["packages"]}
        self.assertEqual(set(packages), {"kneepoint", "libc6", "zlib1g"})
        self.assertEqual((packages["zlib1g"]["versionInfo"], packages["libc6"]["homepage"]), ("1:1.2.13", "NOASSERTION"))
        self.assertEqual({r["relatedSpdxElement"] for r in document["relationships"]}, {p["SPDXID"] for p in packages.values()})

    def test_the_image_runs_as_nobody_and_holds_the_three_programs(self):
        text = (ROOT / "deploy/docker/Dockerfile").read_text(encoding="utf-8")
        self.assertNotRegex(text, r"(?m)^ENTRYPOINT")
        self.assertIn("USER 65532:65532", text)
        for program in ("kneepoint", "kneepoint-agent", "kneepoint-simhost"):
            self.assertIn(f"build/release/bin/{program} ", text.replace("\n", " "))


if __name__ == "__main__":
    unittest.main()
