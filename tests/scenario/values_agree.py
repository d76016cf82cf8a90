"""What stands in the RRD files is what Debian's stock plugins deliver in the same span: cpu, memory, df, load, diskstats
and if_*, for three quarters of a minute at an interval of 5 s.

Samples are taken at multiples of the interval. Shortly before and shortly after each the stock plugins are run, so every
row has to lie between two of their readings: gauges each by itself, within one percent or one count; counters by what they
grew over the whole span, within one count and what a sample that is LATE moves over the ends of the span: that share of what
the counter grew in the steps beside them. A reading moves what it reads a little, hence ROOM. What comes or goes meanwhile
(the mounts of other tests) is not compared.
"""
import glob
import os
import subprocess
import time

import archive
import support

STOCK = "/usr/share/munin/plugins"
STEP, ROUNDS = 5, 9
SPAN = STEP * ROUNDS
LATE = 0.05
AFTER = 0.15  # by then the collector has read everything
GAUGES = ["df", "memory", "load"]
ROOM = {"memory": 64 << 20, "df": 0.1, "load": 0.01}
# of diskstats what is a plain rate; a latency or a mean size has no mean over a span
RATES = ("diskstats_iops", "diskstats_throughput", "diskstats_utilization")
RATIO = "rqsz"


def run_stock(directory, plugin, state="state"):
    """{(graph, field): value or None}."""
    link = directory / plugin
    if not link.is_symlink():
        link.symlink_to(os.path.join(STOCK, "if_" if plugin.startswith("if_") else plugin))
    environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C", "MUNIN_LIBDIR": "/usr/share/munin",
                   "MUNIN_PLUGSTATE": str(directory), "MUNIN_STATEFILE": str(directory / f"{plugin}.{state}"),
                   "MUNIN_CAP_MULTIGRAPH": "1"}
    done = subprocess.run([str(link)], env=environment, capture_output=True, text=True, timeout=30, check=False)
    values, graph = {}, plugin
    for line in done.stdout.splitlines():
        word, _, rest = line.strip().partition(" ")
        if word == "multigraph":
            graph = rest.strip()
        elif word.endswith(".value"):
            values[graph, word[:-len(".value")]] = None if rest == "U" else float(rest)
    return values


class Readings:
    """What the stock plugins say around each instant."""

    def __init__(self, directory, plugins):
        self.directory, self.plugins = directory, plugins
        self.before, self.after = {}, {}
        self.lead = 0.5

    def read(self):
        values = {}
        for plugin in self.plugins:
            values.update(run_stock(self.directory, plugin))
        return values

    def around(self, instant):
        """False: the machine was too slow, the readings before did not end in time."""
        time.sleep(max(0, instant - self.lead - time.time()))
        begun = time.time()
        self.before[instant] = self.read()
        ended = time.time()
        self.lead = max(self.lead * 0.7, (ended - begun) * 1.3 + 0.05)
        time.sleep(max(0, instant + AFTER - time.time()))
        self.after[instant] = self.read()
        return ended < instant


def work_the_disk(directory):
    path = directory / "work"
    for _ in range(8):
        with open(path, "wb") as file:
            file.write(os.urandom(256 * 1024))
            file.flush()
            os.fsync(file.fileno())
    path.unlink()


def read_disks(directory, disks, span):
    """The first run of a span leaves its state, the second one gives the rates since then."""
    begun = time.time()
    disks.setdefault(span, []).append((run_stock(directory, "diskstats", span), begun))


def observe(directory, first):
    """Readings of all instants; [(values, begun)] of the disks over an outer and an inner span."""
    interfaces = [f"if_{name}" for name in sorted(os.listdir("/sys/class/net")) if name != "lo"]
    readings = Readings(directory, [*GAUGES, *interfaces, "cpu"])
    disks = {}
    in_time = 0
    for number in range(-1, ROUNDS + 1):
        instant = first + number * STEP
        edge = number in (0, ROUNDS)
        if edge:  # early: it takes a fifth of a second
            time.sleep(max(0, instant - 2.5 - time.time()))
            read_disks(directory, disks, "inner" if number else "outer")
        in_time += readings.around(instant)
        if edge:
            read_disks(directory, disks, "outer" if number else "inner")
        elif number > 0:
            work_the_disk(directory)
    support.check(in_time >= ROUNDS, f"{in_time} of {ROUNDS + 2} readings were in time")
    return readings, disks


