"""What `init`, `quick` and the questions before a run find out about hosts that are not quite as OpenAI's API has them."""

import http.server
import json
import os
import subprocess
import threading

import harness
from harness import BIN


class FakeHost(http.server.ThreadingHTTPServer):
    """Serves the given pages, and answers requests as `answer(path, body)` says: (status, content type, text)."""

    daemon_threads = True

    def __init__(self, answer, pages):
        super().__init__(("127.0.0.1", 0), Handler)
        self.answer, self.pages = answer, pages
        self.lock = threading.Lock()
        self.asked = []  # (path, body); the body of a GET is None
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.thread = threading.Thread(target=self.serve_forever, args=(0.05,))
        self.thread.start()

    def stop(self):
        self.shutdown()
        self.thread.join()
        self.server_close()

    def paths(self):
        with self.lock:
            return [path for path, _ in self.asked]

    def bodies(self):
        with self.lock:
            return [body for _, body in self.asked if body is not None]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def respond(self, status, kind, text):
        data = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def note(self, body):
        with self.server.lock:
            self.server.asked.append((self.path, body))

    def do_GET(self):
        self.note(None)
        page = self.server.pages.get(self.path)
        self.respond(*((404, "text/plain", "no such page") if page is None else (200, "application/json", json.dumps(page))))

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.note(body)
        self.respond(*self.server.answer(self.path, body))

    def log_message(self, *_):
        pass


NO_SUCH_PAGE = (404, "text/plain", "no such page")
MODELS = {"/v1/models": {"object": "list", "data": [{"id": "tiny", "object": "model", "owned_by": "somebody"}]}}


def events(*documents, end="data: [DONE]\n\n"):
    return 200, "text/event-stream", "".join(f"data: {json.dumps(d)}\n\n" for d in documents) + end


def whole(document, status=200):
    return status, "application/json", json.dumps(document)


def chat_stream(n):
    usage = {"prompt_tokens": 9, "completion_tokens": n, "total_tokens": 9 + n}
    return events(*[{"choices": [{"index": 0, "delta": {"content": f" w{i}"}}]} for i in range(n)],
                  {"choices": [{"index": 0, "delta": {}, "finish_reason": "length"}]}, {"choices": [], "usage": usage})


class TestCase(harness.TestCase):
    def host(self, answer, pages=None):
        host = FakeHost(answer, MODELS if pages is None else pages)
        self.addCleanup(host.stop)
        return host

    def command(self, *arguments):
        """Runs in the scratch folder. Returns the exit code; output and messages are `told`, in one line each."""
        done = subprocess.run([BIN / "kneepoint", *map(str, arguments)], cwd=self.scratch, text=True,
                              stdin=subprocess.DEVNULL, capture_output=True, timeout=120 * harness.PATIENCE,
                              env={**os.environ, "COLUMNS": "500"})
        self.told = done.stdout + done.stderr
        return done.returncode

    def init(self, *arguments):
        """The plan that is written."""
        code = self.command("init", *arguments, "--output", "plan.yaml")
        self.assertEqual(code, 0, self.told)
        return (self.scratch / "plan.yaml").read_text()

    def quick(self, *arguments):
        code = self.command("quick", *arguments, "-c", "2", "--for", "2s", "--output", "8")
        self.assertIn(code, (0, 3), self.told)  # a busy machine may void its rows
        return (self.scratch / "quick.yaml").read_text()

    def plan(self, url, target="", workload=""):
        return self.write_plan(harness.plan_text([url], steps="[2]", requests=6, output_tokens=8, workload_extra=workload,
                                                 extra_target=target).replace("qwen3-4b-instruct-2507", "tiny"))


REFUSAL = {"error": {"message": "Unsupported parameter: 'max_tokens' is not supported with this model. Use "
                                "'max_completion_tokens' instead.",
                     "type": "invalid_request_error", "param": "max_tokens", "code": "unsupported_parameter"}}


def newer_model(path, body):
    """As OpenAI's reasoning models: one complaint at a time."""
    if path != "/v1/chat/completions":
        return NO_SUCH_PAGE
    if "max_tokens" in body:
        return whole(REFUSAL, 400)
    if body.get("temperature", 1) != 1:
        return whole({"error": {"message": "Unsupported value: 'temperature' does not support 0.7 with this model.",
                                "param": "temperature", "code": "unsupported_value"}}, 400)
    return chat_stream(body["max_completion_tokens"])


