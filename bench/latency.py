#!/usr/bin/env python3
"""Latencies of the HTTP interface on one kept connection: p50 and p99 in milliseconds, of a server of its own that has
sampled this host for some rounds. Pictures are asked for with another title each time, so that none comes from memory.

python3 bench/latency.py [REQUESTS]"""
import http.client
import pathlib
import statistics
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "tests" / "support"))
import support  # noqa: E402


def measure(port, path, requests):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    taken, size = [], 0
    for i in range(requests):
        begin = time.perf_counter()
        connection.request("GET", path.replace("{i}", str(i)))
        answer = connection.getresponse()
        size = len(answer.read())
        taken.append((time.perf_counter() - begin) * 1000)
        if answer.status != 200:
            sys.exit(f"{path}: {answer.status}")
    taken.sort()
    return statistics.median(taken), taken[int(len(taken) * 0.99)], size


def eight_series(server):
    series = server.api("series?match=*:cpu,*:memory&limit=8")["series"]
    return ",".join(s["id"] for s in series)


def main():
    requests = int(sys.argv[1]) if len(sys.argv) > 1 else 300
    with support.Server("interval 1s\n") as server:
        support.wait_for(lambda: server.api("status")["samples"] > 1000, 30, "some rounds")
        host, ids = server.host(), eight_series(server)
        rows = [
            ("alive", "/healthz", requests),
            ("wall", "/api/v1/wall", requests),
            ("one host, all its fields", f"/api/v1/hosts/{host}", requests),
            ("8 series x day, 5 min", f"/api/v1/data?series={ids}&from=-1d&step=300", requests),
            ("8 series x day, finest", f"/api/v1/data?series={ids}&from=-1d", max(requests // 10, 10)),
            ("PNG of a day, 1 series", f"/graph/{host}/load.png?title={{i}}", max(requests // 5, 10)),
            ("PNG of a day, 8 series", f"/graph/{host}/cpu.png?title={{i}}", max(requests // 5, 10)),
        ]
        print(f"{'request':28} {'p50 ms':>8} {'p99 ms':>8} {'bytes':>8}")
        for name, path, count in rows:
            half, late, size = measure(server.port, path, count)
            print(f"{name:28} {half:8.3f} {late:8.3f} {size:8}")


main()
