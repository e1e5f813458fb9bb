#!/usr/bin/env python3
"""The vLLM servers of the battery, on this machine and its GPUs.

    servers.py start MODELS NAME...     starts them, and waits until they are healthy; they outlive this command
    servers.py stop NAME...             ends them
    servers.py urls                     NAME=URL of each that is up, as battery.py wants them

MODELS is the folder that models.py made. A server's pid, port and log are in $KNEEPOINT_GPU_STATE (default: build/gpu); ports
begin at $KNEEPOINT_GPU_PORTS (8000). Most servers need one GPU, the first; dp2, dp2eager and decode need a second one, or
KNEEPOINT_GPU_CARDS=1: then all share the first, and what that changes stands beside each. To run batteries side by
side on a machine of several GPUs: one such folder, other ports and CUDA_VISIBLE_DEVICES for each. It needs
`python3 -m vllm.entrypoints.cli.main`, which `pip install vllm` brings; prefill and decode need `pip install nixl`, too.
"""
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request

STATE = os.environ.get("KNEEPOINT_GPU_STATE", "build/gpu")
PORTS = int(os.environ.get("KNEEPOINT_GPU_PORTS", "8000"))
CARDS = int(os.environ.get("KNEEPOINT_GPU_CARDS", "2"))
SMALL = ["--max-model-len", "4096", "--gpu-memory-utilization", "0.1"]


def half(role):
    """Flags of a server that does one half of each request. The cache goes from card to card; KNEEPOINT_GPU_KV_BUFFER=cpu lets it go
    through the machine's memory, where cards cannot reach each other."""
    buffer = os.environ.get("KNEEPOINT_GPU_KV_BUFFER", "cuda")
    return ["--kv-transfer-config", json.dumps({"kv_connector": "NixlConnector", "kv_role": role, "kv_buffer_device": buffer}),
            "--no-enable-prefix-caching", "--max-model-len", "8192", "--gpu-memory-utilization", "0.1", "--kv-cache-memory-bytes", "8G"]


RANKS = ["--data-parallel-size", "2", "--max-num-seqs", "64", "--no-enable-prefix-caching", "--kv-cache-memory-bytes", "8G", *SMALL]

