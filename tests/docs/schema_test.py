"""The JSON Schemas in docs/schema: what they accept and refuse, held against the program and against the readers' own keys."""
import copy
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

import yaml

try:
    import jsonschema
except ImportError:
    print("skipped: no python3-jsonschema (./dev setup test installs it)")
    sys.exit(77)

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("KNEEPOINT_BIN", ROOT / "build/release/bin"))
SCHEMAS = ROOT / "docs/schema"


def schema(name):
    return json.loads((SCHEMAS / f"{name}.schema.json").read_text())


def validator(of, definition=None):
    if definition:
        of = {"$schema": of["$schema"], "$ref": f"#/$defs/{definition}", "$defs": of["$defs"]}
    return jsonschema.Draft202012Validator(of)


def complaints(check, document):
    return [f"{error.json_path}: {error.message[:200]}" for error in check.iter_errors(document)]


def keys_of_readers():
    """The sets of keys that the plan's readers know, as their sources list them."""
    listed = re.compile(r"MappingReader(?:\s+\w+)?\([^;]*?\{((?:\s*\"[a-z0-9_]+\",?)+\s*)\}")
    found = {}
    for path in sorted((ROOT / "coordinator/plan").glob("*.cc")):
        for match in listed.finditer(path.read_text()):
            found.setdefault(frozenset(re.findall(r'"([a-z0-9_]+)"', match[1])), path.name)
    return found


def objects(node):
    """Every object of a schema that allows no other keys: its keys."""
    if isinstance(node, dict):
        if node.get("additionalProperties") is False and "properties" in node:
            yield frozenset(node["properties"])
        for value in node.values():
            yield from objects(value)
    elif isinstance(node, list):
        for value in node:
            yield from objects(value)


