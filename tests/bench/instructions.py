#!/usr/bin/env python3
"""Instructions that the agent executes per streamed token, against the committed figures.

    instructions.py [--bin FOLDER] [--baseline]

Counts with valgrind's callgrind what kneepoint_token_path_bench executes for two numbers of tokens; the slope is the
cost of a token, free of start-up. The figure does not depend on what else the machine does, so 5 % more is a
regression and not noise. Exit 1: some variant costs more than that, or has no committed figure although others of
this architecture have. An architecture without any figure is not judged, which the last line says. `--baseline` writes
the figures of this build to instructions.json, to be committed with the change that justifies them.

Counted is what a read costs between the socket and the second's histograms, with agent::CompletionStream's own code; not
the event loop, the coroutines and the system calls (token_path.h), which `./dev bench cost` measures.
"""

import argparse
import concurrent.futures
import json
import os
import pathlib
import platform
import re
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
FIGURES = HERE / "instructions.json"
VARIANTS = ("chat", "chat-unusual", "completions", "custom", "generate")
# Whole answers on every stream (16 × 256), so that both ends of the slope stop at the same place of an answer; and more
# than the 10,000 events after which a custom dialect gives up learning templates.
FEW, MANY = 3 * 4096, 7 * 4096
TOLERANCE = 0.05


def executed(program, variant, tokens):
    """Instructions of one run."""
    with tempfile.TemporaryDirectory(prefix="kneepoint-callgrind-") as folder:
        out = pathlib.Path(folder) / "out"
        done = subprocess.run(
            ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}", program, "--variant", variant,
             "--tokens", str(tokens)],
            # simdjson picks its kernel by the CPU; this one is there on every x86-64 machine of today.
            env={**os.environ, **({"SIMDJSON_FORCE_IMPLEMENTATION": "westmere"} if x86() else {})},
            capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"instructions: {program} {variant} failed ({done.returncode}):\n{done.stdout}{done.stderr}")
        return int(re.search(r"^(?:summary|totals): (\d+)", out.read_text(), re.M)[1])


def x86():
    return platform.machine() == "x86_64"


def per_token(program, variant):
    return (executed(program, variant, MANY) - executed(program, variant, FEW)) / (MANY - FEW)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bin", default=HERE.parents[1] / "build/release/bin", type=pathlib.Path)
    parser.add_argument("--baseline", action="store_true", help="write instructions.json")
    options = parser.parse_args()
    if not shutil.which("valgrind"):
        sys.exit("instructions: valgrind is missing (./dev setup bench)")
    program = options.bin / "kneepoint_token_path_bench"

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        counted = dict(zip(VARIANTS, pool.map(lambda variant: per_token(program, variant), VARIANTS)))
    figures = json.loads(FIGURES.read_text()) if FIGURES.exists() else {}
    committed = figures.get(platform.machine(), {})

    missing = [variant for variant in VARIANTS if variant not in committed] if committed or x86() else []
    worse = []
    print(f"{'variant':14}{'instructions/token':>20}{'committed':>11}{'change':>9}")
    for variant, count in counted.items():
        before = committed.get(variant)
        change = f"{count / before - 1:+.1%}" if before else "none"
        print(f"{variant:14}{count:>20,.0f}{before or '':>11}{change:>9}")
        if before and count > before * (1 + TOLERANCE):
            worse.append(variant)

    if options.baseline:
        figures[platform.machine()] = {variant: round(count) for variant, count in counted.items()}
        FIGURES.write_text(json.dumps(figures, indent=2) + "\n")
        print(f"written to {FIGURES}")
    elif missing:
        sys.exit(f"instructions: no committed figure for {', '.join(missing)} on {platform.machine()}: "
                 "./dev bench instructions --baseline, and commit tests/bench/instructions.json")
    elif worse:
        sys.exit(f"instructions: over {TOLERANCE:.0%} more than committed: {', '.join(worse)}. Find out why with "
                 "callgrind_annotate; if the cost is worth it, ./dev bench instructions --baseline and commit "
                 "tests/bench/instructions.json")
    elif not committed:
        print(f"instructions: NOT JUDGED: no figures are committed for {platform.machine()}, only for "
              f"{', '.join(figures) or 'none'}")


if __name__ == "__main__":
    main()
