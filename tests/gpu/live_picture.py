#!/usr/bin/env python3
"""The live page as it stood in a run that is over: live_picture.py [--bin FOLDER] [--part 0.7] EVENTS PICTURE

Serves the page of `kneepoint serve` with the events that watch.py kept of a run, up to that part of them, and photographs it.
"""

import argparse
import http.server
import pathlib
import re
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "browser"))

from browser import Browser, missing  # noqa: E402


def page_of(program):
    """The page, and the list of past runs of an empty folder."""
    with tempfile.TemporaryDirectory() as nothing:
        server = subprocess.Popen([program, "serve", nothing, "--serve", "127.0.0.1:0"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        try:
            for line in server.stdout:
                if found := re.search(r"http://127\.0\.0\.1:\d+", line):
                    break
            return [urllib.request.urlopen(found[0] + path, timeout=10).read() for path in ("/", "/runs.json")]
        finally:
            server.terminate()
            server.wait()


def handler(page, runs, events):
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            kind, body = {"/": ("text/html; charset=utf-8", page), "/runs.json": ("application/json", runs),
                          "/events": ("text/event-stream", events)}.get(self.path, ("text/plain", b""))
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.end_headers()
            self.wfile.write(body)
            self.wfile.flush()
            if self.path == "/events":
                time.sleep(60)  # the run goes on

        def log_message(self, *_):
            pass
    return Handler


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--bin", type=pathlib.Path, default=ROOT / "build" / "release" / "bin")
    parser.add_argument("--part", type=float, default=0.7)
    parser.add_argument("events", type=pathlib.Path)
    parser.add_argument("picture", type=pathlib.Path)
    options = parser.parse_args()
    events = options.events.read_bytes().split(b"\n\n")
    kept = b"\n\n".join(events[:int(len(events) * options.part)]) + b"\n\n"
    page, runs = page_of(options.bin / "kneepoint")
    runs = runs.replace(b'"live":false', b'"live":true')
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler(page, runs, kept))
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with Browser() as browser:
        browser.resize(1200, 900)
        browser.prefer("light")
        browser.visit(f"http://127.0.0.1:{server.server_port}/")
        time.sleep(3)
        browser.screenshot(options.picture)


if __name__ == "__main__":
    if missing():
        sys.exit(missing())
    main()
