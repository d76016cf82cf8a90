"""A fleet of simulated munin-nodes (bench/fleet/fleet.c), of which a share is slow, dead or hostile: asked by the whole
program for minutes, and some of them by munin-update beside it."""
import contextlib
import os
import pathlib
import pwd
import re
import shutil
import signal
import subprocess
import time

import latency
import peers
import support

DEFAULTS = "/usr/share/perl5/Munin/Common/Defaults.pm"
UPDATE = "/usr/share/munin/munin-update"


class Fleet:
    """The simulator; `nodes` are (address, kind) and, when it has ended, `seen` {name: number}."""

    def __init__(self, nodes, plugins, fields, sick_percent, interval_s):
        self.process = subprocess.Popen(
            [latency.BUILD / "bench" / "fleet", *map(str, (nodes, plugins, fields, 0, sick_percent, interval_s))],
            stdout=subprocess.PIPE, text=True)
        self.nodes, self.seen = [], {}
        for line in self.process.stdout:
            words = line.split()
            if words[0] == "ready":
                break
            self.nodes.append((words[2], words[3]))

    def healthy(self):
        return [address for address, kind in self.nodes if kind == "healthy"]

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            out, _ = self.process.communicate(timeout=20)
            self.seen = {words[0]: float(words[1]) for words in map(str.split, out.splitlines()) if len(words) == 2}
        return self.seen

    def cpu_s(self):
        return peers.process_cpu(self.process.pid)


@contextlib.contextmanager
def fleet(*words):
    simulator = Fleet(*words)
    try:
        yield simulator
    finally:
        simulator.stop()


def configuration(simulator, interval_s):
    rows = [f'host node{i}.example.com {{ address "{address.split(":")[0]}"; munin "{address}"; interval {interval_s}s }}'
            for i, (address, _) in enumerate(simulator.nodes)]
    return "layout normal\ndiscover no\n" + "\n".join(rows) + "\n"


def proportional_set_mb(pid):
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
        return sum(int(line.split()[1]) for line in file if line.startswith("Pss:")) / 1024


def device_writes(path):
    """(writes, bytes written) of the block device below a path until now; those of other programs count as well."""
    device = os.stat(path).st_dev
    wanted = (str(os.major(device)), str(os.minor(device)))
    with open("/proc/diskstats", encoding="ascii") as file:
        for words in map(str.split, file):
            if tuple(words[:2]) == wanted:
                return int(words[7]), int(words[9]) * 512
    return 0, 0


def roles_cpu(server):
    return {name: peers.process_cpu(pid) for name, pid in server.roles().items()}


def answering(server, kind, simulator):
    """Share of the nodes of a kind whose source is well, as the server itself says."""
    states = {s["host"]: s["state"] for s in server.api("sources", timeout=60)["sources"]}
    names = [f"node{i}.example.com" for i, (_, k) in enumerate(simulator.nodes) if k == kind]
    return sum(states.get(name) in ("ok", "complaining") for name in names) / max(1, len(names))


def files(server):
    """Files in the archive."""
    return sum(name.endswith(".rrd") for _, _, names in os.walk(server.data / "rrd") for name in names)


def wait_for_files(server, least, at_most_s=900):
    """Until all files are made, which takes minutes: the role gives a share of its time to it. How many seconds. Nodes
    that answer slowly have files beside the `least` of the healthy ones: none came since the last look."""
    began, before = time.monotonic(), 0
    while (now := files(server)) < least or now != before:
        if time.monotonic() - began > at_most_s:
            raise SystemExit(f"{now} files after {at_most_s} s")
        before = now
        time.sleep(10)
    return time.monotonic() - began


def archived(server):
    """(values, writes of files) until now."""
    text = server.get("/metrics", timeout=60).body.decode()
    figures = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    return float(figures["magpie_rrd_values_total"]), float(figures["magpie_rrd_touched_total"])


