"""Components that runs and installs take, one at a time."""
import json

from cluster import kubectl
from trial import Trial, kustomize, plan, reaches

# Custom resources, whose definitions are no part of the cluster: what names them cannot be tried here.
NOT_SERVED = {"Certificate", "Issuer", "PodMonitor", "PrometheusRule"}


class Components(Trial):
    def test_another_namespace_monitors(self):
        """`serving` in place of `monitoring`, by nothing but the component."""
        space = self.space("monitored")
        path = space.deploy / "components/monitoring-namespace/kustomization.yaml"
        path.write_text(path.read_text(encoding="utf-8").replace("value: observability", "value: serving"), encoding="utf-8")
        run = space.run("monitored", plan(hold=60), components=["components/monitoring-namespace"])
        run.until_loaded(step=1)
        for component in ("coordinator", "agent"):
            address = run.pods(component)[-1]["status"]["podIP"]
            self.assertTrue(reaches("serving", "deploy/vllm", address, 9464), component)
            self.assertFalse(reaches("monitoring", "deploy/probe", address, 9464), component)

    def test_what_the_api_server_says_of_each(self):
        """Server-side, without a change. Kinds that this cluster does not serve are left out, and which these are is checked."""
        space = self.space("dry")
        left_out = set()
        installs = {"grafana": ["../grafana"], "cert-manager": ["../components/cert-manager"],
                    "prometheus-operator": ["../components/prometheus-operator"]}
        for name, components in installs.items():
            folder = space.deploy / f"with-{name}"
            folder.mkdir()
            (folder / "kustomization.yaml").write_text(
                f"namespace: {space.name}\nresources: [../install]\ncomponents: [{', '.join(components)}]\n", encoding="utf-8")
            left_out |= self.accepted(space, name, folder)
        for component in ("external-target", "mtls", "monitoring-namespace"):
            folder = kustomize.add_run(space.deploy, f"with-{component}", plan(), components=[f"components/{component}"], namespace=space.name)
            left_out |= self.accepted(space, component, folder)
        self.assertEqual(left_out, NOT_SERVED)

    def accepted(self, space, name, folder):
        """@returns the kinds that were left out."""
        objects = kustomize.render(folder)
        with self.subTest(name):
            told = kubectl("apply", "--warnings-as-errors", "--dry-run=server", "-f", "-",
                           given="\n---\n".join(json.dumps(o) for o in objects if o["kind"] not in NOT_SERVED))
            self.assertIn("(server dry run)", told.stdout)
        return {o["kind"] for o in objects} & NOT_SERVED