class TokenLimit(TestCase):
    def test_init_and_quick_write_the_name_that_is_taken(self):
        host = self.host(newer_model)
        text = self.init(host.url)
        self.assertIn("token_limit: max_completion_tokens", text)
        self.assertNotIn("      temperature:", text)
        self.assertIn("takes max_completion_tokens, not max_tokens", self.told)
        self.assertIn("token_limit: max_completion_tokens", self.quick(host.url))
        asked = host.bodies()
        self.assertGreater(len(asked), 30, "it was loaded")
        self.assertEqual([body for body in asked[-20:] if "max_tokens" in body], [], "and under this name")

    def test_a_plan_without_it_ends_before_any_load(self):
        host = self.host(newer_model)
        code, report, output = self.run_plan(self.plan(host.url), preflight=True)
        self.assertEqual(code, 2, output)
        self.assertIsNone(report)
        self.assertIn("Use 'max_completion_tokens' instead.", output)
        self.assertIn("set token_limit: max_completion_tokens in the target; nothing was loaded", output)
        self.assertEqual(len(host.bodies()), 2, "two questions and no load")
        self.assertFalse((self.scratch / "out").exists())

    def test_a_plan_with_it_runs_and_no_preflight_loads_all_the_same(self):
        host = self.host(newer_model)
        code, report, output = self.run_plan(self.plan(host.url, target=", token_limit: max_completion_tokens"), preflight=True)
        self.assertIn(code, (0, 3), output)
        self.assertEqual(report["totals"]["completed"], 6)
        code, report, output = self.run_plan(self.plan(host.url))
        self.assertIn("set token_limit: max_completion_tokens", output)
        self.assertEqual(report["totals"]["failed"], report["totals"]["started"], output)

    def test_a_temperature_that_is_refused_ends_it_too(self):
        host = self.host(newer_model)
        plan = self.plan(host.url, target=", token_limit: max_completion_tokens", workload=", temperature: 0.7")
        code, report, output = self.run_plan(plan, preflight=True)
        self.assertEqual(code, 2, output)
        self.assertIn("host: it does not take temperature: 0.7 (HTTP 400: ", output)
        self.assertIn("leave it out of the workload", output)

    def test_a_plan_without_a_stream_is_asked_too(self):
        host = self.host(newer_model)
        code, report, output = self.run_plan(self.plan(host.url, workload=", stream: false"), preflight=True)
        self.assertEqual(code, 2, output)
        self.assertIn("set token_limit: max_completion_tokens in the target; nothing was loaded", output)


def chat(path, body):
    return chat_stream(body["max_tokens"]) if path == "/v1/chat/completions" else NO_SUCH_PAGE


class Health(TestCase):
    """LiteLLM answers /health by asking every model behind it."""

    GATEWAY = {"/v1/models": {"object": "list", "data": [{"id": "tiny", "object": "model", "owned_by": "openai"}]},
               "/health": {"healthy_endpoints": [], "unhealthy_endpoints": []}}

    def test_a_gateway_is_not_asked_for_its_health(self):
        host = self.host(chat, self.GATEWAY)
        self.init(host.url)
        for target in ("", ", wait_ready: 20s"):
            code, report, output = self.run_plan(self.plan(host.url, target=target), preflight=True)
            self.assertIn(code, (0, 3), output)
            self.assertEqual(report["totals"]["completed"], 6)
        self.assertGreaterEqual(host.paths().count("/v1/models"), 3)
        self.assertNotIn("/health", host.paths())


def whole_chat(path, body):
    """Ignores `stream: true`."""
    if path != "/v1/chat/completions":
        return NO_SUCH_PAGE
    return whole({"choices": [{"index": 0, "message": {"role": "assistant", "content": " w" * body["max_tokens"]},
                               "finish_reason": "length"}],
                  "usage": {"prompt_tokens": 9, "completion_tokens": body["max_tokens"]}})


class WholeAnswers(TestCase):
    WORDS = "it answers a request for a stream with one whole JSON; set stream: false in the workload"

    def test_a_run_that_wants_a_stream_ends_before_any_load(self):
        host = self.host(whole_chat)
        code, report, output = self.run_plan(self.plan(host.url), preflight=True)
        self.assertEqual(code, 2, output)
        self.assertIsNone(report)
        self.assertIn(f"host: {self.WORDS}; nothing was loaded; --no-preflight loads all the same", output)
        self.assertEqual(len(host.bodies()), 1)
        code, report, output = self.run_plan(self.plan(host.url))
        self.assertIn(self.WORDS, output)
        self.assertEqual(report["totals"]["failed"], report["totals"]["started"], output)

    def test_with_stream_false_it_runs(self):
        host = self.host(whole_chat)
        code, report, output = self.run_plan(self.plan(host.url, workload=", stream: false"), preflight=True)
        self.assertIn(code, (0, 3), output)
        self.assertEqual(report["totals"]["completed"], 6, output)

    def test_init_and_quick_write_it(self):
        host = self.host(whole_chat)
        text = self.init(host.url)
        self.assertIn("stream: false", text)
        self.assertIn("does not stream", self.told)
        text = self.quick(host.url)
        self.assertIn("stream: false", text)
        self.assertIn("e2e: {p95: ", text)
        self.assertFalse(host.bodies()[-1]["stream"])


