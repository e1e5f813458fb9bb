"""The Grafana dashboard as a test reads it: its panels, its queries, and the names that they use."""
import json
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[2]
DASHBOARD = ROOT / "deploy/grafana/dashboards/saturation.json"
METRICS_DOC = ROOT / "docs/metrics.md"


def load():
    return json.loads(DASHBOARD.read_text(encoding="utf-8"))


def panels(dashboard):
    """(row title, panel) of every panel that shows something, in order."""
    row = ""
    for panel in dashboard["panels"]:
        if panel["type"] == "row":
            row = panel["title"]
        else:
            yield row, panel


def queries(dashboard):
    """(row title, panel title, PromQL) of every query."""
    for row, panel in panels(dashboard):
        for target in panel["targets"]:
            yield row, panel["title"], target["expr"]


def substitute(expression, values):
    """The query as Grafana would send it: `$name` replaced, the longest name first."""
    for name in sorted(values, key=len, reverse=True):
        expression = expression.replace("$" + name, values[name])
    assert "$" not in expression, f"a variable is left in {expression}"
    return expression


def documented_metrics():
    """{name: type} of docs/metrics.md. Tables that give no type hold gauges: every figure of a step is one."""
    found = {}
    for line in METRICS_DOC.read_text(encoding="utf-8").splitlines():
        match = re.match(r"\| `(kneepoint_\w+)` \| (\w+)?", line)
        if match:
            found[match[1]] = match[2] if match[2] in ("gauge", "counter", "histogram") else "gauge"
    return found


def documented_series():
    """Every series name that a query may use: a histogram is only ever read through its parts."""
    names = set()
    for name, kind in documented_metrics().items():
        names |= {name + part for part in ("_bucket", "_sum", "_count")} if kind == "histogram" else {name}
    return names