def rows(tool, tree, host, key, first):
    """(instant -> value, type letter) of a field's file over the span."""
    graph, field = key
    found = glob.glob(f"{tree}/*/{glob.escape(host)}-{graph.replace('.', '-')}-{field}-[gdca].rrd")
    if not found:
        return None, None
    fetched = archive.rows_of(tool, found[0], "AVERAGE", STEP, first, first + SPAN)
    return {t: float(v) for t, v in fetched.items() if first < t <= first + SPAN}, found[0][-5]


def compare_gauge(key, found, readings):
    """Instants whose row lies outside of the two readings."""
    wrong = []
    for instant, value in found.items():
        pair = readings.before[instant].get(key), readings.after[instant].get(key)
        if None in pair:
            continue
        slack = max(0.01 * max(map(abs, pair)), ROOM.get(key[0], 1))
        if not min(pair) - slack <= value <= max(pair) + slack:
            wrong.append((instant, value, *pair))
    return wrong


def compare_counter(key, found, readings, first):
    """(what it grew by, least and most by the readings) if that does not agree."""
    last = first + SPAN
    grown = sum(found.values()) * STEP
    least = readings.before[last][key] - readings.after[first][key]
    most = readings.after[last][key] - readings.before[first][key]
    slack = 1 + LATE / STEP * sum(readings.after[t][key] - readings.before[t - STEP][key] for t in (first, last))
    return None if least - slack <= grown <= most + slack else (grown, least, most, slack)


def compare_values(tool, server, host, readings, first):
    kinds = {"g": 0, "c": 0}
    for key in sorted(set.intersection(*map(set, [*readings.before.values(), *readings.after.values()]))):
        found, letter = rows(tool, server.data / "rrd", host, key, first)
        name = ":".join(key)
        whole = found and len(found) == ROUNDS and all(v == v for v in found.values())
        if not whole:
            raise AssertionError(f"{name}: not every row is there and known: {found}")
        if letter == "g":
            wrong = compare_gauge(key, found, readings)
            # where programs come and go a value leaves and comes back between two readings
            support.check(len(wrong) <= ROUNDS // 3, f"{name}: {len(found) - len(wrong)} rows agree {wrong}")
        else:
            wrong = compare_counter(key, found, readings, first)
            support.check(wrong is None, f"{name}: grew by {sum(found.values()) * STEP:.0f} {wrong or ''}")
        kinds["g" if letter == "g" else "c"] += 1
    support.check(kinds["g"] > 10 and kinds["c"] > 8, f"{kinds['g']} gauges and {kinds['c']} counters were compared")


def compare_disks(tool, server, host, disks, first):
    """Stock's rates count whole seconds, so they are off by up to one of the span."""
    totals = {}
    for span, ((_, begun), (values, ended)) in disks.items():
        totals[span] = {key: value * (ended - begun) for key, value in values.items() if value is not None}
    compared = 0
    for key in sorted(totals["outer"]):
        if not key[0].startswith(RATES) or RATIO in key[1]:
            continue
        found, _ = rows(tool, server.data / "rrd", host, key, first)
        if found is None:
            continue
        total = sum(found.values()) * STEP
        slack = 0.01 + 1 / SPAN
        least, most = totals["inner"].get(key, 0) * (1 - slack) - 1, totals["outer"][key] * (1 + slack) + 1
        support.check(least <= total <= most, f"{':'.join(key)}: {total:.0f}, stock says {least:.0f} to {most:.0f}")
        compared += total > 0
    support.check(compared > 2, f"{compared} rates of disks that worked were compared")


def scenario():
    if not os.path.isdir(STOCK):
        support.skip("the stock plugins are not installed")
    server = support.Server(f"interval {STEP}s\n")
    with server:
        host = support.wait_for(server.host, 10, "the host is there")
        # three rounds later: counters have a rate, and the first readings have time
        first = (int(time.time()) // STEP + 3) * STEP
        readings, disks = observe(server.directory, first)
        support.check(server.stop() == 0, "it ends cleanly, with everything in the archive")
        tool = archive.Rrdtool()
        compare_values(tool, server, host, readings, first)
        compare_disks(tool, server, host, disks, first)
        tool.close()


support.main(scenario)