SMALL = """
kneepoint: 1
targets: [{name: host, url: "http://127.0.0.1:8000", model: m}]
scenarios: [{name: chat, workload: {prompts: [Hello], output_tokens: 8}, ramp: {steps: [1, 2, 4]}}]
"""
# Where in the small plan, and what stands there instead. The program and the schema must agree on every one.
GOOD = [
    (("seed",), 7), (("records",), True), *[(("name",), name) for name in ("a.b_c-1", "长 上下文🚀", "H200 #2 (a/b)", "é")],
    *[(("on_agent_lost",), word) for word in ("rerun", "stop")],
    *[(("targets", 0, "api"), api) for api in ("openai-chat", "openai-completions", "vllm-generate")],
    *[(("targets", 0, "routing"), way) for way in ("pinned", "round_robin", "least_in_flight")],
    *[(("targets", 0, "connection"), way) for way in ("reuse", "per_request")],
    *[(("targets", 0, "token_limit"), name) for name in ("max_tokens", "max_completion_tokens")],
    (("targets", 0, "telemetry"), "off"), (("targets", 0, "telemetry"), {"metrics": ["http://a:1/metrics"], "nvml": False}),
    (("targets", 0, "telemetry"), {"gpus": ["http://a:1/metrics", {"url": "http://a:1/metrics", "labels": {"gpu": "0"}}]}),
    (("targets", 0, "telemetry"), {"pods": ["http://pods:1/metrics"]}), (("targets", 0, "auth"), {"env": "A", "header": "x-api-key"}),
    (("targets", 0, "auth"), {"file": "/a", "scheme": "Basic"}), (("targets", 0, "session"), {"header": "X-Session", "from": "server"}),
    (("scenarios", 0, "workload", "prompts"), [{"class": "a", "text": "b", "model": "c", "headers": {"X-D": "e"}, "extra_body": {"f": 1}, "slo": {"ttft": {"p95": "1s"}}}]),
    (("scenarios", 0, "workload"), {"synthetic": {"input_tokens": 9}, "output_tokens": 8, "texts": "repeat", "classes": [{"class": "l{n}", "count": 3, "zipf": 1}]}),
    (("targets", 0, "wait_ready"), "10m"), (("targets", 0, "wait_ready"), {"timeout": "1m", "started": 5}),
    (("targets", 0, "auth"), {"env": "TOKEN"}), (("targets", 0, "headers"), {"X-Tenant": "team"}),
    (("targets", 0, "tls"), {"verify": False}), (("targets", 0, "gpus"), 8), (("targets", 0, "cost_per_hour"), 2.5),
    (("thresholds",), ["ttft_p95@2>500ms", "errors > 1%", "n_slo<32"]),
    (("guard_rails",), [{"metric": "error_ratio", "above": 0.2, "for": "5s"}, {"metric": "ttft_p95", "above": "20s"}]),
    (("scenarios", 0, "slo"), {"ttft": {"p95": "500ms", "p99.9": "2s"}, "tpot": {"p50": "50ms"}}),
    (("scenarios", 0, "targets"), ["host"]), (("scenarios", 0, "matrix"), {"temperature": [0, 0.5]}),
    (("scenarios", 0, "ramp"), {"from": 1, "to": 64, "factor": 2, "hold": "1m30s"}),
    (("scenarios", 0, "ramp"), {"from": 1, "to": 4, "by": 1, "requests": 5}),
    (("scenarios", 0, "ramp"), {"from": 1, "to": 256, "over": "10m"}),
    (("scenarios", 0, "ramp"), {"search": {"max": 64, "precision": 0.1}, "max_duration": "20m", "proof": {"agents": [1, 2]}}),
    (("scenarios", 0, "ramp"), {"soak": 8, "hold": "1h"}), (("scenarios", 0, "ramp"), {"rate": 5, "max_in_flight": 64}),
    (("scenarios", 0, "ramp"), {"rate": [1, 2], "arrival": "gamma", "burstiness": 0.5}),
    (("scenarios", 0, "ramp"), {"rate": {"from": 1, "to": 8, "by": 1}, "arrival": "constant"}),
    (("scenarios", 0, "ramp"), {"rate": {"from": 1, "to": 50, "over": "10m"}, "arrival": "poisson"}),
    *[(("scenarios", 0, "ramp", "on_target_down"), word) for word in ("stop", "continue")],
    (("scenarios", 0, "ramp", "confirm"), False), (("scenarios", 0, "ramp", "descend"), True),
    (("scenarios", 0, "workload"), {"synthetic": {"input_tokens": {"distribution": "lognormal", "mean": 800, "stddev": 600, "max": 8192}}}),
    (("scenarios", 0, "workload"), {"synthetic": {"input_tokens": 64, "shared_prefix_tokens": 16, "prefix_groups": 2}, "think_time": "1s"}),
    (("scenarios", 0, "workload"), {"synthetic": {"input_tokens": 64}, "conversation": {"turns": 3, "think_time": {"distribution": "normal", "mean": "2s", "stddev": "1s"}}}),
    (("scenarios", 0, "workload"), {"prompts": [{"class": "short", "text": "a"}, {"class": "long", "weight": 3, "texts": ["b", "c"]}]}),
    (("scenarios", 0, "workload", "output_tokens"), {"distribution": "empirical", "values": [64, 256], "weights": [5, 3]}),
    (("scenarios", 0, "workload", "output_tokens"), {"distribution": "uniform", "min": 4, "max": 8}),
    (("scenarios", 0, "workload", "extra_body"), {"ignore_eos": True, "min_tokens": 8}),
    (("scenarios", 0, "workload", "stream"), False), (("scenarios", 0, "workload", "top_p"), 0.9),
]
BAD = [
    (("kneepoint",), 2), (("rmap",), 1), (("seed",), -1), (("records",), "yes please"), (("on_agent_lost",), "ignore"),
    *[(("name",), name) for name in ("/b", " b", "b ", "a\tb", "=1+1", "x" * 65)],
    (("targets",), []), (("targets", 0, "api"), "open-ai"), (("targets", 0, "routing"), "random"), (("targets", 0, "urls"), ["http://b:1"]),
    (("targets", 0, "url"), "gpu-1:8000"), (("targets", 0, "auth"), {"env": "A", "file": "b"}), (("targets", 0, "auth"), {}),
    (("targets", 0, "tls"), {"cert": "a.pem"}), (("targets", 0, "gpus"), 0), (("targets", 0, "idle_timeout"), 60),
    (("targets", 0, "session"), {"from": "server"}), (("targets", 0, "session"), {"header": "X-Session", "from": "us"}),
    (("scenarios", 0, "workload"), {"synthetic": {"input_tokens": 9}, "output_tokens": 8, "texts": "same"}),
    (("scenarios", 0, "workload"), {"synthetic": {"input_tokens": 9}, "output_tokens": 8, "classes": [{"class": "a", "zipf": 1}]}),
    (("scenarios", 0, "workload", "prompts"), [{"class": "a", "text": "b", "slo": {"ttft": "1s"}}]),
    (("thresholds",), ["ttft_p95"]), (("thresholds",), []), (("guard_rails",), [{"metric": "error_ratio"}]), (("guard_rails",), [{"metric": "waiting", "above": 1, "below": 2}]),
    (("scenarios", 0, "slo"), {"ttft": {"95": "500ms"}}), (("scenarios", 0, "slo"), {"ttft": {"p95": 500}}), (("scenarios", 0, "slo"), {"latency": {"p95": "1s"}}),
    (("scenarios", 0, "ramp"), {"hold": "10s"}), (("scenarios", 0, "ramp"), {"steps": [0]}), (("scenarios", 0, "ramp"), {"steps": [1], "search": {"max": 4}}),
    (("scenarios", 0, "ramp"), {"steps": [1], "hold": "10s", "requests": 5}), (("scenarios", 0, "ramp"), {"steps": [1, 2], "hold": "10"}),
    (("scenarios", 0, "ramp"), {"rate": [1], "arrival": "normal"}), (("scenarios", 0, "ramp", "on_target_down"), "wait"),
    (("scenarios", 0, "workload", "temperature"), 3), (("scenarios", 0, "workload", "max_tokens"), 5), (("scenarios", 0, "matrix"), {"model": ["a"]}),
    (("scenarios", 0, "workload", "output_tokens"), {"distribution": "uniform", "min": 4}),
    (("scenarios", 0, "workload", "prompts"), ["a", {"class": "b", "text": "c"}]),
]


