"""deploy/ as it is rendered: an install that outlives runs, runs that never mix, pods that `restricted` admits, and every word
of a command line known to the program that gets it."""
import fnmatch
import pathlib
import re
import subprocess
import tempfile
import unittest

import kustomize
from kustomize import arguments, pod_of, render, seconds
from processes import BIN, ROOT, skip

DEPLOY = ROOT / "deploy"
RUNS = sorted(path.name for path in (DEPLOY / "runs").iterdir())
FINAL = [1, 2, 3, 4, 6]  # 5 and 130 are gone on with
COMPONENT, RUN = "app.kubernetes.io/component", "kneepoint.dev/run"
NEVER_OF_A_RUN = {"Namespace", "PersistentVolumeClaim", "Secret", "Role", "RoleBinding", "ServiceAccount"}
PLAN = (DEPLOY / "runs/example/plan.yaml").read_text(encoding="utf-8")


def identity(thing):
    return thing["apiVersion"].split("/")[0], thing["kind"], thing["metadata"].get("namespace"), thing["metadata"]["name"]


def mappings(node):
    """All mappings within a document."""
    if isinstance(node, dict):
        yield node
    for child in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from mappings(child)


class Run:
    """One rendered run."""

    def __init__(self, folder):
        self.name = next(iter(re.findall(r"name=([a-z0-9-]+)", (folder / "kustomization.yaml").read_text(encoding="utf-8"))))
        self.objects = render(folder)
        self.coordinator = self.one("Job", f"kneepoint-{self.name}")
        self.agents = self.one("Job", f"kneepoint-{self.name}-agents")
        self.service = self.one("Service", f"kneepoint-{self.name}")

    def one(self, kind, name):
        return next(o for o in self.objects if (o["kind"], o["metadata"]["name"]) == (kind, name))["spec"]

    def all(self, kind):
        return {o["metadata"]["name"]: o["spec"] for o in self.objects if o["kind"] == kind}

    def own(self):
        """What is the run's alone: all but the simulated host."""
        return [o for o in self.objects if o["metadata"]["name"] != "simulated-host"]

    @staticmethod
    def words(job, **fields):
        pod = job["template"]["spec"]
        return arguments(pod["containers"][0], {"NAMESPACE": "kneepoint", "INDEX": "0"} | fields)


