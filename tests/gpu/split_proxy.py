#!/usr/bin/env python3
"""One address before a prefill server and a decode server of vLLM: each request goes to the first for its cache, then to the second.

    split_proxy.py --port N --prefill URL --decode URL [--log FILE]

As vLLM's documentation of disaggregated prefill has it: the prefill server is asked for one token with `do_remote_decode`, its answer
says where the cache lies (`kv_transfer_params`), and the decode server, told that, answers the client. Everything else goes to the
decode server as it is, but for /metrics: the pages of the two are read at the two. --log gets a line of JSON for each request, with
what each half of it took: a witness beside the servers' own figures. Only the standard library is used. A signal ends it.
"""
import argparse
import asyncio
import json
import signal
import time
from urllib.parse import urlsplit

POSTS = ("/v1/chat/completions", "/v1/completions")
ASKED_FOR = {"do_remote_decode": True, "do_remote_prefill": False, "remote_engine_id": None, "remote_block_ids": None,
             "remote_host": None, "remote_port": None}
LARGEST = 1 << 26


class Broken(Exception):
    """What came is no HTTP, or ended before its end."""


async def head(reader):
    """The first line and the headers, names in lower case; None where the connection ended before."""
    try:
        text = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as e:
        if e.partial:
            raise Broken("a head that ends") from e
        return None
    first, *lines = text[:-4].decode("latin-1").split("\r\n")
    return first, {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}


async def body_parts(reader, headers):
    """The body as it comes, without its framing."""
    if "chunked" in headers.get("transfer-encoding", "").lower():
        while True:
            size = int((await reader.readline()).split(b";")[0] or b"x", 16)
            part = await reader.readexactly(size + 2)
            if not size:
                return
            yield part[:-2]
    else:
        left = int(headers.get("content-length", 0))
        if left > LARGEST:
            raise Broken("a body too large")
        while left:
            part = await reader.read(min(left, 1 << 16))
            if not part:
                raise Broken("a body that ends")
            left -= len(part)
            yield part


class Upstream:
    """A server, and the connections to it that are not in use."""

    def __init__(self, url):
        parts = urlsplit(url)
        self.host, self.port, self.idle = parts.hostname, parts.port or 80, []

    async def ask(self, method, path, headers, body):
        """Sends it. Returns the connection and the head of the answer. A kept connection that the server has closed meanwhile is
        replaced once."""
        text = f"{method} {path} HTTP/1.1\r\nHost: {self.host}:{self.port}\r\nContent-Length: {len(body)}\r\n"
        text += "".join(f"{name}: {value}\r\n" for name, value in headers.items()) + "\r\n"
        while True:
            kept = bool(self.idle)
            reader, writer = self.idle.pop() if kept else await asyncio.open_connection(self.host, self.port, limit=1 << 20)
            try:
                writer.write(text.encode("latin-1") + body)
                await writer.drain()
                answer = await head(reader)
            except (OSError, Broken, asyncio.CancelledError) as e:
                writer.close()
                if kept and isinstance(e, OSError):
                    continue
                raise
            if answer is not None:
                return (reader, writer), answer
            writer.close()
            if not kept:
                raise Broken("the server closed without an answer")

    def done(self, connection, headers):
        """The answer was read to its end: the connection may serve the next request."""
        if headers.get("connection", "").lower() == "close":
            connection[1].close()
        else:
            self.idle.append(connection)