def changed(change):
    plan = copy.deepcopy(yaml.safe_load(SMALL))
    where, what = change
    at = plan
    for key in where[:-1]:
        at = at[key]
    at[where[-1]] = what
    return plan


class PlanSchema(unittest.TestCase):
    def setUp(self):
        self.schema = schema("plan")
        self.check = validator(self.schema)

    def accepted(self, plan):
        """What the program says: an empty string where it takes the plan."""
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
            yaml.safe_dump(plan, file)
            file.flush()
            ran = subprocess.run([BIN / "kneepoint", "validate", file.name], capture_output=True, text=True)
        self.assertIn(ran.returncode, (0, 2), ran.stderr)
        return ran.stderr.strip() if ran.returncode else ""

    def test_is_a_schema_and_what_the_program_prints(self):
        jsonschema.Draft202012Validator.check_schema(self.schema)
        printed = subprocess.run([BIN / "kneepoint", "schema", "plan"], capture_output=True, text=True, check=True).stdout
        self.assertEqual(printed, (SCHEMAS / "plan.schema.json").read_text())

    def test_every_plan_of_ours_fits(self):
        plans = [*ROOT.glob("configs/*.yaml"), *ROOT.glob("configs/workloads/*.yaml")]
        self.assertGreater(len(plans), 8)
        for path in plans:
            with self.subTest(path.name):
                self.assertEqual(complaints(self.check, yaml.safe_load(path.read_text())), [])
        dialect = validator(self.schema, "dialect")
        for path in ROOT.glob("configs/dialects/*.yaml"):
            with self.subTest(path.name):
                self.assertEqual(complaints(dialect, yaml.safe_load(path.read_text())), [])

    def test_every_key_that_a_reader_knows_is_in_the_schema_and_no_other(self):
        known = keys_of_readers()
        self.assertGreater(len(known), 20)
        have = set(objects(self.schema))
        shapes = self.schema["$defs"]["count_or_distribution"]["anyOf"][-1]["oneOf"]
        have |= {frozenset().union(*(shape["properties"] for shape in shapes))}  # One reader for all shapes.
        trace = frozenset({"arrival", "max_in_flight", "warmup", "hold"})  # The reader looks again at a ramp that is a trace's.
        for keys, file in known.items():
            with self.subTest(file=file, keys=sorted(keys)):
                self.assertTrue(keys in have or keys == trace, "no object of docs/schema/plan.schema.json has these keys")
        matrix = (ROOT / "coordinator/plan/matrix_reader.cc").read_text()
        axes = frozenset(re.findall(r'\{"([a-z_]+)", "[a-z]*"\}', matrix))
        allowed = set(known) | {axes} | {frozenset(shape["properties"]) for shape in shapes}
        for keys in have:
            with self.subTest(keys=sorted(keys)):
                self.assertIn(keys, allowed, "no reader in coordinator/plan has these keys")

    def test_schema_and_program_take_the_same(self):
        for change in GOOD:
            with self.subTest(change=change):
                plan = changed(change)
                self.assertEqual(complaints(self.check, plan), [])
                self.assertEqual(self.accepted(plan), "")

    def test_schema_and_program_refuse_the_same(self):
        for change in BAD:
            with self.subTest(change=change):
                plan = changed(change)
                self.assertNotEqual(complaints(self.check, plan), [])
                self.assertNotEqual(self.accepted(plan), "")

    def test_variables_may_stand_for_any_value(self):
        for where in (("targets", 0, "url"), ("targets", 0, "gpus"), ("scenarios", 0, "ramp", "steps"), ("seed",)):
            value = ["${n:-4}"] if where[-1] == "steps" else "${x:-1}"
            with self.subTest(where=where):
                self.assertEqual(complaints(self.check, changed((where, value))), [])


