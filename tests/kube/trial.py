"""What trials on the cluster share: namespaces with an install, runs in them, and how these are watched."""
import json
import pathlib
import tempfile
import unittest

from cluster import kubectl, processes
import kustomize  # beside `processes`, where cluster has looked

PLAN = """kneepoint: 1
name: lab
targets:
  - {name: host, urls: ["http://vllm.serving.svc.cluster.local:8000"], api: openai-chat, model: qwen3-4b-instruct-2507MORE}
scenarios:
  - name: chat
    workload: {prompts: ["What is a transformer?"], output_tokens: 64, temperature: 0.7}
    ramp: {steps: [2, 4, 8], warmup: 2s, hold: HOLDs}
    slo: {ttft: {p95: 500ms}, tpot: {p95: 50ms}}
"""
# The node is small and shared: what is asked for is little, what may be used is not. Nobody scrapes: there is no lingering.
SMALL = """patches:
  - target: {kind: Job, labelSelector: app.kubernetes.io/component=coordinator}
    patch: |
      - {op: test, path: /spec/template/spec/containers/0/args/7, value: --linger=90s}
      - {op: replace, path: /spec/template/spec/containers/0/args/7, value: --linger=1s}
  - target: {kind: Job}
    patch: |
      - {op: replace, path: /spec/template/spec/containers/0/resources, value: {requests: {cpu: 10m, memory: 64Mi}, limits: {cpu: "2", memory: 512Mi}}}
"""
# What the coordinator says of an agent that comes while the load goes on.
LATE = " joined: it gets load with the next level"
# A busy machine may spoil what a row is worth (3); the run has come to its end all the same.
REACHED_ITS_END = (0, 3)


def plan(hold=5, more=""):
    return PLAN.replace("HOLD", str(hold)).replace("MORE", more)


class Space:
    """A namespace with an install, and runs in it."""

    def __init__(self, folder, name):
        self.name = name
        self.deploy = kustomize.copy_deploy(pathlib.Path(folder) / name)
        self.install = self.deploy / "lab"
        self.install.mkdir()
        (self.install / "kustomization.yaml").write_text(f"namespace: {name}\nresources: [../install]\n", encoding="utf-8")
        self.apply(self.install)

    def apply(self, folder, **options):
        return kubectl("apply", "--warnings-as-errors", "-k", folder, **options)

    def run(self, name, text=None, **options):
        """Applies a run of two small agents."""
        options = {"more": SMALL, "namespace": self.name} | options
        folder = kustomize.add_run(self.deploy, name, text or plan(), **options)
        self.apply(folder)
        return Run(self, name, folder)

    def start_reader(self):
        folder = self.deploy / "reader"
        self.in_this_namespace(folder)
        self.apply(folder)
        self.kubectl("wait", "--for=condition=Ready", "pod/kneepoint-reader", "--timeout=60s")

    def in_this_namespace(self, folder):
        path = folder / "kustomization.yaml"
        text = path.read_text(encoding="utf-8")
        path.write_text(text.replace("namespace: kneepoint\n", f"namespace: {self.name}\n"), encoding="utf-8")

    def kubectl(self, *words, **options):
        return kubectl("-n", self.name, *words, **options)

    def get(self, *words):
        return json.loads(self.kubectl("get", *words, "-o", "json").stdout)

    def delete(self):
        kubectl("delete", "namespace", self.name, "--wait=false")


class Run:
    """One applied run."""

    def __init__(self, space, name, folder):
        self.space, self.name, self.folder = space, name, folder
        self.coordinator, self.agents = f"kneepoint-{name}", f"kneepoint-{name}-agents"

    def pods(self, component):
        found = self.space.get("pods", "-l", f"kneepoint.dev/run={self.name},app.kubernetes.io/component={component}")["items"]
        return sorted(found, key=lambda pod: pod["metadata"]["creationTimestamp"])

    def live(self, component):
        return [pod["metadata"]["name"] for pod in self.pods(component) if pod["status"]["phase"] == "Running"]

    def job(self, name):
        return self.space.get("job", name)["status"]

    def log(self):
        return self.space.kubectl("logs", f"job/{self.coordinator}", check=False).stdout

    def until_loaded(self, step=2):
        """Waits until a step of the three is being measured."""
        processes.wait_until(lambda: f"step {step}/3  hold" in self.log(), 240, f"{self.name} reaches step {step}")

    def until_over(self, seconds=400):
        """Waits for the coordinator's Job. @returns (exit code of its last pod, the pod's closing words)."""
        def over():
            return [c for c in self.job(self.coordinator).get("conditions", []) if c["type"] in ("Complete", "Failed") and c["status"] == "True"]
        processes.wait_until(over, seconds, f"{self.name} is over")
        ended = self.pods("coordinator")[-1]["status"]["containerStatuses"][0]["state"]["terminated"]
        return ended["exitCode"], ended.get("message", "")

    def report(self):
        """report.json, as a reader pod finds it on the claim."""
        self.space.start_reader()
        return json.loads(self.space.kubectl("exec", "kneepoint-reader", "--", "cat", f"/results/{self.name}/report.json").stdout)

    def conditions(self, job):
        """{type: reason} of what a Job has come to."""
        return {c["type"]: c.get("reason") for c in self.job(job).get("conditions", []) if c["status"] == "True"}

    def evict(self, pod):
        eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod, "namespace": self.space.name}}
        path = f"/api/v1/namespaces/{self.space.name}/pods/{pod}/eviction"
        return kubectl("create", "--raw", path, "-f", "-", given=json.dumps(eviction), check=False)


def measured(report):
    """The concurrency of each row that lost no agent, in order. A busy machine may spoil what a row is worth, but not that it is there."""
    return [step["concurrency"] for step in report["results"][0]["steps"] if "AGENT_LOST" not in step["flags"]]


def reaches(namespace, workload, address, port):
    script = f"exec 3<>/dev/tcp/{address}/{port}"
    return kubectl("-n", namespace, "exec", workload, "--", "timeout", "4", "bash", "-c", script, check=False).returncode == 0


def process_of(space, pod):
    """The program of a pod's container, as this machine numbers it. A pod of an indexed Job has a host name of its own."""
    name = space.get("pod", pod)["spec"].get("hostname", pod)
    for folder in pathlib.Path("/proc").iterdir():
        try:
            if folder.name.isdigit() and f"HOSTNAME={name}".encode() in (folder / "environ").read_bytes().split(b"\0"):
                return int(folder.name)
        except OSError:
            continue
    raise AssertionError(f"no process of {name}")


class Trial(unittest.TestCase):
    def space(self, name):
        folder = tempfile.TemporaryDirectory(prefix="kneepoint-kube-")
        self.addCleanup(folder.cleanup)
        space = Space(folder.name, "kneepoint-" + name)
        self.addCleanup(space.delete)
        return space
