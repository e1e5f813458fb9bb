"""deploy/ on a real Kubernetes, as deploy/README.md says to use it: what an operations team would try in its first week.

    kube_test.py [Class.test…]      builds the cluster's programs where they are missing, starts it, stops it"""
import base64
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

import cluster
from cluster import kubectl, processes
import containers
from trial import LATE, REACHED_ITS_END, SMALL, Trial, kustomize, measured, plan, process_of, reaches
from components import Components  # noqa: F401  unittest finds them here
from disturbances import Disturbed  # noqa: F401

# One agent at first, which is enough to begin; the other is let come later.
QUORUM = """  - target: {kind: Job, labelSelector: app.kubernetes.io/component=coordinator}
    patch: |
      - {op: test, path: /spec/template/spec/containers/0/args/5, value: --join-timeout=10m}
      - {op: replace, path: /spec/template/spec/containers/0/args/5, value: --join-timeout=15s}
      - {op: add, path: /spec/template/spec/containers/0/args/-, value: --min-agents=1}
  - target: {kind: Job, labelSelector: app.kubernetes.io/component=agent}
    patch: |
      - {op: replace, path: /spec/parallelism, value: 1}
"""


def certificates(space, pki):
    """New ones of a new authority, into the two Secrets that the component mtls mounts."""
    cluster.run(space.deploy / "certificates.sh", pki, f"*.{space.name}.svc", "*.kneepoint")
    for secret, file in (("coordinator", "coordinator"), ("agent", "any.kneepoint")):
        space.kubectl("delete", "secret", f"kneepoint-{secret}-tls", "--ignore-not-found")
        space.kubectl("create", "secret", "generic", f"kneepoint-{secret}-tls", f"--from-file=tls.crt={pki}/{file}.pem",
                      f"--from-file=tls.key={pki}/{file}.key", f"--from-file=ca.crt={pki}/ca.pem")


class Accepted(Trial):
    def test_every_shipped_run_is_taken_without_a_warning(self):
        """Server-side, in a namespace that enforces and warns of `restricted`. What needs custom resources is not tried here."""
        space = self.space("accepted")
        for folder in sorted((space.deploy / "runs").iterdir()):
            with self.subTest(folder.name):
                text = (folder / "kustomization.yaml").read_text(encoding="utf-8")
                (folder / "kustomization.yaml").write_text(text.replace("namespace: kneepoint", f"namespace: {space.name}"), encoding="utf-8")
                kubectl("apply", "--warnings-as-errors", "--dry-run=server", "-k", folder)
        plain = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "plain"}, "spec": {"containers": [{"name": "a", "image": "kneepoint"}]}}
        refused = space.kubectl("create", "-f", "-", given=json.dumps(plain), check=False)
        self.assertIn("violates PodSecurity", refused.stderr)

    def test_a_plan_that_is_wrong_is_said_in_the_pods_status(self):
        run = self.space("bad-plan").run("bad", plan().replace("ramp:", "rump:"))
        code, words = run.until_over(120)
        self.assertEqual(code, 2)
        self.assertIn("plan.yaml:", words)
        self.assertIn("exit code 2", words)