class Rendered(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.install = render(DEPLOY / "install")
        cls.runs = {name: Run(DEPLOY / "runs" / name) for name in RUNS}
        cls.reader = render(DEPLOY / "reader")
        folder = tempfile.TemporaryDirectory(prefix="kneepoint-deploy-")
        cls.addClassCleanup(folder.cleanup)
        cls.deploy = kustomize.copy_deploy(folder.name)

    def with_components(self, *components, **options):
        return Run(kustomize.add_run(self.deploy, "a-7b", PLAN, components=components, **options))

    def test_what_outlives_a_run_is_no_part_of_it(self):
        self.assertEqual({o["kind"] for o in self.install}, {"Namespace", "PersistentVolumeClaim", "NetworkPolicy"})
        lasting = set(map(identity, self.install))
        for name, run in self.runs.items():
            with self.subTest(name):
                self.assertFalse({o["kind"] for o in run.objects} & NEVER_OF_A_RUN)
                self.assertFalse(set(map(identity, run.objects)) & lasting)
        self.assertFalse([o for o in self.install if RUN in o["metadata"].get("labels", {})])

    def test_all_is_in_the_installs_namespace(self):
        namespace = next(o for o in self.install if o["kind"] == "Namespace")["metadata"]["name"]
        for thing in [*self.install, *self.reader, *(o for run in self.runs.values() for o in run.objects)]:
            if thing["kind"] != "Namespace":
                self.assertEqual(thing["metadata"]["namespace"], namespace, identity(thing))

    def test_a_name_reaches_every_object_and_every_selector(self):
        for name, run in self.runs.items():
            self.assertEqual(run.name, name)
            for thing in run.own():
                with self.subTest(identity(thing)):
                    self.assertRegex(thing["metadata"]["name"], rf"^kneepoint-{name}(-|$)")
                    self.assertEqual(thing["metadata"]["labels"][RUN], name)
                    self.assertNotIn("kneepoint-RUN", str(thing))
                    for labels in mappings(thing):
                        if COMPONENT in labels or RUN in labels:
                            self.assertEqual(labels.get(RUN), name, labels)

    def test_two_runs_share_nothing(self):
        one = Run(kustomize.add_run(self.deploy, "one", PLAN))
        two = Run(kustomize.add_run(self.deploy, "two", PLAN))
        self.assertFalse(set(map(identity, one.own())) & set(map(identity, two.own())))
        self.assertEqual(len(one.own()), len(two.own()))

    def test_another_plan_is_another_object(self):
        """A run is never changed under its name: the API server then refuses the Job, whose template is fixed."""
        before = Run(kustomize.add_run(self.deploy, "one", PLAN)).coordinator
        after = Run(kustomize.add_run(self.deploy, "one", PLAN + "# changed\n")).coordinator
        self.assertNotEqual(before, after)

    def test_no_run_without_a_name(self):
        overlay = kustomize.add_run(self.deploy, "unnamed", PLAN)
        text = (overlay / "kustomization.yaml").read_text(encoding="utf-8")
        (overlay / "kustomization.yaml").write_text(re.sub(r"  - \{name: run.*\n", "", text), encoding="utf-8")
        with self.assertRaisesRegex(AssertionError, "ConfigMap.*run"):
            render(overlay)

    def test_one_number_of_agents_is_everywhere(self):
        run = Run(kustomize.add_run(self.deploy, "seven", PLAN, agents=7))
        self.assertEqual(run.words(run.coordinator)["--expect-agents"], "7")
        self.assertEqual((run.agents["completions"], run.agents["parallelism"]), (7, 7))
        self.assertEqual(run.one("PodDisruptionBudget", "kneepoint-seven-agents")["minAvailable"], 7)

    def test_agents_dial_their_own_coordinator(self):
        for name, run in self.runs.items():
            ports = {p["name"]: p["port"] for p in run.service["ports"]}
            self.assertEqual(run.words(run.agents)["--coordinator"], f"kneepoint-{name}.kneepoint.svc:{ports['fleet']}")
            words = run.words(run.coordinator)
            self.assertTrue(words["--listen"].endswith(f":{ports['fleet']}"))
            self.assertTrue(words["--serve"].endswith(f":{ports['metrics']}"))
            self.assertLessEqual(run.service["selector"].items(), run.coordinator["template"]["metadata"]["labels"].items())
            self.assertEqual((run.service["clusterIP"], run.service["publishNotReadyAddresses"]), ("None", True))
            named = {p["name"] for p in run.coordinator["template"]["spec"]["containers"][0]["ports"]}
            self.assertEqual({p["targetPort"] for p in run.service["ports"]}, named)

    def test_agents_are_named_by_their_index(self):
        run = self.runs["example"]
        self.assertEqual(run.agents["completionMode"], "Indexed")
        self.assertEqual(run.words(run.agents, INDEX="3")["--name"], "agent-3")

    def test_agents_are_placed_after_their_coordinator(self):
        for run in self.runs.values():
            term, = run.agents["template"]["spec"]["affinity"]["podAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
            labels = run.coordinator["template"]["metadata"]["labels"]
            self.assertLessEqual(term["labelSelector"]["matchLabels"].items(), labels.items())

    def test_everything_ends_and_in_order(self):
        for run in self.runs.values():
            coordinator, agents = run.words(run.coordinator), run.words(run.agents)
            waits = [seconds(coordinator["--join-timeout"]), seconds(agents["--join-timeout"]),
                     run.coordinator["activeDeadlineSeconds"], run.agents["activeDeadlineSeconds"]]
            self.assertEqual(waits, sorted(set(waits)))
            for job in (run.coordinator, run.agents):
                self.assertGreaterEqual(job["ttlSecondsAfterFinished"], 3600)
            grace = run.coordinator["template"]["spec"]["terminationGracePeriodSeconds"]
            self.assertGreater(grace, seconds(coordinator["--linger"]) + 60)

    def test_nobody_takes_a_pod_away(self):
        for name, run in self.runs.items():
            budgets = run.all("PodDisruptionBudget")
            for job, budget, whole in ((run.coordinator, f"kneepoint-{name}", 1),
                                       (run.agents, f"kneepoint-{name}-agents", run.agents["completions"])):
                self.assertEqual(budgets[budget]["minAvailable"], whole)
                meta = job["template"]["metadata"]
                self.assertLessEqual(budgets[budget]["selector"]["matchLabels"].items(), meta["labels"].items())
                self.assertEqual(meta["annotations"]["cluster-autoscaler.kubernetes.io/safe-to-evict"], "false")
                self.assertEqual(meta["annotations"]["karpenter.sh/do-not-disrupt"], "true")

    def test_a_program_verdict_is_final_and_an_eviction_is_not(self):
        for run in self.runs.values():
            for job, codes in ((run.coordinator, FINAL), (run.agents, [2, 3])):
                first, second = job["podFailurePolicy"]["rules"]
                self.assertEqual((first["action"], first["onPodConditions"][0]["type"]), ("Ignore", "DisruptionTarget"))
                self.assertEqual(second["onExitCodes"]["values"], codes)
                self.assertEqual(second["onExitCodes"]["containerName"], job["template"]["spec"]["containers"][0]["name"])

    def test_results_are_the_runs_own_and_on_the_claim(self):
        claim = next(o for o in self.install if o["kind"] == "PersistentVolumeClaim")["metadata"]["name"]
        for name, run in self.runs.items():
            words = run.words(run.coordinator)
            self.assertEqual((words["--out"], words["--resume"]), (f"/results/{name}", True))
        for pod in [self.reader[0]["spec"], *(run.coordinator["template"]["spec"] for run in self.runs.values())]:
            volume = next(v for v in pod["volumes"] if v.get("persistentVolumeClaim", {}).get("claimName") == claim)
            mounts = {m["name"]: m["mountPath"] for m in pod["containers"][0]["volumeMounts"]}
            self.assertEqual(mounts[volume["name"]], "/results")

    def test_the_status_says_how_it_stands_and_how_it_ended(self):
        for run in self.runs.values():
            container, = run.coordinator["template"]["spec"]["containers"]
            self.assertEqual(run.words(run.coordinator)["--termination-message"], container["terminationMessagePath"])
            probe = container["readinessProbe"]["httpGet"]
            self.assertEqual((probe["path"], probe["port"]), ("/ready", "metrics"))

    def test_one_optional_secret_serves_tokens_and_authorities(self):
        run = self.runs["example"]
        for job in (run.coordinator, run.agents):
            pod = job["template"]["spec"]
            source, = pod["containers"][0]["envFrom"]
            volume = next(v["secret"] for v in pod["volumes"] if "secret" in v)
            self.assertEqual(source["secretRef"], {"name": volume["secretName"], "optional": True})
            self.assertIs(volume["optional"], True)
        mount = next(m for m in run.agents["template"]["spec"]["containers"][0]["volumeMounts"] if m["name"] == "secrets")
        self.assertIn(mount["mountPath"] + "/", run.words(run.agents)["--allow-secret"])

    def test_pods_pass_the_restricted_standard(self):
        labels = next(o for o in self.install if o["kind"] == "Namespace")["metadata"]["labels"]
        self.assertEqual(labels["pod-security.kubernetes.io/enforce"], "restricted")
        things = [*self.reader, *(o for run in self.runs.values() for o in run.objects)]
        for thing in (t for t in things if t["kind"] in ("Pod", "Job", "Deployment")):
            pod = pod_of(thing)["spec"]
            with self.subTest(identity(thing)):
                self.assertFalse({"hostNetwork", "hostPID", "hostIPC"} & set(pod))
                self.assertLessEqual({k for v in pod.get("volumes", []) for k in v} - {"name"},
                                     {"configMap", "secret", "emptyDir", "persistentVolumeClaim"})
                self.assertIs(pod["automountServiceAccountToken"], False)
                self.assertIs(pod["enableServiceLinks"], False)
                context = pod["securityContext"]
                self.assertEqual((context["runAsNonRoot"], context["runAsUser"]), (True, 65532))
                self.assertEqual(context["seccompProfile"], {"type": "RuntimeDefault"})
                for container in pod["containers"]:
                    self.assertEqual(container["securityContext"], {
                        "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}})

    def test_load_has_whole_processors(self):
        for run in (run for name, run in self.runs.items() if name != "local"):
            for job in (run.coordinator, run.agents):
                resources = job["template"]["spec"]["containers"][0]["resources"]
                self.assertEqual(resources["requests"], resources["limits"])
                self.assertRegex(resources["requests"]["cpu"], r"^\d+$")
            threads = run.words(run.agents)["--threads"]
            self.assertEqual(run.agents["template"]["spec"]["containers"][0]["resources"]["requests"]["cpu"], threads)

    def test_policies_deny_first_and_name_real_ports(self):
        lasting = {o["metadata"]["name"]: o["spec"] for o in self.install if o["kind"] == "NetworkPolicy"}
        deny = lasting["kneepoint-default-deny"]
        self.assertEqual((deny["policyTypes"], {"ingress", "egress"} & set(deny)), (["Ingress", "Egress"], set()))
        names = [tuple(port["port"] for port in rule["ports"]) for rule in lasting["kneepoint-dns"]["egress"]]
        self.assertEqual(names, [(53, 53), (5353, 5353)])
        for name, run in self.runs.items():
            ports = {p["name"]: p["port"] for p in run.service["ports"]}
            policies = run.all("NetworkPolicy")
            self.assertEqual([r["ports"][0]["port"] for r in policies[f"kneepoint-{name}"]["ingress"]], [ports["fleet"]])
            metrics = policies[f"kneepoint-{name}-metrics"]
            self.assertEqual(metrics["ingress"][0]["ports"], [{"protocol": "TCP", "port": ports["metrics"]}])
            self.assertEqual(policies[f"kneepoint-{name}-agents"]["egress"][0]["ports"][0]["port"], ports["fleet"])
            for job in (run.coordinator, run.agents):  # or the deny would not be theirs
                labels = job["template"]["metadata"]["labels"]
                self.assertLessEqual(deny["podSelector"]["matchLabels"].items(), labels.items())
                self.assertLessEqual(metrics["podSelector"]["matchLabels"].items(), labels.items())

    def test_a_host_outside_is_one_policy_and_one_permission_more(self):
        run = self.with_components("components/external-target")
        rule = run.one("NetworkPolicy", "kneepoint-a-7b-targets")["egress"][-1]
        address, port = rule["to"][0]["ipBlock"]["cidr"].removesuffix("/32"), rule["ports"][0]["port"]
        self.assertEqual(run.words(run.agents)["--allow-target"],
                         run.words(self.runs["example"].agents)["--allow-target"] + [f"{address}:{port}"])

    def test_another_monitoring_namespace_is_one_component(self):
        run, plain = self.with_components("components/monitoring-namespace"), self.with_components()
        changed = {name: spec for name, spec in run.all("NetworkPolicy").items() if spec != plain.all("NetworkPolicy")[name]}
        self.assertEqual(set(changed), {"kneepoint-a-7b-metrics"})
        source, = changed["kneepoint-a-7b-metrics"]["ingress"][0]["from"]
        self.assertEqual(source["namespaceSelector"]["matchLabels"], {"kubernetes.io/metadata.name": "observability"})

    def test_agents_may_load_services_of_any_range(self):
        self.assertIn("*.svc.cluster.local", self.runs["example"].words(self.runs["example"].agents)["--allow-target"])
        # By the name that its plan has.
        self.assertIn("simulated-host", self.runs["local"].words(self.runs["local"].agents)["--allow-target"])

    def test_mutual_tls_takes_what_cert_manager_makes(self):
        run = self.with_components("components/mtls")
        overlay = self.deploy / "with-cert-manager"
        overlay.mkdir()
        (overlay / "kustomization.yaml").write_text("resources: [../install]\ncomponents: [../components/cert-manager]\n", encoding="utf-8")
        made = {o["spec"]["secretName"]: o["spec"] for o in render(overlay) if o["kind"] == "Certificate"}
        agent, coordinator = run.words(run.agents), run.words(run.coordinator)
        self.assertEqual(agent["--name"], "agent-0.kneepoint")
        for job, words, name, usage in ((run.agents, agent, agent["--name"], "client auth"),
                                        (run.coordinator, coordinator, agent["--coordinator"].split(":")[0], "server auth")):
            pod = job["template"]["spec"]
            secret = next(v for v in pod["volumes"] if v["name"] == "tls")["secret"]["secretName"]
            self.assertIn("/tls", {m["mountPath"] for m in pod["containers"][0]["volumeMounts"]})
            self.assertEqual([words[f"--tls-{what}"] for what in ("cert", "key", "ca")], ["/tls/tls.crt", "/tls/tls.key", "/tls/ca.crt"])
            self.assertTrue(any(fnmatch.fnmatch(name, pattern) for pattern in made[secret]["dnsNames"]), name)
            self.assertIn(usage, made[secret]["usages"])

    def test_what_prometheus_and_grafana_are_given(self):
        overlay = self.deploy / "with-monitoring"
        overlay.mkdir()
        (overlay / "kustomization.yaml").write_text(
            "namespace: kneepoint\nresources: [../install]\ncomponents: [../components/prometheus-operator, ../grafana]\n", encoding="utf-8")
        objects = render(overlay)
        monitor = next(o for o in objects if o["kind"] == "PodMonitor")["spec"]
        run = self.runs["example"]
        components, = monitor["selector"]["matchExpressions"]
        for pod in (run.coordinator["template"], run.agents["template"]):
            labels, (container,) = pod["metadata"]["labels"], pod["spec"]["containers"]
            self.assertLessEqual(monitor["selector"]["matchLabels"].items(), labels.items())
            self.assertIn(labels[components["key"]], components["values"])
            port = {p["name"]: p["containerPort"] for p in container["ports"]}[monitor["podMetricsEndpoints"][0]["port"]]
            serve = next(word for word in container["args"] if word.startswith("--serve="))
            self.assertEqual(serve, f"--serve=0.0.0.0:{port}")
            self.assertEqual(pod["metadata"]["annotations"]["prometheus.io/port"], str(port))
            self.assertLessEqual(set(monitor["podTargetLabels"]), set(labels))
        boards = [o for o in objects if o["kind"] == "ConfigMap"]
        self.assertTrue(all("grafana_dashboard" in board["metadata"]["labels"] for board in boards))
        files = {path.name: path.read_text(encoding="utf-8") for path in (DEPLOY / "grafana/dashboards").iterdir()}
        self.assertEqual({name: text for board in boards for name, text in board["data"].items()}, files)
        self.assertFalse([o for o in objects if RUN in o["metadata"].get("labels", {})])

    @unittest.skipUnless((BIN / "kneepoint").exists(), "the programs are not built")
    def test_every_flag_is_known_to_its_program(self):
        known = {}
        things = [o for run in self.runs.values() for o in run.objects] + self.with_components(
            "components/mtls", "components/external-target").objects
        for thing in (t for t in things if t["kind"] in ("Job", "Deployment")):
            container, = pod_of(thing)["spec"]["containers"]
            words = container["command"] + (["run"] if container["args"][0] == "run" else [])
            text = known.setdefault(tuple(words), subprocess.run([BIN / words[0], *words[1:], "--help"], capture_output=True, text=True, timeout=30).stdout)
            for argument in container["args"]:
                if argument.startswith("--"):
                    self.assertRegex(text, rf"(?m)^ +{argument.split('=')[0]}\b", words)


if __name__ == "__main__":
    try:
        kustomize.command()
    except kustomize.Unavailable as reason:
        skip(str(reason))
    unittest.main()
