"""The Kustomize base, the compose file and the Prometheus configuration agree with the programs and with each other."""
import re
import shutil
import subprocess
import unittest

import yaml

from processes import BIN, ROOT

BASE = ROOT / "deploy/base"
EXITS = [1, 2, 3, 4, 5, 6, 130]


def documents(path):
    return [d for d in yaml.safe_load_all(path.read_text(encoding="utf-8")) if d]


def arguments(container):
    """{flag: value} of a container's command line; a flag without a value is True."""
    words = [str(w) for w in container.get("command", []) + container.get("args", [])]
    joined = re.findall(r"(--[a-z-]+)(?:[= ](?!--)(\S+))?", " ".join(words))
    return {flag: value or True for flag, value in joined}


class Base(unittest.TestCase):
    def setUp(self):
        self.kustomization = documents(BASE / "kustomization.yaml")[0]
        self.objects = {}
        for resource in self.kustomization["resources"]:
            for document in documents(BASE / resource):
                self.objects[document["kind"], document["metadata"]["name"]] = document
        self.coordinator = self.objects["Job", "kneepoint-coordinator"]["spec"]
        self.agents = self.objects["Job", "kneepoint-agents"]["spec"]
        self.service = self.objects["Service", "kneepoint-coordinator"]["spec"]

    def pods(self):
        return [job["template"]["spec"] for job in (self.coordinator, self.agents)]

    def test_every_file_is_listed_and_nothing_carries_rights(self):
        listed = set(self.kustomization["resources"]) | {"kustomization.yaml", "plan.yaml"}
        self.assertEqual({p.name for p in BASE.iterdir()}, listed)
        kinds = {kind for kind, _ in self.objects}
        self.assertEqual(kinds, {"Namespace", "PersistentVolumeClaim", "Service", "Job", "NetworkPolicy"})

    def test_pods_pass_the_restricted_standard(self):
        namespace = self.objects["Namespace", self.kustomization["namespace"]]
        self.assertEqual(namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"], "restricted")
        for pod in self.pods():
            self.assertIs(pod["automountServiceAccountToken"], False)
            self.assertIs(pod["enableServiceLinks"], False)
            self.assertEqual(pod["restartPolicy"], "Never")
            self.assertIs(pod["securityContext"]["runAsNonRoot"], True)
            self.assertEqual(pod["securityContext"]["runAsUser"], 65532)
            self.assertEqual(pod["securityContext"]["seccompProfile"], {"type": "RuntimeDefault"})
            for container in pod["containers"]:
                context = container["securityContext"]
                self.assertIs(context["allowPrivilegeEscalation"], False)
                self.assertIs(context["readOnlyRootFilesystem"], True)
                self.assertEqual(context["capabilities"], {"drop": ["ALL"]})
                resources = container["resources"]
                self.assertEqual(resources["requests"], resources["limits"])
                self.assertRegex(resources["requests"]["cpu"], r"^\d+$")

    def test_a_program_verdict_is_final_and_an_eviction_is_not(self):
        first, second = self.coordinator["podFailurePolicy"]["rules"]
        self.assertEqual((first["action"], first["onPodConditions"]), ("Ignore", [{"type": "DisruptionTarget", "status": "True"}]))
        self.assertEqual((second["action"], second["onExitCodes"]["values"]), ("FailJob", EXITS))
        self.assertEqual(second["onExitCodes"]["containerName"], self.coordinator["template"]["spec"]["containers"][0]["name"])
        self.assertEqual(self.coordinator["backoffLimit"], 3)
        first = self.agents["podFailurePolicy"]["rules"][0]
        self.assertEqual((first["action"], first["onPodConditions"][0]["type"]), ("Ignore", "DisruptionTarget"))

    def test_agents_are_one_indexed_job_that_dials_the_service(self):
        self.assertEqual(self.agents["completionMode"], "Indexed")
        self.assertGreater(self.agents["backoffLimitPerIndex"], 0)
        self.assertEqual(self.agents["completions"], self.agents["parallelism"])
        coordinator = arguments(self.coordinator["template"]["spec"]["containers"][0])
        agent = arguments(self.agents["template"]["spec"]["containers"][0])
        self.assertEqual(int(coordinator["--expect-agents"]), self.agents["completions"])
        ports = {p["name"]: p["port"] for p in self.service["ports"]}
        self.assertEqual(agent["--coordinator"], f"kneepoint-coordinator:{ports['fleet']}")
        self.assertTrue(coordinator["--listen"].endswith(f":{ports['fleet']}"))
        self.assertTrue(coordinator["--serve"].endswith(f":{ports['metrics']}"))
        # Plain TCP has to be asked for on both sides.
        self.assertIs(coordinator["--insecure"], True)
        self.assertIs(agent["--insecure"], True)

    def test_the_service_finds_the_coordinator_before_it_is_ready(self):
        self.assertEqual(self.service["clusterIP"], "None")
        self.assertIs(self.service["publishNotReadyAddresses"], True)
        labels = dict(self.coordinator["template"]["metadata"]["labels"])
        common = self.kustomization["labels"][0]
        self.assertIs(common["includeTemplates"], True)
        self.assertLessEqual(self.service["selector"].items(), (labels | common["pairs"]).items())
        named = {p["name"] for p in self.coordinator["template"]["spec"]["containers"][0]["ports"]}
        self.assertEqual({p["targetPort"] for p in self.service["ports"]}, named)

    def test_the_pod_outlives_drain_and_linger(self):
        pod = self.coordinator["template"]["spec"]
        linger = int(arguments(pod["containers"][0])["--linger"].rstrip("s"))
        self.assertGreater(pod["terminationGracePeriodSeconds"], linger + 60)

    def test_the_plan_is_mounted_where_it_is_read(self):
        generated = self.kustomization["configMapGenerator"][0]
        pod = self.coordinator["template"]["spec"]
        volume = next(v for v in pod["volumes"] if v.get("configMap", {}).get("name") == generated["name"])
        mount = next(m for m in pod["containers"][0]["volumeMounts"] if m["name"] == volume["name"])
        self.assertIn(f"{mount['mountPath']}/{generated['files'][0]}", pod["containers"][0]["args"])
        self.assertEqual(documents(BASE / generated["files"][0])[0]["kneepoint"], 1)
        out = arguments(pod["containers"][0])["--out"]
        self.assertTrue(any(out.startswith(m["mountPath"] + "/") for m in pod["containers"][0]["volumeMounts"] if not m.get("readOnly")))

    def test_network_policies_name_real_ports_and_deny_first(self):
        policies = {name: o["spec"] for (kind, name), o in self.objects.items() if kind == "NetworkPolicy"}
        deny = policies["kneepoint-default-deny"]
        self.assertEqual(deny["policyTypes"], ["Ingress", "Egress"])
        self.assertFalse({"ingress", "egress"} & set(deny))
        ports = {p["name"]: p["port"] for p in self.service["ports"]}
        allowed = [rule["ports"][0]["port"] for rule in policies["kneepoint-coordinator"]["ingress"]]
        self.assertEqual(allowed, [ports["fleet"], ports["metrics"]])
        self.assertEqual(policies["kneepoint-agent-to-coordinator"]["egress"][0]["ports"][0]["port"], ports["fleet"])

    def test_kustomize_renders_it(self):
        if not shutil.which("kustomize"):
            self.skipTest("kustomize is not on PATH: only parsed")
        rendered = subprocess.run(["kustomize", "build", str(BASE)], check=True, capture_output=True, text=True).stdout
        self.assertEqual(len(list(yaml.safe_load_all(rendered))), len(self.objects) + 1)
        if shutil.which("kubeconform"):
            subprocess.run(["kubeconform", "-strict", "-summary"], input=rendered, check=True, text=True)


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
        for name, service in self.services.items():
            for port in service.get("ports", []):
                self.assertTrue(port.startswith("127.0.0.1:"), name)

    def test_prometheus_scrapes_what_compose_runs(self):
        config = documents(ROOT / "deploy/prometheus/prometheus.yml")[0]
        self.assertEqual(config["global"]["scrape_interval"], "5s")
        serve = arguments(self.services["coordinator"])["--serve"].split(":")[1]
        simhost = arguments(self.services["simhost"])["--listen"].split(":")[1]
        targets = {job["job_name"]: job["static_configs"][0]["targets"] for job in config["scrape_configs"]}
        self.assertEqual(targets, {"kneepoint": [f"coordinator:{serve}"], "engine": [f"simhost:{simhost}"]})

    def test_every_mounted_file_exists(self):
        for service in self.services.values():
            for volume in service.get("volumes", []):
                source = volume.split(":")[0]
                if source.startswith("."):
                    self.assertTrue((ROOT / "deploy" / source).exists() or source == "../configs", source)


@unittest.skipUnless((BIN / "kneepoint").exists(), "kneepoint is not built")
class Plans(unittest.TestCase):
    def test_every_shipped_plan_is_valid(self):
        for plan in [BASE / "plan.yaml", *sorted((ROOT / "configs").glob("*.yaml"))]:
            with self.subTest(plan.name):
                done = subprocess.run([BIN / "kneepoint", "validate", plan], capture_output=True, text=True, timeout=30)
                self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


class Image(unittest.TestCase):
    def test_the_image_runs_as_nobody_and_holds_the_three_programs(self):
        text = (ROOT / "deploy/docker/Dockerfile").read_text(encoding="utf-8")
        self.assertNotRegex(text, r"(?m)^ENTRYPOINT")
        self.assertIn("USER 65532:65532", text)
        for program in ("kneepoint", "kneepoint-agent", "kneepoint-simhost"):
            self.assertIn(f"build/release/bin/{program} ", text.replace("\n", " "))


if __name__ == "__main__":
    unittest.main()