# Name: port above the first, model, flags, which of the GPUs it may use where that is not the first, and the flags that only its rank 1
# has, which then is a process of its own. What a flag makes true of the server stands beside it.
SERVERS = {
    # As vLLM starts by default, but for its memory: 256 slots, one front end.
    "r1": (0, "qwen2-1.5b", ["--max-num-seqs", "256", "--kv-cache-memory-bytes", "16G", *SMALL]),
    "phi3": (1, "phi3-mini", ["--kv-cache-memory-bytes", "20G", *SMALL]),
    # The whole published context: one document of 258,048 tokens takes 38 GB.
    "qwen3": (2, "qwen3-4b", ["--enable-chunked-prefill", "--max-model-len", "262144", "--kv-cache-memory-bytes", "44G",
                                 "--gpu-memory-utilization", "0.2"]),
    # Never more than 64 requests run.
    "slots64": (3, "qwen2-1.5b", ["--max-num-seqs", "64", "--no-enable-prefix-caching", "--kv-cache-memory-bytes", "8G", *SMALL]),
    # As r1 with four front ends.
    "fronts4": (4, "qwen2-1.5b", ["--max-num-seqs", "256", "--api-server-count", "4", "--kv-cache-memory-bytes", "8G", *SMALL]),
    # Room for 18,700 tokens: some 50 requests of 384, long before its 256 slots are full.
    "smallcache": (5, "qwen2-1.5b", ["--max-num-seqs", "256", "--no-enable-prefix-caching", "--kv-cache-memory-bytes", "512M", *SMALL]),
    # As slots64 without compiled graphs: the same answers, slower.
    "eager": (6, "qwen2-1.5b", ["--max-num-seqs", "64", "--no-enable-prefix-caching", "--enforce-eager",
                                   "--kv-cache-memory-bytes", "4G", *SMALL]),
    # As r1 with small chunks of prefill: what they cost.
    "chunk512": (7, "qwen2-1.5b", ["--max-num-seqs", "256", "--max-num-batched-tokens", "512", "--kv-cache-memory-bytes", "8G", *SMALL]),
    # The models of experiment A as they were published: weights of four bits, and the first one thinks before it answers.
    "r1awq": (8, "qwen2-1.5b-awq", ["--max-num-seqs", "256", "--reasoning-parser", "deepseek_r1", "--kv-cache-memory-bytes", "8G", *SMALL]),
    "phi3awq": (9, "phi3-mini-awq", ["--max-num-seqs", "256", "--kv-cache-memory-bytes", "20G", *SMALL]),
    # As r1 with other weights: GPTQ's four bits, and eight bits made while it loads.
    "gptq": (10, "qwen2-1.5b-gptq", ["--max-num-seqs", "256", "--kv-cache-memory-bytes", "8G", *SMALL]),
    "fp8": (11, "qwen2-1.5b", ["--max-num-seqs", "256", "--quantization", "fp8", "--kv-cache-memory-bytes", "8G", *SMALL]),
    # As r1 without its prefix cache.
    "noprefix": (12, "qwen2-1.5b", ["--max-num-seqs", "256", "--no-enable-prefix-caching", "--kv-cache-memory-bytes", "8G", *SMALL]),
    # Two ranks of slots64, one on each card, behind one port and one page: never more than 128 requests run. On one card they take turns at
    # it, either slower than alone, and alike.
    "dp2": (13, "qwen2-1.5b", RANKS, (0, 1)),
    # The same with one front end, and rank 1 without compiled graphs: some three times as long for a token. On one card it waits for rank 0
    # besides, before each of its many small steps: slower still, and rank 0 hardly.
    "dp2eager": (16, "qwen2-1.5b", [*RANKS, "--api-server-count", "1"], (0, 1), ["--enforce-eager"]),
    # The two halves of one host; split_proxy.py takes a request through them. No more than 16 requests decode. On one card the halves slow
    # each other down: a long prompt there lengthens the tokens here.
    "prefill": (14, "qwen2-1.5b", ["--max-num-seqs", "64", *half("kv_producer")]),
    "decode": (15, "qwen2-1.5b", ["--max-num-seqs", "16", *half("kv_consumer")], (1,)),
}
ENVIRONMENT = {"HF_HUB_OFFLINE": "1", "VLLM_NO_USAGE_STATS": "1", "DO_NOT_TRACK": "1", "VLLM_HOST_IP": "127.0.0.1"}


def cards(wanted):
    """Those numbered `wanted` of a host that has enough; of one that has fewer those that stand for them."""
    return sorted({number % CARDS for number in wanted})


def visible(wanted):
    """Of the cards that this process may use those numbered `wanted`, as CUDA_VISIBLE_DEVICES has them."""
    mine = os.environ.get("CUDA_VISIBLE_DEVICES")
    names = mine.split(",") if mine else [str(number) for number in range(max(wanted) + 1)]
    return ",".join(names[number] for number in cards(wanted) if number < len(names))


def processes(port, flags, wanted=(0,), of_rank_1=None):
    """Flags and cards of each process of a server, the one that answers first. Ranks of one process each need a card of their own: where
    they share one, or are not alike, rank 1 is started as if on a second host."""
    if of_rank_1 is None and len(cards(wanted)) == len(wanted):
        return [(["--port", str(port), *flags], wanted)]
    apart = ["--data-parallel-size-local", "1", "--data-parallel-address", "127.0.0.1", "--data-parallel-rpc-port", str(port + 2000)]
    headless = list(flags)
    if "--api-server-count" in headless:  # it has none
        at = headless.index("--api-server-count")
        del headless[at:at + 2]
    return [(["--port", str(port), *flags, *apart], wanted[:1]),
            ([*headless, *apart, "--headless", "--data-parallel-start-rank", "1", *(of_rank_1 or [])], wanted[1:])]


