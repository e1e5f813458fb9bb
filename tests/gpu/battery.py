#!/usr/bin/env python3
"""Runs the experiments that were published, and those whose truth the server's own threads tell, against servers that are up.

    battery.py --bin DIR --out DIR [--seconds N] [--search-time DURATION] [--pid NAME=PID…] [--only EXPERIMENT…] NAME=URL…
    battery.py --list

A NAME is one of servers.py (what is true of each is told there); an experiment runs where all servers that it needs are given.
None is begun that would not end within --seconds. For each, OUT/EXPERIMENT/ has Kneepoint's run directory and witness.json: the
growth of the engine's own counters, and second by second what each thread of the server took of a core (--pid, or where
servers.py started it). At the end one line each: what the report says, and what the witnesses do.
"""
import argparse
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time

import yaml

import models
import servers
import watch
import witness

HERE = os.path.dirname(os.path.abspath(__file__))
CONFIGS = os.path.join(HERE, "..", "..", "configs")
RAMPS = os.path.join(HERE, "plans", "ramp.yaml")
# Random weights choose among 151,936 ids alike; this one e^8 times as often makes thoughts of some 50 tokens. The bias is
# divided by the plan's temperature before it counts.
ENDS_A_THOUGHT = 8.0 * 0.6


def shortened(config, folder, change):
    """A published plan with other ramps, so that each takes minutes. Returns its path."""
    with open(os.path.join(CONFIGS, config)) as f:
        plan = yaml.safe_load(f)
    change(plan)
    path = os.path.join(folder, "shortened.yaml")
    with open(path, "w") as f:
        yaml.safe_dump(plan, f, allow_unicode=True, sort_keys=False)
    return path


def ended(child):
    """Ends it, and says whether it was still there."""
    was = child.poll() is None
    child.terminate()
    try:
        child.wait(10)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
    return was


