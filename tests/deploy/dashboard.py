"""The Grafana dashboards as tests read them: their panels, their queries, and the names that they use."""
import json
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDER = ROOT / "deploy/grafana/dashboards"
METRICS_DOC = ROOT / "docs/metrics.md"
# Where the programs define what they export.
DEFINITIONS = ("coordinator/live/metric_definitions.cc", "agent/session/agent_metrics.cc", "common/serve/exposition.h")
# Pages of engines and of dcgm-exporter, by version.
CAPTURED = ROOT / "tests/coordinator/goldens/telemetry"
ORDER = ["saturation", "live", "server", "generator"]
STEP_ROWS = {"Verdict", "Throughput and latency against load", "By step"}


def load():
    """{file's stem: dashboard}, as their links have them in order."""
    found = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in FOLDER.glob("*.json")}
    return dict(sorted(found.items(), key=lambda each: ORDER.index(each[0])))


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


def every_query():
    """(file's stem, row title, panel title, PromQL) of all dashboards."""
    return [(name, *query) for name, board in load().items() for query in queries(board)]


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


def defined_metrics():
    """The names that the programs can export, from their own lists."""
    names = set()
    for path in DEFINITIONS:
        names |= set(re.findall(r'\{\s*"(kneepoint_\w+)",', (ROOT / path).read_text(encoding="utf-8")))
    return names


def captured_series():
    """Every series name that a captured page of an engine or a GPU has."""
    return {name for page in CAPTURED.glob("*.txt")
            for name in re.findall(r"^([A-Za-z_:][\w:]*)", page.read_text(encoding="utf-8"), re.M)}


def series_of_ours():
    """Every series name that a query may use: a histogram is only ever read through its parts."""
    names = set()
    for name, kind in documented_metrics().items():
        names |= {name + part for part in ("_bucket", "_sum", "_count")} if kind == "histogram" else {name}
    return names