def state(name):
    return os.path.join(STATE, name + ".json")


def known(name):
    """What start wrote of it; None where it was not started here or is gone."""
    try:
        with open(state(name)) as f:
            found = json.load(f)
        os.kill(found["pid"], 0)
        return found
    except (OSError, ValueError):
        return None


def healthy(port):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=2) as r:
            return r.status == 200
    except OSError:
        return False


def start(models, names, patience=400):
    os.makedirs(STATE, exist_ok=True)
    begun, children = time.monotonic(), {}
    for name in names:
        above, model, flags, *more = SERVERS[name]
        port, folder, children[name] = PORTS + above, os.path.abspath(os.path.join(models, model)), []
        for rank, (own, wanted) in enumerate(processes(port, flags, *more)):
            command = [sys.executable, "-m", "vllm.entrypoints.cli.main", "serve", folder, "--load-format", "dummy",
                       "--served-model-name", "m", "--host", "127.0.0.1", *own]
            cache = os.path.abspath(os.path.join(STATE, "cache", log_of(name, rank)))
            env = {**os.environ, **ENVIRONMENT, "VLLM_CACHE_ROOT": cache + "/vllm", "TORCHINDUCTOR_CACHE_DIR": cache + "/inductor",
                   "TRITON_CACHE_DIR": cache + "/triton", "CUDA_VISIBLE_DEVICES": visible(wanted),
                   "VLLM_NIXL_SIDE_CHANNEL_HOST": "127.0.0.1", "VLLM_NIXL_SIDE_CHANNEL_PORT": str(port + 1000)}
            with open(os.path.join(STATE, log_of(name, rank) + ".log"), "w") as log:
                children[name].append(subprocess.Popen(command, env=env, stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True))
            with open(state(name), "w") as f:
                json.dump({"pid": children[name][0].pid, "others": [child.pid for child in children[name][1:]], "port": port, "flags": flags,
                           "model": model, "folder": folder}, f)
            time.sleep(2)  # each looks for free ports of its own
    waiting, failed = dict(children), []
    while waiting and time.monotonic() - begun < patience:
        time.sleep(0.5)
        for name, own in list(waiting.items()):
            if healthy(PORTS + SERVERS[name][0]):
                print(f"{name}: healthy after {time.monotonic() - begun:.0f} s", flush=True)
                del waiting[name]
            elif any(child.poll() is not None for child in own):  # one without the other would wait for it for ever
                failed.append(name)
                del waiting[name]
    for name in [*failed, *waiting]:
        print(f"{name}: not healthy after {time.monotonic() - begun:.0f} s; the end of its log:")
        for rank in range(len(children[name])):
            with open(os.path.join(STATE, log_of(name, rank) + ".log")) as log:
                print("".join(log.readlines()[-30:]))
    return not waiting and not failed


def log_of(name, rank):
    return f"{name}-rank{rank}" if rank else name


def stop(names):
    for name in names:
        try:
            with open(state(name)) as f:
                found = json.load(f)
        except (OSError, ValueError):
            continue
        left = [found["pid"], *found.get("others", [])]
        for number in (signal.SIGTERM, signal.SIGKILL):
            for pid in left:
                signalled(pid, number)
            for _ in range(30 if number == signal.SIGTERM else 0):
                time.sleep(0.5)
                if not any(signalled(pid, 0) for pid in left):
                    break
        os.remove(state(name))


def signalled(group, number):
    """Whether there was any process of it."""
    try:
        os.killpg(group, number)
        return True
    except ProcessLookupError:
        return False


def main(arguments):
    if len(arguments) > 2 and arguments[0] == "start":
        return 0 if start(arguments[1], arguments[2:]) else 1
    if len(arguments) > 1 and arguments[0] == "stop":
        stop(arguments[1:])
        return 0
    if arguments == ["urls"]:
        print(*(f"{name}=http://127.0.0.1:{PORTS + SERVERS[name][0]}" for name in SERVERS if known(name)))
        return 0
    sys.exit(__doc__)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
