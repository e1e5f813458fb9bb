"""The `openai` package, unchanged, talks to the simulated host as to any server: what it accepts, engines' own clients
accept. Needs the network (or a filled pip cache) once, for a virtual environment in the build folder; exits 77 without.
"""

import asyncio
import pathlib
import subprocess
import sys

import harness
from harness import BIN

MODEL = "qwen3-4b-instruct-2507"
MESSAGES = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "What is a transformer?"}]


def import_openai():
    """The package, installed on first use. Ends the process with 77 where it cannot be had."""
    home = BIN.parent / "openai-venv"
    marker = home / f"ready-{sys.version_info.major}.{sys.version_info.minor}"
    if not marker.exists():
        for command in ([sys.executable, "-m", "venv", "--clear", home],
                        [home / "bin/python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
                         "--timeout", "10", "--retries", "1", "openai"]):
            try:
                subprocess.run(command, check=True, capture_output=True, timeout=240)
            except (OSError, subprocess.SubprocessError) as problem:
                said = (getattr(problem, "stderr", None) or getattr(problem, "output", None) or b"").decode(errors="replace")
                print(f"SKIPPED: the openai package cannot be installed: {said.strip() or problem}")
                sys.exit(77)
        marker.touch()
    (packages,) = pathlib.Path(home).glob("lib/python*/site-packages")
    sys.path.insert(0, str(packages))
    import openai
    print(f"openai {openai.__version__}", file=sys.stderr)
    return openai


openai = import_openai()


class OpenAiClient(harness.TestCase):
    def client(self, host, **options):
        return openai.OpenAI(base_url=host.url + "/v1", api_key=options.pop("api_key", "none"), max_retries=0,
                             timeout=30 * harness.PATIENCE, **options)

    def test_models(self):
        models = self.client(self.simhost()).models.list()
        self.assertEqual([m.id for m in models.data], [MODEL])

    def test_a_chat_answer(self):
        host = self.simhost()
        answer = self.client(host).chat.completions.create(model=MODEL, messages=MESSAGES, max_tokens=9)
        self.assertEqual(answer.object, "chat.completion")
        (choice,) = answer.choices
        self.assertEqual(choice.message.role, "assistant")
        self.assertTrue(choice.message.content)
        self.assertEqual(choice.finish_reason, "length")
        self.assertEqual(answer.usage.completion_tokens, 9)
        self.assertGreater(answer.usage.prompt_tokens, 0)
        self.assertEqual(answer.usage.total_tokens, answer.usage.prompt_tokens + 9)
        self.assertEqual(host.stats()["tokens"]["output_sent"], 9)

    def test_a_chat_stream_with_usage(self):
        host = self.simhost()
        stream = self.client(host).chat.completions.create(
            model=MODEL, messages=MESSAGES, max_tokens=12, temperature=0.7, stream=True,
            stream_options={"include_usage": True}, extra_body={"ignore_eos": True, "min_tokens": 12})
        chunks = list(stream)
        self.assertEqual({c.object for c in chunks}, {"chat.completion.chunk"})
        self.assertEqual(len({c.id for c in chunks}), 1)
        self.assertEqual(chunks[0].choices[0].delta.role, "assistant")
        contents = [c.choices[0].delta.content for c in chunks if c.choices and c.choices[0].delta.content]
        self.assertEqual(len(contents), 12)
        self.assertEqual([c.choices[0].finish_reason for c in chunks if c.choices][-1], "length")
        self.assertEqual(chunks[-1].choices, [])
        self.assertEqual(chunks[-1].usage.completion_tokens, 12)
        self.assertTrue(all(c.usage is None for c in chunks[:-1]))

    def test_a_chat_stream_with_continuous_usage(self):
        stream = self.client(self.simhost()).chat.completions.create(
            model=MODEL, messages=MESSAGES, max_tokens=5, stream=True,
            stream_options={"include_usage": True, "continuous_usage_stats": True})
        counts = [c.usage.completion_tokens for c in stream if c.choices and c.choices[0].delta.content]
        self.assertEqual(counts, [1, 2, 3, 4, 5])

    def test_reasoning_is_an_extra_field(self):
        stream = self.client(self.simhost("--reasoning-tokens", "3")).chat.completions.create(
            model=MODEL, messages=MESSAGES, max_tokens=5, stream=True)
        deltas = [c.choices[0].delta for c in stream if c.choices]
        reasoning = [d for d in deltas if getattr(d, "reasoning_content", None)]
        self.assertEqual(len(reasoning), 3)
        self.assertEqual(len([d for d in deltas if d.content]), 2)

    def test_completions(self):
        client = self.client(self.simhost())
        answer = client.completions.create(model=MODEL, prompt="Once upon", max_tokens=7)
        self.assertEqual(answer.object, "text_completion")
        self.assertTrue(answer.choices[0].text)
        self.assertEqual(answer.usage.completion_tokens, 7)
        chunks = list(client.completions.create(model=MODEL, prompt="Once upon", max_tokens=7, stream=True))
        self.assertEqual(len([c for c in chunks if c.choices and c.choices[0].text]), 7)

    def test_errors_have_the_types_that_programs_catch(self):
        host = self.simhost("--api-key", "sesame")
        client = self.client(host, api_key="sesame")

        def ask(client, **changes):
            return client.chat.completions.create(**{"model": MODEL, "messages": MESSAGES, "max_tokens": 3, **changes})

        self.assertTrue(ask(client).choices)
        with self.assertRaises(openai.AuthenticationError):
            ask(self.client(host, api_key="wrong"))
        with self.assertRaises(openai.NotFoundError) as unknown:
            ask(client, model="another")
        self.assertIn("another", str(unknown.exception))
        with self.assertRaises(openai.BadRequestError):
            ask(client, max_tokens=10_000_000)
        with self.assertRaises(openai.RateLimitError):
            ask(client, extra_headers={"X-Simhost-Fault": "http429"})
        with self.assertRaises(openai.InternalServerError):
            ask(client, extra_headers={"X-Simhost-Fault": "http503"})

    def test_an_error_inside_a_stream_is_raised(self):
        stream = self.client(self.simhost()).chat.completions.create(
            model=MODEL, messages=MESSAGES, max_tokens=10, stream=True,
            extra_headers={"X-Simhost-Fault": "error_in_stream"})
        with self.assertRaises(openai.APIError):
            list(stream)

    def test_a_refused_connection(self):
        client = openai.OpenAI(base_url=f"http://127.0.0.1:{harness.free_port()}/v1", api_key="none", max_retries=0)
        with self.assertRaises(openai.APIConnectionError):
            client.models.list()

    def test_many_streams_at_once(self):
        host = self.simhost()

        async def all_of_them():
            async with openai.AsyncOpenAI(base_url=host.url + "/v1", api_key="none", max_retries=0) as client:
                async def one():
                    stream = await client.chat.completions.create(model=MODEL, messages=MESSAGES, max_tokens=8,
                                                                  stream=True)
                    return sum([1 async for c in stream if c.choices and c.choices[0].delta.content])

                return await asyncio.gather(*(one() for _ in range(16)))

        self.assertEqual(asyncio.run(all_of_them()), [8] * 16)
        self.assertEqual(host.stats()["tokens"]["output_sent"], 128)


if __name__ == "__main__":
    harness.main()