def ollama(path, body):
    if path != "/api/chat":
        return NO_SUCH_PAGE
    if body["model"] != "llama3.2:latest":
        return whole({"error": f"model '{body['model']}' not found"}, 404)
    n = body["options"]["num_predict"]
    lines = [{"message": {"role": "assistant", "content": f" w{i}"}, "done": False} for i in range(n)]
    lines.append({"message": {"role": "assistant", "content": ""}, "done": True, "done_reason": "length", "eval_count": n,
                  "prompt_eval_count": 9})
    return 200, "application/x-ndjson", "".join(json.dumps(line) + "\n" for line in lines)


def embeddings(path, body):
    if path != "/v1/embeddings":
        return whole({"error": {"message": "This model does not support chat"}}, 400)
    return whole({"object": "list", "data": [{"index": 0, "embedding": [0.25] * 8}], "usage": {"prompt_tokens": 9}})


def messages(path, body):
    if path != "/v1/messages":
        return NO_SUCH_PAGE
    n = body["max_tokens"]
    return events({"type": "message_start", "message": {"usage": {"input_tokens": 9, "output_tokens": 1}}},
                  *[{"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": f" w{i}"}}
                    for i in range(n)],
                  {"type": "message_delta", "delta": {"stop_reason": "max_tokens"}, "usage": {"output_tokens": n}},
                  {"type": "message_stop"}, end="")


class Dialects(TestCase):
    """Hosts that speak none of OpenAI's two older APIs."""

    def loads(self, text):
        """The plan with a fixed small load, run to its end."""
        lines = text.splitlines(keepends=True)
        search = next(i for i, line in enumerate(lines) if "search: {" in line)
        lines[search:search + 2] = ["      steps: [2]\n", "      requests: 6\n"]
        code, report, output = self.run_plan(self.write_plan("".join(lines), "loads.yaml"), preflight=True)
        self.assertIn(code, (0, 3), output)
        self.assertEqual((report["totals"]["completed"], report["totals"]["failed"]), (6, 0), output)

    def test_ollama_is_found_without_a_list_of_openais(self):
        host = self.host(ollama, {"/api/tags": {"models": [{"name": "llama3.2:latest", "model": "llama3.2:latest"}]}})
        text = self.init(host.url)
        self.assertIn("llama3.2:latest, speaks ollama", self.told)
        self.assertIn("dialect: dialects/ollama.yaml", text)
        self.loads(text)
        quick = self.quick(host.url)
        self.assertIn("dialect: dialects/ollama.yaml", quick)
        self.assertIn("ttft: {p95: 500ms}", quick)

    def test_a_model_that_is_named_needs_no_list(self):
        host = self.host(messages, {})
        self.assertEqual(self.command("init", host.url), 2)
        self.assertIn("name one with --model", self.told)
        text = self.init(host.url, "--model", "tiny")
        self.assertIn("speaks anthropic-messages", self.told)
        self.assertIn("dialect: dialects/anthropic-messages.yaml", text)
        self.loads(text)

    def test_embeddings_have_no_stream_and_no_ttft(self):
        host = self.host(embeddings)
        text = self.init(host.url)
        self.assertIn("speaks openai-embeddings", self.told)
        for line in ("dialect: dialects/openai-embeddings.yaml", "stream: false", "e2e: {p95: 200ms}"):
            self.assertIn(line, text)
        self.assertNotIn("output_tokens", text)
        self.assertNotIn("ttft: ", text)
        self.loads(text)
        quick = self.quick(host.url)
        self.assertIn("e2e: {p95: 200ms}", quick)

    def test_embeddings_without_stream_false_end_before_any_load(self):
        host = self.host(embeddings)
        target = ", dialect: dialects/openai-embeddings.yaml"
        plan = self.plan(host.url, target=target)
        plan.write_text(plan.read_text().replace("api: openai-chat", "api: custom"))
        code, report, output = self.run_plan(plan, preflight=True)
        self.assertEqual(code, 2, output)
        self.assertIn(WholeAnswers.WORDS, output)
        self.assertEqual(len(host.bodies()), 1)

    def test_what_is_refused_is_one_line_in_the_hosts_words(self):
        host = self.host(lambda path, body: whole({"error": "the tokenizer is missing"}, 400))
        self.assertEqual(self.command("init", host.url), 2)
        self.assertIn("it does not answer a request for 'tiny': /v1/chat/completions answers HTTP 400: "
                      '{"error": "the tokenizer is missing"}', self.told)
        self.assertEqual(len(self.told.strip().splitlines()), 1, self.told)


if __name__ == "__main__":
    harness.main()