def first_line(child, log, patience):
    """Waits until it has said something, as it does once it is ready. @raise OSError where it ends, or says nothing for so long."""
    until = time.monotonic() + patience
    while not os.path.getsize(log):
        if child.poll() is not None or time.monotonic() > until:
            raise OSError(f"{os.path.basename(log)}: nothing came of it")
        time.sleep(0.1)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Battery:
    def __init__(self, a, urls, pids, others):
        self.bin, self.out, self.urls, self.pids, self.search_time = os.path.abspath(a.bin), os.path.abspath(a.out), urls, pids, a.search_time
        self.others = others
        self.folder = None

    # -- what an experiment is made of ------------------------------------------------------------------------------
    def start(self, plan, *options, serve="none", folder=None, **settings):
        command = [os.path.join(self.bin, "kneepoint"), "run", plan, "--out", folder or os.path.join(self.folder, "run"), "--serve", serve, *options]
        for name, value in settings.items():
            command += ["--set", f"{name}={value}"]
        with open(os.path.join(self.folder, "terminal.txt"), "a") as log:
            return subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)

    def run(self, plan, *options, **settings):
        return self.start(plan, *options, **settings).wait()

    def ramp(self, server, a, b, c, **settings):
        return self.run(RAMPS, server=server, url=self.urls[server], a=a, b=b, c=c, **settings)

    # -- the experiments --------------------------------------------------------------------------------------------
    def experiment_a(self, servers=("r1", "phi3"), more=None):
        """Model against model, as published: three classes of prompts ten times, then how many at 50 ms a token."""
        def change(plan):
            for target, name in zip(plan["targets"], servers):
                target.update(urls=[self.urls[name]], model="m")
                target.pop("telemetry", None)
            latency, concurrency = plan["scenarios"]
            latency["workload"].update(output_tokens=256, extra_body={"ignore_eos": True, **(more or {})})
            concurrency["workload"].update(output_tokens=256, extra_body={"ignore_eos": True, **(more or {})})
            concurrency["ramp"] = {"steps": [1, 16, 64, 128, 256, 512], "warmup": "3s", "hold": "10s", "confirm": False}
        return self.run(shortened("experiment-a.yaml", self.folder, change))

    def experiment_a_awq(self):
        """The same with weights of four bits, and one that thinks."""
        return self.experiment_a(("r1awq", "phi3awq"), {"logit_bias": {str(models.SPECIAL.index("</think>")): ENDS_A_THOUGHT}})

    def b_plan(self, scenario, change):
        def whole(plan):
            plan["targets"][0].update(urls=[self.urls["qwen3"]], model="m", api="openai-chat")
            plan["targets"][0].pop("telemetry", None)
            plan["scenarios"] = [s for s in plan["scenarios"] if s["name"] == scenario]
            change(plan["scenarios"][0])
        return shortened("experiment-b.yaml", self.folder, whole)

    def experiment_b(self):
        """One model under load, to its knee and past it, 512 tokens out."""
        def change(scenario):
            scenario["workload"].pop("prompts")
            scenario["workload"]["synthetic"] = {"input_tokens": {"distribution": "uniform", "min": 128, "max": 384}}
            scenario["ramp"] = {"steps": [1, 4, 8, 16, 32, 64, 128, 256, 384], "warmup": "5s", "hold": "14s", "confirm": False}
        return self.run(self.b_plan("concurrency", change))

    def experiment_b_long(self):
        """From 1K to 256K tokens in, four users."""
        def change(scenario):
            scenario["matrix"]["input_tokens"] = [1024, 8192, 32768, 131072, 258048]
            scenario["ramp"]["requests"] = 4
        return self.run(self.b_plan("long", change))

    def search(self):
        """The search with its proof on the server of 64 slots."""
        return self.run(os.path.join(HERE, "plans", "search.yaml"), "--agents", "2", server="slots64", url=self.urls["slots64"], max=self.search_time)

    search_again = search

    def slots(self):
        """64 slots: at 160 no more can run."""
        return self.ramp("slots64", 32, 64, 160)

    def front_end(self):
        """256 slots behind one front end, which is one Python thread."""
        return self.ramp("r1", 64, 128, 256)

    def front_ends(self):
        """The same behind four."""
        return self.ramp("fronts4", 64, 128, 256)

    def chunks(self):
        """The same with 512 tokens a step of the engine."""
        return self.ramp("chunk512", 64, 128, 256)

    def cache(self):
        """Room for some 50 requests in 256 slots."""
        return self.ramp("smallcache", 24, 48, 160)

    def compute(self):
        """Long prompts and short answers: the GPU has prefill to do."""
        return self.ramp("qwen3", 4, 16, 48, input_min=6000, input_max=10000, output_min=16, output_max=48, warmup="6s")

    def replicas(self):
        """Two servers as one target, one of them slower."""
        return self.run(os.path.join(HERE, "plans", "replicas.yaml"), url=self.urls["slots64"], second=self.urls["eager"])

    def hidden_replicas(self):
        """The same two behind one address: a proxy that deals requests in turns, and names who answered."""
        port = free_port()
        upstreams = "".join(f"server {self.urls[name].removeprefix('http://')}; " for name in ("slots64", "eager"))
        config = os.path.join(self.folder, "nginx.conf")
        with open(config, "w") as f:
            f.write(f"worker_processes 2; daemon off; pid {self.folder}/nginx.pid; error_log {self.folder}/nginx.log; "
                    "events { worker_connections 4096; } http { access_log off; "
                    + "".join(f"{kind}_temp_path {self.folder}/{kind}; " for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
                    + f"upstream pair {{ {upstreams} keepalive 256; }} server {{ listen 127.0.0.1:{port}; location / {{ "
                    "proxy_pass http://pair; proxy_http_version 1.1; proxy_set_header Connection \"\"; proxy_buffering off; "
                    "add_header X-Upstream $upstream_addr always; } } }")
        proxy = subprocess.Popen([os.environ.get("KNEEPOINT_NGINX", "nginx"), "-c", config])
        try:
            return self.run(os.path.join(HERE, "plans", "hidden.yaml"), url=f"http://127.0.0.1:{port}")
        finally:
            proxy.terminate()
            proxy.wait()

    def second_client(self):
        """Kneepoint, vLLM's own client, and Kneepoint again, at two loads; the engine's own figures beside each."""
        server, url, clients = "slots64", self.urls["slots64"], []
        def noted(client, load, work):
            before = witness.drained(url)
            begun = time.time()
            code = work()
            clients.append({"client": client, "load": load, "exit": code, "seconds": round(time.time() - begun, 2),
                            "engine": witness.growth(before, witness.drained(url))})
            return code
        codes = []
        for load in (16, 48):
            for client in ("first", "bench", "second"):
                if client == "bench":
                    name = f"bench-{load}"
                    command = [sys.executable, "-m", "vllm.entrypoints.cli.main", "bench", "serve", "--backend", "openai-chat", "--base-url", url,
                               "--endpoint", "/v1/chat/completions", "--model", "m", "--tokenizer", servers.known(server)["folder"],
                               "--dataset-name", "random", "--random-input-len", "256", "--random-output-len", "128",
                               "--random-range-ratio", "0.5", "--max-concurrency", str(load), "--num-prompts", str(load * 24), "--ignore-eos",
                               "--seed", "7", "--percentile-metrics", "ttft,tpot,itl,e2el", "--metric-percentiles", "50,95,99", "--disable-tqdm",
                               "--temperature", "0.7", "--save-result", "--result-dir", self.folder, "--result-filename", name + ".json"]
                    with open(os.path.join(self.folder, name + ".txt"), "w") as log:
                        codes.append(noted("bench", load, lambda: subprocess.call(command, stdout=log, stderr=log)))
                else:
                    out = os.path.join(self.folder, f"{client}-{load}")
                    codes.append(noted(client, load, lambda: self.ramp(server, load, load, load, folder=out, hold="8s", warmup="4s")))
        with open(os.path.join(self.folder, "clients.json"), "w") as f:
            json.dump(clients, f, indent=1)
        return 0 if all(code in (0, 3) for code in codes) else 1

    def alternate(self, a, b, **settings):
        """One setting of the server against another, load by load in turns; what compare says is kept beside the run."""
        plans = []
        for name in (a, b):
            with open(RAMPS) as f:
                text = f.read().replace("${url}", self.urls[name]).replace("${server:-vllm}", name)
            plans.append(os.path.join(self.folder, name + ".yaml"))
            with open(plans[-1], "w") as f:
                f.write(text)
        settings = {"a": 32, "b": 96, "c": 192, "warmup": "2s", "hold": "5s", **settings}
        code = self.run(plans[0], "--alternate", plans[1], **settings)
        with open(os.path.join(self.folder, "compare.txt"), "w") as f:
            compared = subprocess.run([os.path.join(self.bin, "kneepoint"), "compare", os.path.join(self.folder, "run"), "--fail-on", "throughput<-5%"],
                                      stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            f.write(compared.stdout)
        self.note = f"compare --fail-on 'throughput<-5%' exits {compared.returncode}"
        return code

    def turns_front_ends(self):
        """One front end against four."""
        return self.alternate("r1", "fronts4")

    def turns_prefix(self):
        """With and without a prefix cache, half of each prompt shared."""
        return self.alternate("r1", "noprefix", input_min=1024, input_max=1536, shared=768)

    def turns_chunks(self):
        """8,192 tokens a step of the engine against 512, with longer prompts."""
        return self.alternate("r1", "chunk512", input_min=1024, input_max=1536)

    def turns_slots(self):
        """256 slots against 64."""
        return self.alternate("noprefix", "slots64")

    def turns_fp8(self):
        """Weights of sixteen bits against eight."""
        return self.alternate("r1", "fp8")

    def turns_gptq(self):
        """Weights of sixteen bits against four."""
        return self.alternate("r1", "gptq")

    @contextlib.contextmanager
    def neighbour(self, *cards, duty=1.0):
        """Something else keeps these cards busy meanwhile. What it got of them is kept, too."""
        burners = []
        try:
            for card in cards:
                log = os.path.join(self.folder, f"neighbour-{card}.jsonl")
                with open(log, "w") as out, open(log + ".err", "w") as errors:
                    burners.append(subprocess.Popen([sys.executable, os.path.join(HERE, "burner.py"), "--gpu", str(card), "--duty", str(duty)],
                                                    stdout=out, stderr=errors, stdin=subprocess.DEVNULL))
            for card, burner in zip(cards, burners):
                first_line(burner, os.path.join(self.folder, f"neighbour-{card}.jsonl"), 90)
            yield
        finally:
            there = [ended(burner) for burner in burners]
            self.note = f"a neighbour on {', '.join(map(str, cards))}" + ("" if all(there) else ", which ENDED BEFORE THE RUN DID") + "; "

    def ranks(self):
        """Two ranks of 64 slots, alike, also where they share a card: a row for each, none is named, and at 256 no more than 128 can run."""
        return self.ramp("dp2", 32, 96, 256)

    def slow_rank(self):
        """The same, and a neighbour keeps the card of rank 1 busy: rank 1 is named. It needs two cards."""
        if servers.CARDS < 2:
            raise OSError("on one card a neighbour slows both ranks down, which is slow-ranks; eager-rank has a slow one")
        with self.neighbour(1):
            return self.ramp("dp2", 16, 32, 64)

    def slow_ranks(self):
        """The same with a neighbour on every card: slower, but alike, and none is named."""
        with self.neighbour(*servers.cards((0, 1))):
            return self.ramp("dp2", 16, 32, 64)

    def eager_rank(self):
        """Rank 1 without compiled graphs, on a card of its own or on that of rank 0: rank 1 is named."""
        return self.ramp("dp2eager", 16, 32, 64)

    def quick(self):
        """What `kneepoint init` and a minute of `kneepoint quick` say of two ranks of 64 slots."""
        program, url = os.path.join(self.bin, "kneepoint"), self.urls["dp2"]
        with open(os.path.join(self.folder, "terminal.txt"), "a") as log:
            codes = [subprocess.call([program, *what], stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=self.folder)
                     for what in (["init", url, "--output", "init.yaml"], ["quick", url, "-c", "8,32,96,256"])]
        latest = os.path.join(self.folder, "runs", "latest")
        if os.path.exists(latest):
            os.rename(os.path.realpath(latest), os.path.join(self.folder, "run"))
        return max(codes)

    def split(self, a, b, c, d, **settings):
        """A ramp through the proxy before the two halves."""
        port, log = free_port(), os.path.join(self.folder, "proxy.txt")
        with open(log, "w") as out:
            proxy = subprocess.Popen([sys.executable, os.path.join(HERE, "split_proxy.py"), "--port", str(port), "--prefill", self.urls["prefill"],
                                      "--decode", self.urls["decode"], "--log", os.path.join(self.folder, "proxy.jsonl")],
                                     stdout=out, stderr=out, stdin=subprocess.DEVNULL)
        try:
            first_line(proxy, log, 20)
            return self.run(os.path.join(HERE, "plans", "split.yaml"), url=f"http://127.0.0.1:{port}", prefill=self.urls["prefill"],
                            decode=self.urls["decode"], a=a, b=b, c=c, d=d, **settings)
        finally:
            ended(proxy)

    def split_prompts(self):
        """Long prompts, short answers through a prefill and a decode server: prefill gives out (or the way between, where that is slow)."""
        # Also on one card, where decode takes turns with it: 16 slots let their 32 tokens go in less time than 16 such prompts take to be read.
        return self.split(1, 4, 16, 48, name="split-prompts", input_min=3000, input_max=5000, output_min=16, output_max=48)

    def split_answers(self):
        """Short prompts, long answers through the same: 16 decode, the others wait for that, on one card, too: prefill has little to do."""
        return self.split(4, 16, 32, 64, name="split-answers", output_min=128, output_max=256, warmup="7s")

    def watched(self, begin, kill_after, kill):
        """A run that loses a process after so many seconds, while its metrics and its live page are followed. begin() starts it,
        kill(child) returns the process that is to be waited for from then on."""
        port = free_port()
        with watch.Watch(f"127.0.0.1:{port}", os.path.join(self.folder, "events.txt")) as seen:
            child = begin(f"127.0.0.1:{port}")
            try:
                code = child.wait(kill_after)
                self.note = "nothing killed: the run ended before; "
            except subprocess.TimeoutExpired:
                code = kill(child, f"127.0.0.1:{port}").wait()
        with open(os.path.join(self.folder, "run", "report.json")) as f:
            self.note += seen.summary(json.load(f))
        return code

    def kill_an_agent(self, child, _):
        agents = [pid for pid in witness.tree(child.pid)[1:] if "kneepoint-agent" in open(f"/proc/{pid}/cmdline").read()]
        if not agents:
            raise OSError("the run has no agent of its own to be killed")
        os.kill(agents[-1], signal.SIGKILL)
        self.note = "an agent killed; "
        return child

    SMALL_RAMP = {"server": "slots64", "a": 16, "b": 32, "c": 48, "hold": "10s", "confirm": "true"}

    def agent_killed(self):
        """Two agents; one is killed in the second step."""
        settings = {**self.SMALL_RAMP, "url": self.urls["slots64"]}
        return self.watched(lambda serve: self.start(RAMPS, "--agents", "2", serve=serve, **settings), 26, self.kill_an_agent)

    def agent_killed_in_search(self):
        """Two agents that search; one is killed after a minute and a half."""
        plan = os.path.join(HERE, "plans", "search.yaml")
        settings = {"server": "slots64", "url": self.urls["slots64"], "max": self.search_time}
        return self.watched(lambda serve: self.start(plan, "--agents", "2", serve=serve, **settings), 90, self.kill_an_agent)

    def resumed(self):
        """The coordinator is killed in the second step, and the same command line with --resume goes on."""
        settings = {**self.SMALL_RAMP, "url": self.urls["slots64"]}

        def begin(serve):
            return self.start(RAMPS, "--resume", "--agents", "2", serve=serve, **settings)

        def kill(child, serve):
            child.kill()
            child.wait()
            self.note = "the coordinator killed, and gone on with; "
            return begin(serve)
        return self.watched(begin, 26, kill)


#: Experiment: the servers that it needs, and the seconds that it takes at most.
EXPERIMENTS = {
    "experiment-a": (["r1", "phi3"], 300), "agent-killed": (["slots64"], 100), "agent-killed-in-search": (["slots64"], 400), "resumed": (["slots64"], 120),
    "experiment-b": (["qwen3"], 250), "experiment-b-long": (["qwen3"], 280),
    "front-end": (["r1"], 75), "front-ends": (["fronts4"], 75), "cache": (["smallcache"], 75), "slots": (["slots64"], 75),
    "compute": (["qwen3"], 90), "replicas": (["slots64", "eager"], 75), "chunks": (["chunk512"], 75), "search": (["slots64"], 480), "search-again": (["slots64"], 480),
    "experiment-a-awq": (["r1awq", "phi3awq"], 300), "hidden-replicas": (["slots64", "eager"], 75), "second-client": (["slots64"], 260),
    "turns-front-ends": (["r1", "fronts4"], 100), "turns-prefix": (["r1", "noprefix"], 100), "turns-chunks": (["r1", "chunk512"], 100),
    "turns-slots": (["noprefix", "slots64"], 100), "turns-fp8": (["r1", "fp8"], 100), "turns-gptq": (["r1", "gptq"], 100),
    "ranks": (["dp2"], 75), "slow-rank": (["dp2"], 80), "slow-ranks": (["dp2"], 80), "eager-rank": (["dp2eager"], 75), "quick": (["dp2"], 85),
    "split-prompts": (["prefill", "decode"], 80), "split-answers": (["prefill", "decode"], 85),
}


OF_A_RANK = ("requests_share_ratio", "running", "waiting", "ttft_mean_seconds", "tpot_mean_seconds")
OF_A_ROLE = ("running", "waiting", "prompt_tokens_per_second", "output_tokens_per_second")


def told(folder):
    """What the report says, in a line or two for each result."""
    clients = os.path.join(folder, "clients.json")
    if os.path.exists(clients):
        with open(clients) as f:
            return [f"{c['client']} at {c['load']}: the engine's " + ", ".join(
                f"{name} {1e3 * c['engine'][key + '_sum'] / c['engine'][key + '_count']:.2f} ms" for name, key in
                (("TTFT", "vllm:time_to_first_token_seconds"), ("TPOT", "vllm:request_time_per_output_token_seconds")))
                for c in json.load(f)]
    try:
        with open(os.path.join(folder, "run", "report.json")) as f:
            report = json.load(f)
    except (OSError, ValueError) as e:
        return [f"no report: {e}"]
    lines = []
    for result in report["results"]:
        saturation = result["saturation"] or {}
        best = max((s["output_tokens_per_second"]["value"] or 0 for s in result["steps"]), default=0)
        lines.append(f"{result['target']} / {result['scenario']}: {result['verdict']['trust']}; knee {saturation.get('concurrency')} "
                     f"{saturation.get('ci95')}; {best:,.0f} tok/s at most; bottleneck "
                     f"{json.dumps(saturation.get('bottleneck'), ensure_ascii=False)[:300]}")
        for step in result["steps"]:
            told_of = step["telemetry"] or {}
            lines += [f"at {step['concurrency']}: {name(each)}: " + ", ".join(f"{key} {each[key]:.4g}" for key in keys if each[key] is not None)
                      for each, name, keys in [*((pod, lambda pod: f"rank {pod['rank']}", OF_A_RANK) for pod in told_of.get("pods", [])),
                                               *((role, lambda role: role["role"], OF_A_ROLE) for role in told_of.get("roles", []))]]
        lines += [f"remark {remark['code']}: {remark['text']}" for remark in result["verdict"]["remarks"] if "_pod" in remark["code"] or "pod_" in remark["code"]]
    return lines


def of_transfers(counts):
    """What NIXL counted, where it is there."""
    moved = counts.get("vllm:nixl_xfer_time_seconds_count")
    if not moved:
        return ""
    return (f"; {moved:.0f} caches came, {witness.mean(counts, 'vllm:nixl_bytes_transferred') / 1e6:.1f} MB in "
            f"{witness.mean(counts, 'vllm:nixl_xfer_time_seconds') * 1e3:.1f} ms each")


def experiment(battery, name, limit):
    battery.folder, battery.note = os.path.join(battery.out, name), ""
    os.makedirs(battery.folder)
    needed = EXPERIMENTS[name][0]
    before = {server: witness.drained(battery.urls[server]) for server in needed}
    ranks = {server: witness.ranks(battery.urls[server]) for server in needed}
    threads = witness.Threads({**{server: battery.pids[server] for server in needed if server in battery.pids},
                               **{f"{server}.{rank}": pid for server in needed for rank, pid in enumerate(battery.others.get(server, []), 1)}},
                              {server: battery.urls[server] for server in needed})
    threads.start()
    begun = time.time()
    code = getattr(battery, name.replace("-", "_"))()
    seconds = time.time() - begun
    threads.ended.set()
    threads.join()
    grown = {server: witness.growth(before[server], witness.drained(battery.urls[server])) for server in needed}
    by_rank = {server: {rank: witness.growth(was.get(rank, {}), now) for rank, now in witness.ranks(battery.urls[server]).items()}
               for server, was in ranks.items()}
    with open(os.path.join(battery.folder, "witness.json"), "w") as f:
        json.dump({"exit": code, "begun_unix": begun, "seconds": round(seconds, 1), "note": battery.note, "engine": grown, "ranks": by_rank,
                   "threads": threads.rows}, f)
    print(f"\n== {name}: exit {code} after {seconds:.0f} s (of {limit} expected). {battery.note}")
    for line in told(battery.folder):
        print("  ", line)
    for server, counts in grown.items():
        print(f"   {server}'s engine: {counts.get('vllm:request_success_total', 0):.0f} requests, {counts.get('vllm:generation_tokens_total', 0):.0f} tokens"
              + of_transfers(counts))
        for rank, own in by_rank[server].items():
            print(f"   its rank {rank}: {own.get('vllm:request_success_total', 0):.0f} requests, TPOT "
                  f"{witness.mean(own, 'vllm:request_time_per_output_token_seconds') * 1e3:.2f} ms, TTFT "
                  f"{witness.mean(own, 'vllm:time_to_first_token_seconds') * 1e3:.1f} ms, queue "
                  f"{witness.mean(own, 'vllm:request_queue_time_seconds') * 1e3:.1f} ms")
    print("   busiest threads in the last third:", threads.busiest(begin=begun + seconds * 2 / 3))
    sys.stdout.flush()
    return code in (0, 3)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--bin", default="build/release/bin")
    p.add_argument("--out", default="runs/gpu")
    p.add_argument("--seconds", type=float, default=float("inf"))
    p.add_argument("--search-time", default="400s", metavar="DURATION", help="max_duration of the searches")
    p.add_argument("--pid", action="append", default=[])
    p.add_argument("--only", action="append", default=[], choices=EXPERIMENTS)
    p.add_argument("--list", action="store_true")
    p.add_argument("servers", nargs="*", metavar="NAME=URL")
    a = p.parse_args()
    if a.list:
        for name, (needed, seconds) in EXPERIMENTS.items():
            print(f"{name:18} {seconds:4} s  {', '.join(needed):16} {getattr(Battery, name.replace('-', '_')).__doc__}")
        return 0
    urls = dict(s.split("=", 1) for s in a.servers)
    pids = {name: found["pid"] for name in urls if (found := servers.known(name))}
    others = {name: found.get("others", []) for name in pids if (found := servers.known(name))}
    pids.update((name, int(pid)) for name, pid in (s.split("=", 1) for s in a.pid))
    battery, begun, ran, failed = Battery(a, urls, pids, others), time.monotonic(), 0, 0
    for name in a.only or EXPERIMENTS:
        needed, seconds = EXPERIMENTS[name]
        missing = [server for server in needed if server not in urls]
        left = a.seconds - (time.monotonic() - begun)
        if missing or seconds > left:
            print(f"{name}: left out, " + (f"no {', '.join(missing)}" if missing else f"it takes {seconds} s and {left:.0f} s are left"))
            continue
        try:
            failed += not experiment(battery, name, seconds)
            ran += 1
        except OSError as e:
            print(f"{name}: {e}")
            failed += 1
    return 0 if ran and not failed else 1


if __name__ == "__main__":
    sys.exit(main())
