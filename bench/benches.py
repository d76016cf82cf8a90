"""What is measured: one function per benchmark, each runs Magpie's part `repeat` times and the peer beside it and
gives rows. Budgets and aims are those the design is held to."""
import dataclasses
import os
import shutil
import statistics
import subprocess
import tempfile

import fleet as fleets
import graph_peers
import latency
import peers
import write_peers


@dataclasses.dataclass
class Row:
    name: str
    what: str
    value: float
    unit: str
    less: bool  # less is better
    peer_name: str = ""
    peer: float | None = None
    budget: float | None = None
    aim: float | None = None


def program(name, *words):
    """{name: value} of the lines NAME VALUE UNIT that a benchmark in C prints."""
    done = subprocess.run([latency.BUILD / "bench" / name, *map(str, words)], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{name} failed:\n{done.stderr}")
    figures = {}
    for line in done.stdout.splitlines():
        parts = line.split()
        try:
            figures[parts[0]] = float(parts[1])
        except (IndexError, ValueError):
            pass  # a line for people
    return figures


def medians(repeat, measure):
    """{name: median} of as many calls of measure(), which gives {name: value}."""
    runs = [measure() for _ in range(repeat)]
    return {name: statistics.median(run[name] for run in runs) for name in runs[0]}


def median(repeat, measure):
    values = [measure() for _ in range(repeat)]
    return None if None in values else statistics.median(values)


def host_sample(repeat):
    """CPU of a full sample of this host beside collectd and the stock Munin plugins"""
    own = medians(repeat, lambda: program("bench_host", 300))
    collectd = median(repeat, lambda: peers.collectd_cpu_ms(8))
    munin = median(repeat, lambda: peers.munin_plugins_cpu_ms(1))
    round_ms = own["host_round"] / 1000
    return [
        Row("host_round", "sample of this host, mean of rounds", round_ms, "ms", True, "collectd", collectd, 1, 0.3),
        Row("host_round_munin", "the same", round_ms, "ms", True, "Munin's plugins", munin),
        Row("host_all_due", "sample with everything due at once", own["host_all_due"] / 1000, "ms", True, "collectd",
            collectd, 1, 0.3),
        Row("host_per_series", "mean of rounds, per series", own["host_round"] / own["host_series"], "us", True),
    ]


def engine(repeat, series):
    directory = tempfile.mkdtemp(prefix="magpie-bench-")
    try:
        return medians(repeat, lambda: engine_once(directory, series))
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def engine_once(directory, series):
    journal = os.path.join(directory, "journal")
    figures = program("bench_engine", series, 60, journal)
    shutil.rmtree(journal)
    return figures


def judge(repeat):
    """samples journalled, in the window and judged, beside the bare append of as many bytes"""
    own = engine(repeat, 100000)
    rules = medians(repeat, lambda: program("bench_rules"))
    return [
        Row("judge", "samples journalled, windowed, judged", own["engine_samples_per_cpu_s"], "/CPU s", False,
            "bare append", own["engine_bare_append_per_cpu_s"], 1e6, 5e6),
        Row("judge_elapsed", "the same by the clock, disk included", own["engine_samples_per_s"], "/s", False),
        Row("evaluate", "rules evaluated, one threshold", rules["rules_threshold"], "/CPU s", False, budget=5e6, aim=20e6),
        Row("evaluate_ratio", "the same, a ratio of two, on a condition", rules["rules_ratio"], "/CPU s", False),
        Row("evaluate_window", "the same, average of 5 minutes", rules["rules_window"], "/CPU s", False),
    ]


def memory(repeat):
    """memory per idle series, 100,000 of them, windows full"""
    own = engine(repeat, 100000)
    return [
        Row("memory_series", "memory of an idle series, window full", own["engine_bytes_per_series"], "B", True,
            "60 values of 8 B", 480, 1024, 700),
        Row("memory_window", "of that the window", own["engine_window_bytes_per_series"], "B", True),
        Row("memory_instance", "memory of a rule's instance beside it", own["engine_bytes_per_rule_instance"], "B", True),
    ]


def rrd_write(repeat):
    """samples into RRD files, beside librrd itself"""
    own = medians(repeat, lambda: program("bench_rrd", "/dev/shm", 1000))
    slow = medians(repeat, lambda: program("bench_minutes"))
    peer = medians(repeat, lambda: program("bench_librrd"))
    shared = medians(repeat, lambda: program("bench_writers"))
    return [
        Row("rrd_write", "samples into RRD files, default layout", own["rrd_write_default"], "/CPU s", False,
            "librrd, 60 a call", peer["librrd_batch"], 0.6e6, 0.8e6),
        Row("rrd_write_normal", "the same, Munin's layout", own["rrd_write_normal"], "/CPU s", False,
            "librrd, 1 a call", peer["librrd_single"], 0.6e6, 0.8e6),
        Row("rrd_write_elapsed", "default layout by the clock", own["rrd_write_default_elapsed"], "/s", False),
        Row("rrd_write_minutes", "Munin's layout, a value a minute", slow["minutes_write"], "/CPU s", False,
            "librrd, 1 a call", peer["librrd_single"]),
        Row("rrd_write_two", "Munin's layout, two writers side by side", shared["writers_many"], "/s", False,
            "one writer", shared["writers_one"]),
        Row("rrd_write_split", "CPU of one writer by that of the busier of two", shared["writers_split"], "", False),
        *beside_writers(own, repeat),
    ]


def beside_writers(own, repeat):
    """The figures of bench_rrd beside the programs that write RRD files, each with as many values a write."""
    rows = []
    for name, peer, measure, layout in (("rrd_write_rrdcached", "rrdcached", write_peers.rrdcached, "normal"),
                                    ("rrd_write_collectd", "collectd's rrdtool", write_peers.collectd, "default")):
        runs = [measure(1000, 5) for _ in range(repeat)]
        for key, suffix, what, unit in (("cpu", "", f"samples into RRD files, {layout} layout", "/CPU s"),
                                        ("elapsed", "_elapsed", "the same by the clock", "/s")):
            rows.append(Row(name + suffix, what, own[f"rrd_write_{layout}{suffix}"], unit, False, peer,
                            statistics.median(run[key] for run in runs) if all(runs) else None))
    return rows


def png(repeat):
    """PNG of a day, not cached, served by the whole program, beside forked rrdtool graph and munin-cgi-graph"""
    services = {**{name: ["field0"] for name in latency.ONE}, **{name: [f"field{i}" for i in range(8)] for name in latency.EIGHT}}
    with latency.serve_day() as server:
        latency.wait_for_day(server)
        with graph_peers.graphs(server.data / "rrd", "bench", latency.HOST, services, CLIENTS) as munin:
            return [*pictures(server, munin, repeat, latency.ONE, "png_1", "1 series", (8, 7)),
                    *pictures(server, munin, repeat, latency.EIGHT, "png_8", "8 series", (12, 10))]


def pictures(server, munin, repeat, services, name, what, limits):
    """Rows of one picture."""
    latency.served_ms(server, name, 10, "warm")
    ways = drawing_ways([latency.rrd_files(server, service) for service in services], munin, services)
    runs = [{"own": own_answers(server, name, 60, i), **{way: other_answers(*ways[way]) for way in ways}} for i in range(repeat)]
    return answer_rows(name, f"PNG of a day, {what}, served", DRAWN, runs, limits)


def answer_rows(name, what, ways, runs, limits):
    """An answer's time and its CPU, and how many a second for one client and for CLIENTS at once; ways: {suffix: peer}."""
    middle = {way: {key: statistics.median(run[way][key] for run in runs) for key in runs[0][way]} for way in runs[0]}
    return [Row(f"{name}_{key}{suffix}", text, middle["own"][key], unit, unit != "/s", way, middle.get(way, {}).get(key), *limit)
            for key, text, unit, limit in (("ms", what, "ms", limits), ("cpu", "… CPU of it", "ms", ()),
                                           (1, "… one client", "/s", ()), (CLIENTS, f"… {CLIENTS} clients at once", "/s", ()))
            for suffix, way in ways.items()]


def own_answers(server, name, count, seed):
    """{"ms", "cpu": of one; number of clients: answers a second}."""
    return {"ms": latency.served_ms(server, name, count, seed),
            "cpu": peers.cpu_ms(lambda: latency.served_ms(server, name, count, f"{seed}-cpu"), 1,
                                lambda: latency.serving_cpu(server)) / count,
            **{n: latency.served_a_second(server, name, count, f"{seed}-{n}", n) for n in (1, CLIENTS)}}


def other_answers(call, count, spent):
    return {"ms": peers.median_ms(call, count), "cpu": peers.cpu_ms(call, count, spent),
            **{n: peers.rate(call, 2 * count, n) for n in (1, CLIENTS)}}


def drawing_ways(files, munin, services):
    """How others draw such pictures, as far as they are installed: {name: (a function that does it, runs, their CPU seconds)}."""
    once, warm = (lambda turn=0: munin.once(services[turn])), (lambda turn=0: munin.warm(services[turn]))
    ways = {}
    if shutil.which("rrdtool"):
        ways[DRAWN[""]] = (lambda turn=0: peers.spawn(peers.rrdtool_graph(files[turn])), 15, peers.children_cpu)
    if munin:
        ways[DRAWN["_once"]] = (once, 5, peers.children_cpu)
        ways[DRAWN["_warm"]] = (warm, 20, munin.workers_cpu)
    return ways


def data(repeat):
    """8 series x day served as JSON, beside forked rrdtool xport"""
    with latency.serve_day() as server:
        latency.wait_for_day(server)
        words = [peers.rrdtool_xport(latency.rrd_files(server, service)) for service in latency.EIGHT]
        forked = (lambda turn=0: peers.spawn(words[turn]), 15, peers.children_cpu)
        ways = {"forked xport": forked} if shutil.which("rrdtool") else {}
        latency.served_ms(server, "data_8", 50, "warm")
        runs = [{"own": own_answers(server, "data_8", 500, i), **{way: other_answers(*ways[way]) for way in ways}}
                for i in range(repeat)]
    return answer_rows("data_8", "values of 8 series x day, served", {"": "forked xport"}, runs, (1, 0.5))


def export(repeat):
    """CSV of 100 series x year of 300 s (10.5 million values) served, beside forked rrdtool xport"""
    server, files = latency.serve_year()
    values = len(files) * latency.YEAR / latency.YEAR_STEP
    try:
        latency.export_year(server)
        own = [latency.export_year(server) for _ in range(repeat)]
        peer = [peers.rrdtool_xport_year(files) for _ in range(repeat)]
    finally:
        server.kill()
    return [
        Row("export_values", "values of 100 series x year as CSV", statistics.median(values / o[1] for o in own), "/s", False,
            "forked xport", statistics.median(values / p[0] for p in peer)),
        Row("export_cpu", "the same, by CPU of web and rrd", statistics.median(values / o[2] for o in own), "/CPU s", False,
            "forked xport", statistics.median(values / p[1] for p in peer)),
        Row("export_bytes", "the same", statistics.median(o[0] / o[1] for o in own) / 1e6, "MB/s", False),
    ]


def start_rows(repeat, hosts, what, budget):
    runs = [latency.start_s(hosts, 30, 60) for _ in range(repeat)]
    return [
        Row(f"start_{what}", f"start to first judgement, {what} series", statistics.median(r[0] for r in runs), "s", True,
            budget=budget, aim=budget / 2),
        Row(f"replay_{what}", "of that the journal read", statistics.median(r[1] for r in runs), "s", True),
        Row(f"start_cpu_{what}", "CPU of the engine until then", statistics.median(r[2] for r in runs), "s", True),
    ]


def start(repeat):
    """from exec to the first live sample judged, with 2,500 series known and 60 samples of each journalled"""
    return start_rows(repeat, 10, "2.5k", 2)


def start_250k(repeat):
    """the same with 250,000 series"""
    return start_rows(repeat, 1000, "250k", 10)


def life(repeat):
    """CPU of all roles per live sample, this host sampled each second; the collector beside collectd"""
    runs = [latency.life(10) for _ in range(repeat)]
    own = {role: statistics.median(run[0][role] for run in runs) for role in runs[0][0]}
    whole = statistics.median(sum(run[0].values()) for run in runs)
    collector = statistics.median(run[0]["collector"] * run[1] for run in runs) / 1000
    return [
        Row("life_collector_round", "collector role, a round in life", collector, "ms", True, "collectd",
            median(repeat, lambda: peers.collectd_cpu_ms(8))),
        Row("life", "CPU per live sample, all roles", whole, "us", True, aim=2),
    ] + [Row(f"life_{role}", f"of that {role}", value, "us", True) for role, value in sorted(own.items())]


def probe(repeat):
    """service probes in process, over loopback, and looking for services of this host"""
    own = medians(repeat, lambda: program("bench_probe", 2))
    return [
        Row("probe", "probes of nginx", own["probe"] / 1000, "k per CPU-second", False, "system calls alone",
            own["probe_floor"] / 1000, 25, 50),
        Row("probe_metrics", "the same with its figures", own["probe_metrics"] / 1000, "k per CPU-second", False),
        Row("discovery", "a look for services, nothing changed", own["discovery"], "ms", True, budget=1),
    ]


def munin(repeat):
    """polling munin-nodes: whole rounds over a Unix socket with a node that answers from memory"""
    own = medians(repeat, lambda: program("bench_munin"))
    return [
        Row("munin", "fields polled from munin-nodes", own["munin_fields_per_cpu_s"], "/CPU s", False, "munin-update",
            1315, 130e3, 650e3),
        Row("munin_round", "a round of 25 plugins, 250 fields", own["munin_round_us"], "us", True),
        Row("munin_parse", "values read by the parser alone", own["munin_parse_fields_per_cpu_s"], "/CPU s", False),
    ]


def ui(repeat):
    """compressed size of what the browser loads for the first page"""
    js, css, html = latency.first_paint()
    return [
        Row("ui_js", "JavaScript at first paint, gzip", js / 1000, "kB", True, "smallest peer", 154, 60, 40),
        Row("ui_css", "style sheet, gzip", css / 1000, "kB", True),
        Row("ui_html", "page, gzip", html / 1000, "kB", True),
    ]


def fleet(repeat):
    """1,000 nodes of 250 fields a minute, 200 of them slow, dead or hostile (a quarter of an hour, 11 GB); munin-update on 30"""
    del repeat  # one run is long enough to be sure
    need_disk(FLEET_DISK)
    own = fleets.magpie(1000, 25, 10)
    peer = fleets.munin_update(30, 25, 10)
    fields = own["series"] / 60
    cpu = sum(own["cpu"].values())
    return [
        Row("fleet_on_time", "rounds of healthy nodes on time", 100 * fleets.on_time(own["seen"]), "%", False, budget=99.9),
        Row("fleet_well", "healthy nodes that are shown as such", 100 * own["well"], "%", False, budget=100),
        Row("fleet_cpu", "CPU of all roles, of one core", 100 * cpu, "%", True, budget=50, aim=25),
        Row("fleet_memory", "memory of all roles (PSS)", sum(own["memory_mb"].values()), "MB", True, budget=1500, aim=1000),
        Row("fleet_polled", "fields asked, collector role", fields / own["cpu"]["collector"], "/CPU s", False, "munin-update",
            peer, 130e3, 650e3),
        Row("fleet_kept", "the same, judged and archived: all roles", fields / cpu, "/CPU s", False, "munin-update", peer),
        Row("fleet_values_a_write", "values written into a file at once", own["values_a_write"], "", False),
        Row("fleet_made", "until all files were made", own["made_s"], "s", True),
    ] + [Row(f"fleet_{role}", f"of the CPU that {role}", 100 * value, "%", True) for role, value in sorted(own["cpu"].items())]


def hold(repeat):
    """250,000 series a minute, all nodes well, held for half an hour (three quarters of an hour in all, 13 GB)"""
    del repeat
    need_disk(FLEET_DISK)
    own = fleets.magpie(1000, 25, 10, sick_percent=0, settle_s=120, measure_s=1800)
    cpu, memory = sum(own["cpu"].values()), sum(own["memory_mb"].values())
    return [
        Row("hold_on_time", "rounds on time", 100 * fleets.on_time(own["seen"]), "%", False, budget=99.9),
        Row("hold_written", "of its values written to files within it", 100 * own["values"] / (own["series"] * 30), "%", False),
        Row("hold_cpu", "CPU of all roles, of one core", 100 * cpu, "%", True, budget=50, aim=25),
        Row("hold_memory", "memory of all roles (PSS)", memory, "MB", True, budget=1500, aim=1000),
        Row("hold_writes", "writes of the block device", own["writes_s"], "/s", True),
        Row("hold_bytes", "written by them", own["bytes_s"] / 1e6, "MB/s", True),
        Row("hold_values_a_write", "values written into a file at once", own["values_a_write"], "", False),
    ] + [Row(f"hold_{role}", f"of the CPU that {role}", 100 * value, "%", True) for role, value in sorted(own["cpu"].items())]


def sizes(repeat):
    """cost per series, 10,000 and 50,000 of them, a value a minute each (a quarter of an hour, 3 GB)"""
    del repeat
    need_disk(5 << 30)
    return size_rows(40) + size_rows(200)


def sizes_large(repeat):
    """the same with 250,000 and 500,000 (three quarters of an hour, 25 GB)"""
    del repeat
    need_disk(30 << 30)
    return size_rows(1000) + size_rows(2000)


def size_rows(nodes):
    own = fleets.magpie(nodes, 25, 10, sick_percent=0, settle_s=60, measure_s=300)
    series = own["series"]
    return [
        Row(f"sizes_cpu_{nodes}", f"{series // 1000}k series: CPU of all roles per value",
            1e6 * sum(own["cpu"].values()) * 60 / series, "us", True),
        Row(f"sizes_memory_{nodes}", "… memory of all roles (PSS) per series",
            1024 * sum(own["memory_mb"].values()) / series, "kB", True),
        Row(f"sizes_writes_{nodes}", "… writes of the block device", own["writes_s"], "/s", True),
    ]


def need_disk(least):
    if shutil.disk_usage(tempfile.gettempdir()).free < least:
        raise SystemExit(f"{least >> 30} GiB are needed for archives in {tempfile.gettempdir()}")


FLEET_DISK = 16 << 30
CLIENTS = latency.TURNS
DRAWN = {"": "forked rrdtool", "_once": "munin-cgi-graph", "_warm": "… warm, FastCGI"}
BENCHES = {bench.__name__: bench
           for bench in (host_sample, judge, memory, rrd_write, png, data, export, start, start_250k, life, probe, munin, ui,
                         fleet, hold, sizes, sizes_large)}
ONLY_BY_NAME = {"hold", "sizes", "sizes_large"}  # long ones