class Lifecycle(Trial):
    def test_two_runs_beside_each_other_and_their_results(self):
        """They do not mix; a run is not changed; deleting one leaves what it found, which a reader shows."""
        space = self.space("two-runs")
        runs = [space.run("one", plan(hold=6)), space.run("two", plan(hold=6))]
        for run in runs:
            run.until_loaded()
            processes.wait_until(lambda run=run: run.job(run.coordinator).get("ready") == 1, 20, "the coordinator is ready")
        addresses = {run.name: {pod["status"]["podIP"] for pod in run.pods("agent")} for run in runs}
        changed = kustomize.add_run(space.deploy, "two", plan(hold=7), namespace=space.name, more=SMALL)
        self.assertIn("field is immutable", space.apply(changed, check=False).stderr)
        for run in runs:
            code, words = run.until_over()
            self.assertIn(code, REACHED_ITS_END, run.log()[-2000:])
            self.assertIn(f"report: /results/{run.name}", words)
            self.assertIn(f"exit code {code}", words)
            joined = [line.split()[-1] for line in run.log().splitlines() if " joined from " in line]
            self.assertEqual(len(joined), 2)
            self.assertEqual({address for address in addresses[run.name] if any(address in peer for peer in joined)}, addresses[run.name])
            processes.wait_until(lambda run=run: run.job(run.agents).get("succeeded") == 2, 60, "both agents are done")
        kubectl("delete", "-k", runs[0].folder)
        left = space.get("all,configmaps,pdb,networkpolicies", "-l", "kneepoint.dev/run=one")["items"]
        self.assertEqual([o["metadata"]["name"] for o in left if "deletionTimestamp" not in o["metadata"]], [])
        space.start_reader()
        for run in runs:
            told = space.kubectl("exec", "kneepoint-reader", "--", "kneepoint", "report", f"/results/{run.name}").stdout
            self.assertIn("report: ", told)
            packed = space.kubectl("exec", "kneepoint-reader", "--", "sh", "-c", f"tar -C /results -cf - {run.name} | base64 -w0").stdout
            listed = subprocess.run(["tar", "-tf", "-"], input=base64.b64decode(packed), capture_output=True, check=True).stdout.decode()
            self.assertIn(f"{run.name}/report.json", listed)

    def test_a_killed_coordinator_goes_on_to_one_report(self):
        """As by the kernel when memory runs out: the Job goes on by itself, and its agents serve the next one."""
        space = self.space("killed")
        run = space.run("killed")
        run.until_loaded()
        first = run.live("coordinator")
        subprocess.run(["kill", "-KILL", str(process_of(space, first[0]))], check=True)
        code, _ = run.until_over()
        self.assertIn(code, REACHED_ITS_END, run.log()[-2000:])
        self.assertNotEqual(run.pods("coordinator")[-1]["metadata"]["name"], first[0])
        self.assertEqual(len(run.report()["run"]["resumed"]), 1)

    def test_a_quorum_begins_and_a_late_agent_gets_its_share(self):
        run = self.space("quorum").run("quorum", plan(hold=20), more=SMALL + QUORUM)
        run.until_loaded(step=1)
        self.assertEqual(len(run.live("agent")), 1, "the load began with one")
        run.space.kubectl("patch", "job", run.agents, "--patch", '{"spec": {"parallelism": 2}}')
        code, _ = run.until_over()
        self.assertIn(code, REACHED_ITS_END, run.log()[-2000:])
        self.assertEqual((run.log().count(" joined from "), run.log().count(LATE)), (1, 1), run.log()[-2000:])
        report = run.report()
        self.assertEqual(report["run"]["agents"], 2)
        self.assertEqual(measured(report)[:3], [2, 4, 8])

    def test_an_answer_that_is_not_to_be_relied_on_is_not_asked_for_again(self):
        """Exit code 3 is an answer: the Job fails at once, with one pod, and says so."""
        run = self.space("reserved").run("reserved", plan().replace("warmup: 2s", "warmup: 2s, confirm: false"))
        code, words = run.until_over()
        self.assertEqual(code, 3, run.log()[-2000:])
        self.assertIn("exit code 3", words)
        self.assertIn("with reservations", words)
        self.assertIn("report: /results/reserved", words)
        self.assertEqual(len(run.pods("coordinator")), 1)
        self.assertEqual([c["reason"] for c in run.job(run.coordinator)["conditions"] if c["type"] == "Failed"], ["PodFailurePolicy"])
        processes.wait_until(lambda: run.job(run.agents).get("succeeded") == 2, 60, "its agents are done, and have not failed")

    def test_what_cannot_be_placed_holds_nothing_and_ends(self):
        """A coordinator without a node: its agents take no CPU, and the deadline ends both Jobs."""
        limits = "      - {op: replace, path: /spec/activeDeadlineSeconds, value: DEADLINE}\n"
        more = SMALL + limits.replace("DEADLINE", "25") + """  - target: {kind: Job, labelSelector: app.kubernetes.io/component=coordinator}
    patch: |
      - {op: replace, path: /spec/template/spec/containers/0/resources, value: {requests: {cpu: "500"}, limits: {cpu: "500"}}}
"""
        run = self.space("unplaced").run("unplaced", more=more)
        processes.wait_until(lambda: len(run.pods("agent")) == 2, 60, "the agents' pods are there")

        def unplaceable():
            conditions = [c for pod in run.pods("agent") for c in pod["status"].get("conditions", [])]
            return [c.get("reason") for c in conditions if c["type"] == "PodScheduled"] == ["Unschedulable"] * 2
        processes.wait_until(unplaceable, 20, "the agents wait for their coordinator's node")
        for job in (run.coordinator, run.agents):
            processes.wait_until(lambda job=job: run.job(job).get("conditions"), 60, "the deadline ends it")
            self.assertIn("DeadlineExceeded", {c["reason"] for c in run.job(job)["conditions"]})


