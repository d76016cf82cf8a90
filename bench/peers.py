"""The programs Magpie is measured beside, run privately from their Debian packages: every function returns a figure
of the peer on this machine, now, or None where the peer is not installed. Each states what it counts."""

import os
import resource
import shutil
import statistics
import subprocess
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor

MUNIN_PLUGINS = "/usr/share/munin/plugins"
# What Magpie's host plugins cover and stock Munin has as one plugin each.
MUNIN_SUBSET = ["cpu", "df", "df_inode", "diskstats", "entropy", "forks", "interrupts", "irqstats", "load", "memory",
                "netstat", "open_files", "open_inodes", "processes", "proc_pri", "swap", "threads", "uptime", "users"]
COLLECTD_PLUGINS = ["cpu", "df", "disk", "entropy", "interface", "irq", "load", "memory", "processes", "swap", "uptime",
                    "users", "vmem", "contextswitch", "conntrack", "protocols"]


def children_cpu():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def process_cpu(pid):
    """CPU seconds of a process, all of its threads that are alive."""
    total = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/schedstat", encoding="ascii") as f:
            total += int(f.read().split()[0])
    return total / 1e9


def family_cpu(pid):
    """CPU seconds of a process and of its children, as far as they are alive."""
    total = process_cpu(pid)
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/children", encoding="ascii") as f:
            total += sum(family_cpu(int(child)) for child in f.read().split())
    return total


def cpu_ms(call, count, spent=children_cpu):
    """CPU milliseconds of one call(), as spent() counts seconds."""
    before = spent()
    for _ in range(count):
        call()
    return (spent() - before) * 1000 / count


def munin_plugins_cpu_ms(rounds=3):
    """CPU milliseconds of one `fetch` of the stock plugins for what we sample in process: fork, exec, interpreter."""
    runner = shutil.which("munin-run")
    if not runner:
        return None
    figures = []
    state = tempfile.mkdtemp(prefix="magpie-bench-")
    env = dict(os.environ, MUNIN_LIBDIR="/usr/share/munin", MUNIN_PLUGSTATE=state, LC_ALL="C",
               MUNIN_STATEFILE=os.path.join(state, "state"), MUNIN_CAP_MULTIGRAPH="1", MUNIN_MASTER_IP="127.0.0.1")
    for _ in range(rounds):
        before = children_cpu()
        for name in MUNIN_SUBSET:
            subprocess.run([os.path.join(MUNIN_PLUGINS, name)], env=env, stdout=subprocess.DEVNULL,
                           stderr=subprocess.DEVNULL, timeout=30, check=False)
        figures.append((children_cpu() - before) * 1000)
    shutil.rmtree(state, ignore_errors=True)
    return statistics.median(figures)


def collectd_cpu_ms(rounds=20):
    """CPU milliseconds of collectd per round of comparable plugins, at one round a second, writing nothing."""
    program = shutil.which("collectd") or "/usr/sbin/collectd"
    if not os.path.exists(program):
        return None
    with tempfile.TemporaryDirectory(prefix="magpie-bench-") as base:
        conf = os.path.join(base, "collectd.conf")
        with open(conf, "w") as f:
            f.write(f'Hostname "bench"\nFQDNLookup false\nBaseDir "{base}"\nPIDFile "{base}/pid"\nInterval 1\n'
                    "ReadThreads 1\nWriteThreads 1\n")
            f.writelines(f"LoadPlugin {name}\n" for name in COLLECTD_PLUGINS)
        process = subprocess.Popen([program, "-f", "-C", conf], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            time.sleep(3)  # its start is not what is measured
            if process.poll() is not None:
                return None
            before, began = process_cpu(process.pid), time.monotonic()
            time.sleep(rounds)
            return (process_cpu(process.pid) - before) * 1000 / (time.monotonic() - began)
        finally:
            process.terminate()
            process.wait(10)


def spawn(words):
    """One run of a command, which must succeed."""
    subprocess.run(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=30, check=True)


def median_ms(call, count):
    """Median wall milliseconds of call()."""
    taken = []
    for _ in range(count):
        began = time.monotonic()
        call()
        taken.append((time.monotonic() - began) * 1000)
    return statistics.median(taken)


def rate(call, count, clients):
    """Calls a second of call(turn), by so many clients at a time."""
    began = time.monotonic()
    with ThreadPoolExecutor(clients) as pool:
        list(pool.map(lambda i: call(i % clients), range(count)))
    return count / (time.monotonic() - began)


def rrdtool_graph(files):
    """One forked `rrdtool graph` of a day, all files as a stack, 400 x 175."""
    words = ["rrdtool", "graph", "-", "--start", "-1d", "--width", "400", "--height", "175"]
    for i, path in enumerate(files):
        words += [f"DEF:a{i}={path}:42:AVERAGE", f"AREA:a{i}#00CC00:s{i}" + (":STACK" if i else ""),
                  f"GPRINT:a{i}:LAST:%6.2lf%s"]
    return words


def rrdtool_xport(files):
    """One forked `rrdtool xport --json` of a day of all files."""
    words = ["rrdtool", "xport", "--json", "--start", "-1d"]
    for i, path in enumerate(files):
        words += [f"DEF:a{i}={path}:42:AVERAGE", f"XPORT:a{i}:s{i}"]
    return words


def rrdtool_xport_year(files):
    """One forked `rrdtool xport` (XML) of a year of all files: (seconds, CPU seconds)."""
    words = ["rrdtool", "xport", "--start", "-365d", "--maxrows", "200000"]
    for i, path in enumerate(files):
        words += [f"DEF:a{i}={path}:42:AVERAGE", f"XPORT:a{i}:s{i}"]
    before, began = children_cpu(), time.monotonic()
    subprocess.run(words, stdout=subprocess.DEVNULL, timeout=120, check=True)
    return time.monotonic() - began, children_cpu() - before
