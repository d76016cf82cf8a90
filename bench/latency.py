#!/usr/bin/env python3
"""The whole program as others meet it: latencies of the HTTP interface, from its start to the first judgement, its CPU
in life, the size of its first page. Each function runs a server of its own over a directory that bench_past has filled:
one host with a day of samples every ten seconds, in services of 1, 8 and 16 fields.

    python3 bench/latency.py [REQUESTS]      p50 and p99 of some requests on one kept connection

Pictures are asked for with another title each time, so that none comes from memory."""
import http.client
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

TOP = pathlib.Path(__file__).resolve().parent.parent
BUILD = pathlib.Path(os.environ.get("MAGPIE_BENCH_BUILD", TOP / "build-bench"))
os.environ.setdefault("MAGPIE", str(BUILD / "magpie"))
sys.path[:0] = [str(TOP / "bench"), str(TOP / "tests" / "support")]
import peers  # noqa: E402
import support  # noqa: E402

DAY = 8640  # samples
HOST = "past0"
TURNS = 4  # services of each size, for clients that ask at once
ONE, EIGHT = ([f"past{3 * turn + kind}" for turn in range(TURNS)] for kind in (0, 1))  # services of HOST
# True as soon as the first live sample is judged.
RULE = {"first.magpie": 'rule judged {\n  value uptime:uptime\n  warn > 0s\n}\nrule high {\n  value past*:*\n  warn > 1000000\n}\n'}


def past(directory, *words):
    """Fills DIRECTORY/data; words as bench_past has them."""
    subprocess.run([BUILD / "bench" / "bench_past", directory / "data", *map(str, words)], check=True,
                   stdout=subprocess.DEVNULL)


def serve_day():
    """A server, not yet started, that will show a day of HOST."""
    directory = support.temporary_directory()
    past(directory, 1, 3 * TURNS, DAY)
    return support.Server("default_rules no\n", directory=directory)


def wait_for_day(server):
    """Until the archive holds all of it."""
    ids = eight_series(TURNS - 1)

    def there():
        data = server.try_api(f"data?series={ids}&from=-1d&step=300")
        return data and all(sum(v is not None for v in values) >= 280 for values in data["series"].values())

    support.wait_for(there, 60, "a day of values")
    time.sleep(1)  # what follows a start has settled


def eight_series(turn=0):
    return ",".join(f"{HOST}:{EIGHT[turn]}:field{i}" for i in range(8))


def requests_of(turn=0):
    return {
        "alive": "/healthz",
        "wall": "/api/v1/wall",
        "host": f"/api/v1/hosts/{HOST}",
        "data_8": f"/api/v1/data?series={eight_series(turn)}&from=-1d&step=300",
        "png_1": f"/graph/{HOST}/{ONE[turn]}.png?title={{i}}",
        "png_8": f"/graph/{HOST}/{EIGHT[turn]}.png?title={{i}}",
        "svg_8": f"/graph/{HOST}/{EIGHT[turn]}.svg?title={{i}}",
    }


