#!/usr/bin/env python3
"""Keeps one GPU busy, as a neighbour would: products of matrices for a share of the time, and what came of it, once a second.

    burner.py --gpu 1 --duty 0.5 [--seconds 60]

--gpu counts among the cards that CUDA_VISIBLE_DEVICES leaves. A line of JSON is printed each second: how long it was busy in it, and
how many products that made; the first line comes once the card is warm. Needs torch. A signal ends it.
"""
import argparse
import json
import signal
import sys
import time

#: One product of this size takes about 1.4 ms of an H200 that has nothing else to do.
SIZE = 8192
#: Busy for a share of so many seconds at a time: many steps of an engine, and many of these in one second.
PERIOD = 0.05


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--gpu", type=int, required=True)
    p.add_argument("--duty", type=float, default=1.0)
    p.add_argument("--seconds", type=float, default=600)
    a = p.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    import torch  # takes seconds, and --help needs none of it
    device = torch.device("cuda", a.gpu)
    left, right = (torch.randn(SIZE, SIZE, dtype=torch.bfloat16, device=device) for _ in range(2))
    out = torch.empty_like(left)

    def product():
        torch.matmul(left, right, out=out)
        torch.cuda.synchronize(device)

    for _ in range(3):
        product()
    begun, second, busy, products = time.monotonic(), time.monotonic(), 0.0, 0
    while time.monotonic() - begun < a.seconds:
        period = time.monotonic()
        while time.monotonic() - period < PERIOD * a.duty:
            product()
            products += 1
        busy += time.monotonic() - period
        time.sleep(max(0.0, period + PERIOD - time.monotonic()))
        now = time.monotonic()
        if now - second >= 1:
            print(json.dumps({"unix": round(time.time(), 2), "gpu": a.gpu, "busy": round(busy / (now - second), 3),
                              "products_per_second": round(products / (now - second), 1)}), flush=True)
            second, busy, products = now, 0.0, 0


if __name__ == "__main__":
    main()
