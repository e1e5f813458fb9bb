"""What a server says and does beside the load: its engine's counters, the CPU of its threads, and the machine under it. Second
witnesses for a report."""
import os
import re
import threading
import time
import urllib.request


def counters(url):
    """The sums and counts of vLLM's page, over all labels; histograms without their buckets."""
    found = {}
    with urllib.request.urlopen(url + "/metrics", timeout=5) as r:
        for line in r.read().decode().splitlines():
            match = re.match(r"(vllm:\w+?)(?:\{.*\})? ([0-9.e+-]+)$", line)
            if match and not match[1].endswith("_bucket"):
                found[match[1]] = found.get(match[1], 0.0) + float(match[2])
    return found


def ranks(url):
    """The same for each data parallel rank of a server that has several, by its number; empty where it has one."""
    found = {}
    with urllib.request.urlopen(url + "/metrics", timeout=5) as r:
        for line in r.read().decode().splitlines():
            match = re.match(r"(vllm:\w+?)\{(?:.*,)?engine=\"(\d+)\".*\} ([0-9.e+-]+)$", line)
            if match and not match[1].endswith("_bucket"):
                own = found.setdefault(match[2], {})
                own[match[1]] = own.get(match[1], 0.0) + float(match[3])
    return found if len(found) > 1 else {}


def mean(counts, histogram):
    """Of what a histogram grew by; 0 where it did not."""
    return counts.get(histogram + "_sum", 0.0) / max(1.0, counts.get(histogram + "_count", 0.0))


def drained(url, patience=20):
    """The counters once nothing runs in the engine any more."""
    until = time.monotonic() + patience
    while True:
        now = counters(url)
        if time.monotonic() > until or now.get("vllm:num_requests_running", 0) + now.get("vllm:num_requests_waiting", 0) == 0:
            return now
        time.sleep(0.5)


def growth(before, after):
    return {name: round(value - before.get(name, 0.0), 6) for name, value in after.items() if value != before.get(name, 0.0)}


def tree(pid):
    """A process and all that it started."""
    parents = {}
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{entry}/stat") as f:
                parents.setdefault(int(f.read().rsplit(")", 1)[1].split()[1]), []).append(int(entry))
        except OSError:
            pass
    found, rest = [], [pid]
    while rest:
        found.append(rest.pop())
        rest += parents.get(found[-1], [])
    return found


class Threads(threading.Thread):
    """Each second: for every process of the servers, the share of a core that all its threads took, that the busiest took, and that
    the busiest waited for, able to run and not let; of the machine, the share of its cores that was in use and that was stolen from
    it; and of the servers' engines the growth of their counters."""

    ENGINE = ("vllm:generation_tokens_total", "vllm:iteration_tokens_total_count", "vllm:iteration_tokens_total_sum", "vllm:num_preemptions_total")

    def __init__(self, pids, urls=None):
        super().__init__(daemon=True)
        self.pids, self.urls, self.rows, self.ended, self.before = pids, urls or {}, [], threading.Event(), {}

    def run(self):
        last = time.monotonic()
        while not self.ended.wait(1.0):
            now = time.monotonic()
            row, last = self.look(now - last), now
            self.rows.append(row)

    def look(self, seconds):
        row = {"unix": round(time.time(), 2)}
        for server, root in self.pids.items():
            for pid in tree(root):
                try:
                    with open(f"/proc/{pid}/comm") as f:
                        name = f"{server}:{f.read().strip()}:{pid}"
                    total, busiest = 0.0, (0.0, 0.0)
                    for task in os.listdir(f"/proc/{pid}/task"):
                        with open(f"/proc/{pid}/task/{task}/schedstat") as f:  # nanoseconds on a core, and waiting for one
                            used, waited = (self.grown(task + name, int(value)) / seconds / 1e9
                                            for name, value in zip("uw", f.read().split()))
                        total, busiest = total + used, max(busiest, (used, waited))
                    if total >= 0.02:
                        row[name] = [round(total, 2), *(round(share, 2) for share in busiest)]
                except OSError:
                    pass
        with open("/proc/stat") as f:
            ticks = [int(value) for value in f.readline().split()[1:9]]
        user, nice, system, idle, waiting, irq, soft, stolen = (self.grown(f"machine{i}", value) for i, value in enumerate(ticks))
        whole = max(1, user + nice + system + idle + waiting + irq + soft + stolen)
        row["machine"] = {"in_use": round(1 - (idle + waiting) / whole, 3), "stolen": round(stolen / whole, 4)}
        for server, url in self.urls.items():
            try:
                now = counters(url)
            except OSError:
                continue
            row["engine:" + server] = [round(self.grown(server + name, now.get(name, 0.0)) / seconds, 1) for name in self.ENGINE]
        return row

    def grown(self, name, value):
        """By how much a figure is above what it was when last asked for; 0 the first time."""
        before, self.before[name] = self.before.get(name, value), value
        return value - before

    def busiest(self, begin=0.0, end=float("inf")):
        """Process by process, the median over [begin, end) of its busiest thread's share of a core."""
        rows = [row for row in self.rows if begin <= row["unix"] < end]
        names = {name for row in rows for name in row if name[-1].isdigit() and not name.startswith("engine:")}
        middle = {name: sorted(row.get(name, [0, 0])[1] for row in rows)[len(rows) // 2] for name in names}
        return {name: share for name, share in sorted(middle.items(), key=lambda item: -item[1]) if share >= 0.05}