class Proxy:
    def __init__(self, a):
        self.prefill, self.decode = Upstream(a.prefill), Upstream(a.decode)
        self.log = open(a.log, "a") if a.log else None

    async def serve(self, reader, writer):
        try:
            while (request := await head(reader)) is not None:
                first, headers = request
                method, path, _ = first.split(" ", 2)
                body = b"".join([part async for part in body_parts(reader, headers)])
                # Those of the connection are not passed on; uvicorn wants no two lengths.
                passed = {name: value for name, value in headers.items()
                          if name not in ("host", "content-length", "connection", "transfer-encoding", "expect", "accept-encoding")}
                if not await self.answer(method, path, passed, body, writer):
                    break
        except (OSError, Broken, ValueError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass
        finally:
            writer.close()

    async def answer(self, method, path, headers, body, writer):
        """Returns whether the client's connection can be kept."""
        if path.startswith("/metrics"):
            return await self.refuse(writer, 404, "the pages are those of the two servers")
        row = {"unix": round(time.time(), 3)}
        begun = time.monotonic()
        try:
            if method == "POST" and path in POSTS:
                status, body = await self.filled(path, headers, body)
                row["prefill"] = round(time.monotonic() - begun, 4)
                if status != 200:
                    return await self.refuse(writer, status, body)
            connection, (first, answered) = await self.decode.ask(method, path, headers, body)
        except (OSError, Broken, ValueError, asyncio.IncompleteReadError) as e:
            return await self.refuse(writer, 502, f"{type(e).__name__}: {e}")
        # From here on a failure can only be told by an answer that ends before its end.
        try:
            kept = [line for line in answered.items() if line[0] not in ("connection", "transfer-encoding", "content-length", "keep-alive")]
            writer.write((first + "\r\n" + "".join(f"{name}: {value}\r\n" for name, value in kept)
                          + "transfer-encoding: chunked\r\n\r\n").encode("latin-1"))
            async for part in body_parts(connection[0], answered):
                row.setdefault("first", round(time.monotonic() - begun, 4))
                writer.write(b"%x\r\n%b\r\n" % (len(part), part))
                await writer.drain()
            writer.write(b"0\r\n\r\n")
            await writer.drain()
        except BaseException:
            connection[1].close()  # the server stops working for a client that is gone
            raise
        self.decode.done(connection, answered)
        if self.log and "prefill" in row:
            self.log.write(json.dumps({**row, "whole": round(time.monotonic() - begun, 4)}) + "\n")
        return True

    async def filled(self, path, headers, body):
        """Has the prefill server make the cache. Returns its status, and the request for the decode server or what went wrong."""
        wanted = json.loads(body)
        asked = {**wanted, "stream": False, "max_tokens": 1, "kv_transfer_params": ASKED_FOR}
        asked.pop("stream_options", None)
        for name in ("max_completion_tokens", "min_tokens"):
            if name in asked:
                asked[name] = 1
        connection, (first, answered) = await self.prefill.ask("POST", path, headers, json.dumps(asked).encode())
        try:
            told = b"".join([part async for part in body_parts(connection[0], answered)])
        except BaseException:
            connection[1].close()
            raise
        self.prefill.done(connection, answered)
        status = int(first.split(" ", 2)[1])
        if status != 200:
            return status, told.decode("utf-8", "replace")
        where = json.loads(told).get("kv_transfer_params")
        if not where:
            return 502, "the prefill server does not say where the cache is: has it a --kv-transfer-config?"
        return 200, json.dumps({**wanted, "kv_transfer_params": where}).encode()

    async def refuse(self, writer, status, why):
        text = why if why.startswith("{") else json.dumps({"error": {"message": why, "code": status}})
        writer.write(f"HTTP/1.1 {status} -\r\ncontent-type: application/json\r\ncontent-length: {len(text.encode())}\r\n\r\n{text}".encode())
        await writer.drain()
        return True


async def run(a):
    proxy, ended = Proxy(a), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", a.port, limit=1 << 20, backlog=4096)
    print(f"listening on 127.0.0.1:{a.port}", flush=True)
    await ended.wait()
    server.close()
    if proxy.log:
        proxy.log.close()
        proxy.log = None


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--port", type=int, required=True)
    p.add_argument("--prefill", required=True)
    p.add_argument("--decode", required=True)
    p.add_argument("--log")
    asyncio.run(run(p.parse_args()))


if __name__ == "__main__":
    main()
