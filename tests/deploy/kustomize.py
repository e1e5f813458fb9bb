"""deploy/ as Kustomize renders it, and runs of a test's own beside those that ship."""
import json
import pathlib
import re
import shutil
import subprocess

import yaml

from processes import ROOT

RUN_OVERLAY = """apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
namespace: {namespace}
components: [{components}]
configMapGenerator:
  - {{name: run, literals: [name={name}, agents={agents}]}}
  - {{name: plan, files: [plan.yaml]}}
{more}"""


class Unavailable(Exception):
    """There is no Kustomize here; the message says which would do."""


def command():
    """The command that renders a folder: kubectl from 1.27 on, or kustomize 5."""
    if shutil.which("kustomize"):
        return ["kustomize", "build"]
    if shutil.which("kubectl"):
        told = subprocess.run(["kubectl", "version", "--client", "-o", "json"], capture_output=True, text=True, timeout=30)
        version = json.loads(told.stdout or "{}").get("clientVersion", {}).get("gitVersion", "v0.0")
        if tuple(map(int, re.match(r"v(\d+)\.(\d+)", version).groups())) >= (1, 27):
            return ["kubectl", "kustomize"]
    raise Unavailable("rendering deploy/ takes kubectl 1.27 or later, or kustomize 5, on PATH")


def render(folder):
    """The objects of a folder. Fails with Kustomize's own words."""
    done = subprocess.run([*command(), str(folder)], capture_output=True, text=True, timeout=60)
    if done.returncode != 0:
        raise AssertionError(f"{folder}: {done.stderr.strip()[-1500:]}")
    return [document for document in yaml.safe_load_all(done.stdout) if document]


def copy_deploy(folder):
    """A copy of deploy/ in `folder`, to add to: Kustomize follows no path out of a tree."""
    return pathlib.Path(shutil.copytree(ROOT / "deploy", pathlib.Path(folder) / "deploy"))


def add_run(deploy, name, plan, agents=2, components=(), namespace="kneepoint", more=""):
    """Adds runs/NAME as deploy/README.md says. `components` are folders of deploy/, `more` is YAML. @returns its folder."""
    overlay = deploy / "runs" / name
    overlay.mkdir(exist_ok=True)
    folders = ", ".join(f"../../{each}" for each in ("run", *components))
    (overlay / "kustomization.yaml").write_text(
        RUN_OVERLAY.format(name=name, agents=agents, components=folders, namespace=namespace, more=more), encoding="utf-8")
    (overlay / "plan.yaml").write_text(plan, encoding="utf-8")
    return overlay


def pod_of(thing):
    """The pod of a Pod, Job or Deployment: {metadata, spec}; None for what has none."""
    if thing["kind"] == "Pod":
        return thing
    return thing.get("spec", {}).get("template")


def arguments(container, fields=None):
    """{flag: value} of a container's command line with $(VARIABLES) filled in as a kubelet does: a variable sees only those that
    stand before it, and what is not known stays. `fields` has the values of those from the downward API. A flag without a value
    is True; one that repeats has a list."""
    values = {}

    def filled(text):
        return re.sub(r"\$\((\w+)\)", lambda found: values.get(found[1], found[0]), str(text))
    for variable in container.get("env", []):
        name = variable["name"]
        values[name] = filled(variable["value"]) if "value" in variable else fields[name]
    words = " ".join(map(filled, container.get("command", []) + container.get("args", [])))
    given = {}
    for flag, value in re.findall(r"(--[a-z-]+)(?:[= ](?!--)(\S+))?", words):
        given.setdefault(flag, []).append(value or True)
    return {flag: found if len(found) > 1 else found[0] for flag, found in given.items()}


def seconds(duration):
    """"90s", "10m", "1h" as a number."""
    return int(duration[:-1]) * {"s": 1, "m": 60, "h": 3600}[duration[-1]]
