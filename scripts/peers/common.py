"""What the peer scripts share: time, memory, JSON lines."""
import json
import os
import statistics
import time


def seconds_since_start():
    """Since the kernel started this process, imports and all."""
    ticks = int(open("/proc/self/stat").read().rsplit(")", 1)[1].split()[19])
    return float(open("/proc/uptime").read().split()[0]) - ticks / os.sysconf("SC_CLK_TCK")


def peak_rss_mb():
    lines = open("/proc/self/status").read().splitlines()
    return round(next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024)


def machine_busy_seconds():
    user, nice, system = map(int, open("/proc/stat").readline().split()[1:4])
    return (user + nice + system) / os.sysconf("SC_CLK_TCK")


def measure(work, seconds, warm_up=1, at_least=3):
    """Times work() for about `seconds`: its median and least time in ms, and how many cores others used."""
    for _ in range(warm_up):
        work()
    times, begin = [], time.perf_counter()
    busy, own = machine_busy_seconds(), time.process_time()
    while len(times) < at_least or time.perf_counter() - begin < seconds:
        start = time.perf_counter()
        work()
        times.append(1e3 * (time.perf_counter() - start))
    others = machine_busy_seconds() - busy - (time.process_time() - own)
    return {"ms": statistics.median(times), "ms_best": min(times), "repeats": len(times),
            "other_cpus": max(0.0, others) / (time.perf_counter() - begin)}


def emit(**figures):
    figures["environment"] = os.environ.get("PEER_ENVIRONMENT", "stock")
    print(json.dumps({k: round(v, 4) if isinstance(v, float) else v for k, v in figures.items()}), flush=True)