class Guarded(Trial):
    def test_who_may_reach_whom_and_who_may_take_a_pod_away(self):
        space = self.space("guarded")
        run, other = space.run("long", plan(hold=90)), space.run("other", plan(hold=90))
        run.until_loaded(step=1)
        other.until_loaded(step=1)
        pod = run.pods("coordinator")[-1]
        coordinator, agent = pod["status"]["podIP"], run.live("agent")[0]
        dns = json.loads(kubectl("-n", "kube-system", "get", "pods", "-l", "k8s-app=kube-dns", "-o", "json").stdout)["items"][0]["status"]["podIP"]
        ways = {
            "a stranger to the fleet's port": ("serving", "deploy/vllm", coordinator, 7070),
            "a stranger to the metrics": ("serving", "deploy/vllm", coordinator, 9464),
            "monitoring to the fleet's port": ("monitoring", "deploy/probe", coordinator, 7070),
            "monitoring to the metrics": ("monitoring", "deploy/probe", coordinator, 9464),
            "monitoring to an agent's metrics": ("monitoring", "deploy/probe", run.pods("agent")[0]["status"]["podIP"], 9464),
            "a stranger to an agent's metrics": ("serving", "deploy/vllm", run.pods("agent")[0]["status"]["podIP"], 9464),
            "an agent to its coordinator": (space.name, agent, f"kneepoint-long.{space.name}.svc", 7070),
            "an agent to its target": (space.name, agent, "vllm.serving.svc.cluster.local", 8000),
            "another run's agent to the coordinator": (space.name, other.live("agent")[0], coordinator, 7070),
            "an agent to another pod": (space.name, agent, dns, 8181),
            "an agent to the Kubernetes API": (space.name, agent, "kubernetes.default.svc", 443),
        }
        open_ways = {who for who, way in ways.items() if reaches(*way)}
        self.assertEqual(open_ways, {"monitoring to the metrics", "monitoring to an agent's metrics", "an agent to its coordinator", "an agent to its target"})
        for pod in (run.live("coordinator")[0], agent):
            self.assertIn("disruption budget", run.evict(pod).stderr)
        self.assertEqual(len(run.live("agent")), 2)

    def test_mutual_tls_with_a_token_for_the_host(self):
        """Certificates of deploy/certificates.sh, in two Secrets; the optional Secret, whose variable the plan names."""
        space = self.space("mtls")
        with tempfile.TemporaryDirectory(prefix="kneepoint-kube-") as pki:
            certificates(space, pki)
        space.kubectl("create", "secret", "generic", "kneepoint-secrets", "--from-literal=KNEEPOINT_TOKEN=open-sesame")
        run = space.run("mtls", plan(more=", auth: {env: KNEEPOINT_TOKEN}"), components=["components/mtls"])
        run.until_loaded()
        self.assertTrue(all("--tls-cert=/tls/tls.crt" in pod["spec"]["containers"][0]["args"] for pod in run.pods("agent")))
        code, _ = run.until_over()
        self.assertIn(code, REACHED_ITS_END, run.log()[-2000:])

    def test_certificates_are_renewed_under_a_run(self):
        """Another authority while the load goes on: who is connected stays, and who comes later needs the new ones."""
        space = self.space("rotation")
        with tempfile.TemporaryDirectory(prefix="kneepoint-kube-") as pki:
            certificates(space, pathlib.Path(pki) / "old")
            # The steps last as long as a kubelet takes to renew files, and need not be confirmed.
            run = space.run("rotation", plan(hold=75).replace("warmup: 2s", "warmup: 2s, confirm: false"), components=["components/mtls"])
            run.until_loaded(step=1)
            certificates(space, pathlib.Path(pki) / "new")
            for pod in (run.live("coordinator")[0], *run.live("agent")):
                processes.wait_until(
                    lambda pod=pod: space.kubectl("exec", pod, "--", "cat", "/tls/ca.crt").stdout == (pathlib.Path(pki) / "new/ca.pem").read_text(),
                    180, f"{pod} sees the new certificates")
        self.assertEqual(run.log().count(" joined from "), 2, "nobody had to come again")
        lost = run.live("agent")[0]
        subprocess.run(["kill", "-KILL", str(process_of(space, lost))], check=True)
        processes.wait_until(lambda: run.log().count(LATE) == 1, 120, "another agent comes with the new certificates")
        code, _ = run.until_over(600)
        self.assertIn(code, REACHED_ITS_END, run.log()[-2000:])


def main():
    try:
        cluster.build()
        with tempfile.TemporaryDirectory(prefix="kneepoint-kube-") as folder:
            cluster.make_images(containers.Engine(folder))
    except (cluster.Unavailable, containers.Unavailable) as reason:
        processes.skip(str(reason))
    cluster.up()
    try:
        unittest.main(verbosity=2, exit=False).result.wasSuccessful() or sys.exit(1)
    finally:
        cluster.down()


if __name__ == "__main__":
    main()
