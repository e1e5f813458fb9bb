"""Keeps N requests in flight by vLLM's own request function, which a file of its source distribution holds.

    vllm_driver.py REQUEST_FUNCTION_FILE URL MODEL PROMPT OUTPUT_TOKENS STREAMS REQUESTS RESULT

Runs in the environment that peers.py made for it. Everything that reads the stream and takes the times is vLLM's;
the loop around it is ours, because its whole package is some gigabytes.
"""

import asyncio
import importlib.util
import json
import sys

import aiohttp


def load(path):
    """vLLM's module, without the package around it."""
    spec = importlib.util.spec_from_file_location("endpoint_request_func", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # its dataclasses look themselves up there
    spec.loader.exec_module(module)
    return module


async def drive(vllm, url, model, prompt, output_tokens, streams, requests):
    numbers = iter(range(requests))
    answers = []

    async def slot(session):
        for number in numbers:
            answer = await vllm.async_request_openai_chat_completions(
                vllm.RequestFuncInput(prompt=prompt, api_url=url + "/v1/chat/completions", prompt_len=6,
                                      output_len=output_tokens, model=model,
                                      request_id=f"vllm-{number}"),
                session)
            answers.append({"id": f"vllm-{number}", "ok": answer.success, "start": answer.start_time,
                            "ttft": answer.ttft})

    connector = aiohttp.TCPConnector(limit=streams, limit_per_host=streams)
    async with aiohttp.ClientSession(connector=connector, timeout=vllm.AIOHTTP_TIMEOUT) as session:
        await asyncio.gather(*(slot(session) for _ in range(streams)))
    return answers


def main():
    source, url, model, prompt, output_tokens, streams, requests, result = sys.argv[1:]
    answers = asyncio.run(drive(load(source), url, model, prompt, int(output_tokens), int(streams), int(requests)))
    with open(result, "w") as file:
        json.dump(answers, file)


if __name__ == "__main__":
    main()
