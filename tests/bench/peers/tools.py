"""The clients that peers.py compares: how each is had, started, and read. A class each, the same three methods.

`install` returns the version or raises Missing; `command` is what keeps `run.streams` requests in flight until
`run.requests` are done, or for about as long; `read` says what the client itself reports. Nothing here measures.
"""

import dataclasses
import gzip
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tarfile
import time

HERE = pathlib.Path(__file__).resolve().parent
MODEL = "qwen3-4b-instruct-2507"
PROMPT = "What is a transformer?"
MOST_TOKENS = 128


class Missing(Exception):
    """The client cannot be had or started here; the text says why."""


@dataclasses.dataclass
class Run:
    url: str
    streams: int
    requests: int
    seconds: float  # what so many requests should take
    folder: pathlib.Path  # scratch, its own


@dataclasses.dataclass
class Reported:
    errors: int
    ttft_ms: tuple  # p50 and p99, as the client says
    first_seen: dict | None  # by the host's request id: instant of the first token, ns of CLOCK_MONOTONIC
    doubt: str = ""  # what the client itself says against its figures


def wall_to_monotonic(wall_ns):
    return wall_ns - (time.time_ns() - time.monotonic_ns())


def quantile(values, q):
    values = sorted(values)
    return values[min(len(values) - 1, int(q * len(values)))]