def measure(port, path, count, seed=0):
    """Milliseconds of each of `count` requests on one kept connection, sorted, and bytes of an answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    taken, size = [], 0
    for i in range(count):
        begin = time.perf_counter()
        connection.request("GET", path.replace("{i}", f"{seed}-{i}"))
        answer = connection.getresponse()
        size = len(answer.read())
        taken.append((time.perf_counter() - begin) * 1000)
        if answer.status != 200:
            sys.exit(f"{path}: {answer.status}")
    connection.close()
    return sorted(taken), size


def served_ms(server, name, count, seed):
    taken, _ = measure(server.port, requests_of()[name], count, seed)
    return statistics.median(taken)


def served_a_second(server, name, count, seed, clients):
    """Requests answered a second, by so many clients at a time, `count` each, of another service each."""
    began = time.monotonic()
    with ThreadPoolExecutor(clients) as pool:
        list(pool.map(lambda client: measure(server.port, requests_of(client)[name], count, f"{seed}-{client}"),
                      range(clients)))
    return clients * count / (time.monotonic() - began)


def serving_cpu(server):
    """CPU seconds until now of the roles that serve values and pictures, and of the processes that draw them."""
    return sum(peers.family_cpu(server.roles()[role]) for role in ("web", "rrd"))


YEAR, YEAR_STEP = 365 * 86400, 300


def fill_year(path):
    """An RRD file with a year of averages, least and greatest values of 300 s."""
    end = int(time.time()) // YEAR_STEP * YEAR_STEP
    begin = end - YEAR
    archives = [f"RRA:{cf}:0.5:1:115200" for cf in ("AVERAGE", "MIN", "MAX")]
    subprocess.run(["rrdtool", "create", path, "--start", str(begin - YEAR_STEP), "--step", str(YEAR_STEP),
                    "DS:42:GAUGE:600:U:U", *archives], check=True)
    times = range(begin, end, YEAR_STEP)
    for at in range(0, len(times), 2000):
        subprocess.run(["rrdtool", "update", path, *(f"{t}:{1000 + t % 86400 / 7:.3f}" for t in times[at:at + 2000])],
                       check=True)


def serve_year():
    """A server that adopted a year of 100 series of HOST, and their files."""
    directory = support.temporary_directory()
    past(directory, 1, 12, 60)
    server = support.Server("default_rules no\n", directory=directory).start()

    def files():
        return sorted((server.data / "rrd").rglob(f"{HOST}-past*.rrd"))

    support.wait_for(lambda: len(files()) == 100, 60, "all files are made")
    server.stop()
    fill_year(directory / "year.rrd")
    for path in files():
        shutil.copyfile(directory / "year.rrd", path)
    return server.start(), files()


def export_year(server):
    """The year of all series as CSV: (bytes, seconds, CPU seconds of the roles that serve it)."""
    roles = [server.roles()[role] for role in ("web", "rrd")]
    before = sum(peers.process_cpu(p) for p in roles)
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    began = time.monotonic()
    connection.request("GET", f"/api/v1/export.csv?match={HOST}:past*&from=-{YEAR}s")
    answer = connection.getresponse()
    if answer.status != 200:
        sys.exit(f"export: {answer.status}")
    length = 0
    while piece := answer.read(1 << 20):
        length += len(piece)
    took = time.monotonic() - began
    connection.close()
    return length, took, sum(peers.process_cpu(p) for p in roles) - before


def rrd_files(server, service):
    """The files that the program has made of a service."""
    return [str(p) for p in sorted((server.data / "rrd" / "bench").glob(f"{HOST}-{service}-*.rrd"))]


def start_s(hosts, services, samples):
    """Seconds from exec to the moment at which the API tells the first judgement of a live sample: with that many
    services known and that many samples of each in the journal, and no RRD file made yet. (seconds, those until the
    engine had read state and journal, CPU seconds of the engine)"""
    directory = support.temporary_directory()
    past(directory, hosts, services, samples, "normal")
    server = support.Server("default_rules no\ninterval 1s\n", RULE, directory)
    begin = time.monotonic()
    server.start(wait=0)
    try:
        support.wait_for(lambda: any(a["rule"] == "judged" for a in server.alerts()), 120, "the first judgement")
        took = time.monotonic() - begin
        recovered = re.search(r"engine.recovered .*took_ms=(\d+)", server.log())
        return took, int(recovered.group(1)) / 1000, peers.process_cpu(server.roles()["engine"])
    finally:
        server.kill()
        shutil.rmtree(directory, ignore_errors=True)


def life(seconds):
    """CPU of each role while this host is sampled each second: ({role: microseconds per sample}, samples a round)."""
    with support.Server("interval 1s\n") as server:
        support.wait_for(lambda: (server.try_api("status") or {"samples": 0})["samples"] > 500, 30, "some rounds")
        time.sleep(2)
        roles = server.roles()
        before, samples = {r: peers.process_cpu(p) for r, p in roles.items()}, server.api("status")["samples"]
        time.sleep(seconds)
        after, count = {r: peers.process_cpu(p) for r, p in roles.items()}, server.api("status")["samples"] - samples
        return {role: (after[role] - before[role]) * 1e6 / count for role in roles}, count / seconds


def first_paint():
    """Compressed bytes of the scripts and style sheets that the first page names, and of the page: (js, css, html)."""
    with support.Server("default_rules no\n") as server:
        headers = {"Accept-Encoding": "gzip"}
        page = server.get("/").body.decode()
        addresses = re.findall(r'(?:src|href)="(/ui/[^"]+\.(js|css))"', page)
        sizes = {"js": 0, "css": 0}
        for address, kind in addresses:
            sizes[kind] += len(server.get(address, headers=headers).body)
        return sizes["js"], sizes["css"], len(server.get("/", headers=headers).body)


def main():
    requests = int(sys.argv[1]) if len(sys.argv) > 1 else 300
    with serve_day() as server:
        wait_for_day(server)
        print(f"{'request':10} {'p50 ms':>8} {'p99 ms':>8} {'bytes':>8}")
        for name, path in requests_of().items():
            taken, size = measure(server.port, path, requests)
            print(f"{name:10} {statistics.median(taken):8.3f} {taken[int(len(taken) * 0.99)]:8.3f} {size:8}")


if __name__ == "__main__":
    main()