def magpie(nodes, plugins, fields, sick_percent=20, interval_s=60, settle_s=30, measure_s=240):
    """Figures of a server that asks such a fleet."""
    with fleet(nodes, plugins, fields, sick_percent, interval_s) as simulator:
        server = support.Server(configuration(simulator, interval_s))
        with server:
            series = len(simulator.healthy()) * plugins * fields
            made_s = wait_for_files(server, series)
            time.sleep(settle_s)
            values, writes = archived(server)
            device = device_writes(server.directory)
            before, simulator_before, began = roles_cpu(server), simulator.cpu_s(), time.monotonic()
            time.sleep(measure_s)
            took = time.monotonic() - began
            after = roles_cpu(server)
            device = [(now - then) / took for now, then in zip(device_writes(server.directory), device)]
            written = [now - then for now, then in zip(archived(server), (values, writes))]
            memory = {name: proportional_set_mb(pid) for name, pid in server.roles().items()}
            memory["supervisor"] = proportional_set_mb(server.pid)
            well = answering(server, "healthy", simulator)
            figures = {"cpu": {name: (after[name] - before.get(name, 0)) / took for name in after},
                       "memory_mb": memory, "well": well,
                       "simulator_cpu": (simulator.cpu_s() - simulator_before) / took,
                       "series": series, "made_s": made_s, "writes_s": device[0], "bytes_s": device[1],
                       "values": written[0], "values_a_write": written[0] / max(1, written[1])}
            figures["seen"] = simulator.stop()
        shutil.rmtree(server.directory, ignore_errors=True)
    return figures


def on_time(seen):
    """Share of the gaps between two rounds of a healthy node that were no longer than the interval and some slack."""
    return 1 - (seen["late"] + seen["torn"]) / max(1, seen["gaps"])


def munin_directory(simulator):
    """munin-update's configuration for the healthy nodes, everything in one directory of the user munin."""
    root = support.temporary_directory()
    (root / "lib" / "Munin" / "Common").mkdir(parents=True)
    for name in ("conf", "db", "log", "run", "www", "spool", "plugin-state"):
        (root / name).mkdir()
    text = pathlib.Path(DEFAULTS).read_text(encoding="utf-8")
    for key, name in (("CONFDIR", "conf"), ("HTMLDIR", "www"), ("DBDIR", "db"), ("PLUGSTATE", "plugin-state"),
                      ("SPOOLDIR", "spool"), ("LOGDIR", "log"), ("STATEDIR", "run")):
        text = re.sub(rf"(MUNIN_{key} *= q\{{)[^}}]*", rf"\g<1>{root}/{name}", text)
    (root / "lib" / "Munin" / "Common" / "Defaults.pm").write_text(text, encoding="utf-8")
    hosts = "".join(f"[node{i}.example.com]\n address {address.split(':')[0]}\n port {address.split(':')[1]}\n"
                    f" use_node_name yes\n" for i, address in enumerate(simulator.healthy()))
    (root / "conf" / "munin.conf").write_text(
        f"dbdir {root}/db\nhtmldir {root}/www\nlogdir {root}/log\nrundir {root}/run\n"
        f"tmpldir /etc/munin/templates\nstaticdir /etc/munin/static\nincludedir {root}/conf/none\n{hosts}", encoding="utf-8")
    (root / "conf" / "none").mkdir()
    user = pwd.getpwnam("munin")
    for path in [root, *root.rglob("*")]:
        os.chown(path, user.pw_uid, user.pw_gid)
    support.make_reachable(root)
    return root


def munin_update(nodes, plugins, fields, rounds=2):
    """Fields per CPU second of munin-update, its files made before; None where it is not installed."""
    if not os.path.exists(UPDATE) or os.geteuid():
        return None
    with fleet(nodes, plugins, fields, 0, 60) as simulator:
        root = munin_directory(simulator)
        words = ["setpriv", "--reuid=munin", "--regid=munin", "--clear-groups", "perl", f"-I{root}/lib", UPDATE,
                 f"--config={root}/conf/munin.conf"]
        cpu = 0.0
        for i in range(rounds + 1):
            before = peers.children_cpu()
            done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=300, check=False)
            if done.returncode:
                print(done.stdout.decode(errors="replace")[-500:])
                return None
            cpu += peers.children_cpu() - before if i else 0
            time.sleep(1)
        files = sum(1 for _ in (root / "db").rglob("*.rrd"))
        if files < nodes * plugins * fields:
            return None
    return rounds * nodes * plugins * fields / cpu