def attempt(what, *command, **environment):
    """Runs a step of an installation, politely."""
    done = subprocess.run([str(word) for word in ("nice", "-n", "15", *command)], text=True, timeout=1800,
                          env={**os.environ, **environment}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode != 0:
        last = (done.stdout.strip().splitlines() or ["nothing said"])[-1]
        raise Missing(f"{what} failed: {last[:120]}")
    return done.stdout


def environment(folder, *packages):
    """A virtual environment with these packages, made once."""
    done = folder / "installed"
    if not done.exists() or done.read_text() != " ".join(packages):
        attempt("python3 -m venv", sys.executable, "-m", "venv", folder)
        attempt(f"pip install {packages[0]}", folder / "bin/pip", "install", "--quiet", *packages)
        done.write_text(" ".join(packages))
    return folder / "bin"


def write_tokenizer(folder):
    """A tokenizer for clients that will not start without one: what is between spaces is a token. Nothing that is
    reported here hangs on it, since the host counts."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tokenizer.json").write_text(json.dumps({
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": [], "normalizer": None,
        "pre_tokenizer": {"type": "Whitespace"}, "post_processor": None, "decoder": None,
        "model": {"type": "WordLevel", "vocab": {"[UNK]": 0}, "unk_token": "[UNK]"}}))
    (folder / "tokenizer_config.json").write_text(
        json.dumps({"tokenizer_class": "PreTrainedTokenizerFast", "unk_token": "[UNK]"}))
    return folder


class Kneepoint:
    name = "Kneepoint"
    note = ("coordinator and one agent, with a record of each request, which are counted in; asks for running usage, "
            "so its events are larger; runs for a time, not for a number of requests")

    def __init__(self, folder, binaries):
        self.binary = binaries / "kneepoint"

    def install(self):
        if not self.binary.exists():
            raise Missing(f"{self.binary} is not built")
        return subprocess.run([self.binary, "--version"], capture_output=True, text=True).stdout.split()[0]

    def command(self, run):
        (run.folder / "peers.yaml").write_text(f"""\
kneepoint: 1
records: true
targets:
  - {{name: host, url: "{run.url}", model: {MODEL}}}
scenarios:
  - name: chat
    workload: {{prompts: ["{PROMPT}"], output_tokens: {MOST_TOKENS}}}
    ramp: {{steps: [{run.streams}], warmup: 0s, hold: {run.seconds:.0f}s}}
""")
        return [self.binary, "run", run.folder / "peers.yaml", "--out", run.folder / "out", "--serve", "none",
                "--quiet"]

    ends = (0, 3)  # 3: measured, but its own checks doubt the figures

    def read(self, run):
        report = json.loads((run.folder / "out/report.json").read_text())
        step = report["results"][0]["steps"][0]
        ttft, end = step["ttft_seconds"], step["window_begin_seconds"] + step["duration_seconds"]
        with gzip.open(run.folder / "out/records.jsonl.gz", "rt") as file:
            head, *rows = map(json.loads, file)
        zero = wall_to_monotonic(head["zero_unix_ns"])
        seen = {"chatcmpl-" + row["id"]: zero + row["first"] * 1e9 for row in rows if (row["first"] or end) < end}
        # A quantile of too few requests is null.
        p50, p99 = (None if ttft[name] is None else ttft[name] * 1000 for name in ("p50", "p99"))
        return Reported(report["totals"]["failed"], (p50, p99), seen,
                        "" if step["valid"] else " (calls its row invalid: " + ", ".join(step["flags"]) + ")")


class Vllm:
    name = "vLLM's client"
    version = "0.33.0"
    note = ("its request function (`vllm/benchmarks/lib/endpoint_request_func.py` of the source distribution) in a "
            "loop of ours that keeps N in flight on one aiohttp session, not `vllm bench serve` itself")
    ends = (0,)

    def __init__(self, folder, binaries):
        self.folder = folder / "vllm"
        self.source = self.folder / "endpoint_request_func.py"

    def install(self):
        self.bin = environment(self.folder, "aiohttp==3.14.5", "regex", "tqdm", "setuptools>=77", "setuptools_scm",
                               "setuptools-rust", "packaging", "jinja2", "wheel")
        if not self.source.exists():
            self.fetch()
        return self.version

    def fetch(self):
        """Takes the one file out of the source distribution. pip runs its setup.py for the metadata, and that wants
        to import torch: an empty stand-in does."""
        torch = self.folder / "stand-in/torch"
        (torch / "utils").mkdir(parents=True, exist_ok=True)
        (torch / "__init__.py").write_text("class version:\n    cuda = hip = None\n")
        (torch / "utils/__init__.py").write_text("")
        (torch / "utils/cpp_extension.py").write_text("CUDA_HOME = ROCM_HOME = None\n")
        attempt("pip download vllm", self.bin / "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:",
                "--no-build-isolation", "--dest", self.folder, f"vllm=={self.version}",
                PYTHONPATH=str(torch.parent), VLLM_TARGET_DEVICE="empty", VLLM_VERSION_OVERRIDE=self.version)
        with tarfile.open(self.folder / f"vllm-{self.version}.tar.gz") as archive:
            for member in archive:
                if member.name.endswith("vllm/benchmarks/lib/endpoint_request_func.py"):
                    self.source.write_bytes(archive.extractfile(member).read())
                    return
        raise Missing("the source distribution has no endpoint_request_func.py")

    def command(self, run):
        return [self.bin / "python", HERE / "vllm_driver.py", self.source, run.url, MODEL, PROMPT, MOST_TOKENS,
                run.streams, run.requests, run.folder / "answers.json"]

    def read(self, run):
        answers = [a for a in json.loads((run.folder / "answers.json").read_text()) if a["ok"]]
        times = [a["ttft"] * 1000 for a in answers]
        return Reported(run.requests - len(answers), (quantile(times, 0.5), quantile(times, 0.99)),
                        {"chatcmpl-" + a["id"]: (a["start"] + a["ttft"]) * 1e9 for a in answers})


class GuideLlm:
    name = "GuideLLM"
    version = "0.8.1"
    note = "its defaults: worker processes by its own choice; asks for running usage, too"
    ends = (0,)

    def __init__(self, folder, binaries):
        self.folder = folder / "guidellm"

    def install(self):
        self.bin = environment(self.folder, f"guidellm=={self.version}")
        self.tokenizer = write_tokenizer(self.folder / "tokenizer")
        return self.version

    def command(self, run):
        prompts = run.folder / "prompts.jsonl"
        prompts.write_text((json.dumps({"text": PROMPT}) + "\n") * run.requests)
        return ["env", "HF_HUB_OFFLINE=1", self.bin / "guidellm", "run", "--backend",
                f"kind=openai_http,target={run.url},model={MODEL},request_format=/v1/chat/completions,"
                f"max_tokens={MOST_TOKENS}",
                "--profile", f"kind=concurrent,streams={run.streams}", "--constraint",
                f"kind=max_requests,count={run.requests}", "--tokenizer", f"kind=hf_auto,model={self.tokenizer}",
                "--data", f"kind=json_file,path={prompts}", "--output", f"kind=json,path={run.folder / 'report.json'}",
                "--disable-console"]

    def read(self, run):
        benchmark = json.loads((run.folder / "report.json").read_text())["benchmarks"][0]
        percentiles = benchmark["metrics"]["time_to_first_token_ms"]["successful"]["percentiles"]
        seen = {row["response_id"]: wall_to_monotonic(row["info"]["timings"]["first_token_iteration"] * 1e9)
                for row in benchmark["requests"]["successful"]}
        return Reported(run.requests - benchmark["metrics"]["request_totals"]["successful"],
                        (percentiles["p50"], percentiles["p99"]), seen)


class AiPerf:
    name = "AIPerf"
    version = "0.13.0"
    note = "its defaults: worker and record processes by its own choice; GPU and server metrics off"
    ends = (0,)

    def __init__(self, folder, binaries):
        self.folder = folder / "aiperf"

    def install(self):
        self.bin = environment(self.folder, f"aiperf=={self.version}")
        self.tokenizer = write_tokenizer(self.folder / "tokenizer")
        return self.version

    def command(self, run):
        prompts = run.folder / "prompts.jsonl"
        prompts.write_text(json.dumps({"text": PROMPT}) + "\n")
        return [self.bin / "aiperf", "profile", "--model", MODEL, "--url", run.url, "--endpoint-type", "chat",
                "--streaming", "--tokenizer", self.tokenizer, "--use-server-token-count", "--input-file", prompts,
                "--custom-dataset-type", "single_turn", "--extra-inputs", f"max_tokens:{MOST_TOKENS}",
                "--concurrency", run.streams, "--request-count", run.requests,
                "--ui", "none", "--no-gpu-telemetry", "--no-server-metrics", "--artifact-dir", run.folder / "out"]

    def read(self, run):
        summary = json.loads((run.folder / "out/profile_export_aiperf.json").read_text())
        ttft = summary["time_to_first_token"]
        with open(run.folder / "out/profile_export.jsonl") as file:
            rows = [row for row in map(json.loads, file) if "time_to_first_token" in row["metrics"]]
        seen = {"chatcmpl-" + row["metadata"]["x_request_id"]:
                wall_to_monotonic(row["metadata"]["request_start_ns"])
                + row["metrics"]["time_to_first_token"]["value"] * 1e6 for row in rows}
        return Reported(run.requests - int(summary["request_count"]["avg"]), (ttft["p50"], ttft["p99"]), seen)


class K6:
    name = "k6"
    version = "v1.8.1"
    note = ("reads an answer whole, so it has no TTFT: shown is `http_req_waiting`, the time to the first byte, which "
            "is the response's head, and the host sends that at once")
    ends = (0,)

    def __init__(self, folder, binaries):
        self.folder = folder / "k6"
        self.cache = folder / "go"

    def install(self):
        if not (self.folder / "k6").exists():
            if shutil.which("go") is None:
                raise Missing("no Go toolchain")
            attempt("go install k6", "go", "install", f"go.k6.io/k6@{self.version}", GOBIN=str(self.folder),
                    GOPATH=str(self.cache), GOFLAGS="-p=1 -modcacherw")
        said = subprocess.run([self.folder / "k6", "version"], capture_output=True, text=True).stdout
        return re.search(r"v([\d.]+)", said)[1]

    def command(self, run):
        script = run.folder / "script.js"
        body = {"model": MODEL, "messages": [{"role": "user", "content": PROMPT}], "max_tokens": MOST_TOKENS,
                "stream": True, "stream_options": {"include_usage": True}}
        script.write_text(f"""\
import http from 'k6/http';
const body = JSON.stringify({json.dumps(body)});
export const options = {{
  scenarios: {{chat: {{executor: 'shared-iterations', vus: {run.streams}, iterations: {run.requests}}}}},
  summaryTrendStats: ['p(50)', 'p(99)'],
}};
export default function () {{
  http.post('{run.url}/v1/chat/completions', body, {{headers: {{'Content-Type': 'application/json'}}}});
}}
export function handleSummary(data) {{ return {{'{run.folder / "summary.json"}': JSON.stringify(data)}}; }}
""")
        return [self.folder / "k6", "run", "--quiet", "--no-usage-report", script]

    def read(self, run):
        metrics = json.loads((run.folder / "summary.json").read_text())["metrics"]
        waiting = metrics["http_req_waiting"]["values"]
        # A rate's "passes" are the samples that were true: here the requests that failed.
        return Reported(metrics["http_req_failed"]["values"]["passes"], (waiting["p(50)"], waiting["p(99)"]), None)


TOOLS = (Kneepoint, Vllm, GuideLlm, AiPerf, K6)