class ReportSchema(unittest.TestCase):
    def setUp(self):
        self.schema = schema("report")
        self.check = validator(self.schema)
        self.golden = json.loads((ROOT / "tests/coordinator/golden/report.json").read_text())

    def test_is_a_schema_and_what_the_program_prints(self):
        jsonschema.Draft202012Validator.check_schema(self.schema)
        printed = subprocess.run([BIN / "kneepoint", "schema", "report"], capture_output=True, text=True, check=True).stdout
        self.assertEqual(printed, (SCHEMAS / "report.schema.json").read_text(),
                         "stale: kneepoint schema report > docs/schema/report.schema.json")

    def test_the_golden_report_fits(self):
        self.assertEqual(complaints(self.check, self.golden), [])

    def test_a_field_that_is_missing_or_of_another_type_does_not(self):
        def spoil(change):
            report = copy.deepcopy(self.golden)
            change(report)
            return complaints(self.check, report)

        step = lambda report: report["results"][0]["steps"][0]
        self.assertNotEqual(spoil(lambda r: r.pop("verdict")), [])
        self.assertNotEqual(spoil(lambda r: step(r).pop("valid")), [])
        self.assertNotEqual(spoil(lambda r: step(r).update(valid="yes")), [])
        self.assertNotEqual(spoil(lambda r: step(r)["ttft_seconds"].update(p50="11 ms")), [])
        self.assertNotEqual(spoil(lambda r: r.update(schema="kneepoint.report/2")), [])
        self.assertEqual(spoil(lambda r: step(r).update(what_comes_later=1)), [])

    def test_every_field_of_the_golden_report_is_described(self):
        def undescribed(value, of, path):
            if "$ref" in of:
                of = self.schema["$defs"][of["$ref"].rsplit("/", 1)[1]]
            if "anyOf" in of:
                of = of["anyOf"][0]
                yield from undescribed(value, of, path)
            elif isinstance(value, dict):
                for key, inner in value.items():
                    if key not in of.get("properties", {}):
                        yield f"{path}.{key}"
                    else:
                        yield from undescribed(inner, of["properties"][key], f"{path}.{key}")
            elif isinstance(value, list) and value and "items" in of:
                yield from undescribed(value[0], of["items"], f"{path}[0]")

        self.assertEqual(list(undescribed(self.golden, self.schema, "$")), [])


if __name__ == "__main__":
    unittest.main()
