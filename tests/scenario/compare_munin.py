"""The built-in plugins beside the stock ones of Debian's munin-node on this machine: same graphs, same fields in the same
order, same attributes but for the texts, and values that agree.

Counters have to lie between two readings of ours. Gauges have to lie within one percent or one count of what two readings
of ours span; the few that the stock plugin itself moves (it is a shell script with a dozen children) get room for that.
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

STOCK = "/usr/share/munin/plugins"
SKIPPED = 77
OWN = {"pressure"}  # graphs that Munin does not have
TEXTS = {"info", "graph_info", "extinfo", "unit"}
# plugins that ask programs running here, or hardware that has a tool of its own
NOT_OF_THE_HOST = re.compile(r"(munin|exim|postfix|sendmail|qmail|courier|mysql|postgres|pgbouncer|nginx|apache|tomcat|squid|varnish|"
                             r"memcached|redis|bind9|slapd|cups|fail2ban|ntp|apt|smart|hddtemp|sensors|ipmi|nvidia|nfs|snmp)")
ATTEMPTS = 8
MIB = 1 << 20

# what a run of the stock plugin adds to a gauge by itself
ROOM = {
    "processes": 12, "threads": 12, "vmstat": 12, "open_files": 120, "open_inodes": 400, "load": 0.5, "proc_pri": 3,
    "uptime": 0.01, "tcp": 6, "fw_conntrack": 6, "fw_forwarded_local": 6, "df": 0.1, "df_inode": 0.01,
    "memory": 64 * MIB, "netstat": 6,
}


class Dump:
    """Our plugins, sampled when told."""

    def __init__(self):
        self.process = subprocess.Popen([os.environ["DUMP_HOST"]], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        answer = []
        for text in self.process.stdout:
            if text == ".\n":
                return answer
            answer.append(text.rstrip("\n"))
        raise RuntimeError("dump_host ended")

    def fetch(self, plugin):
        self.ask("sample")
        return values_of(plugin, self.ask(f"fetch {plugin}"))

    def close(self):
        self.process.stdin.close()
        self.process.wait(10)


class Stock:
    """The stock plugins, run as munin-node would run them."""

    def __init__(self, directory):
        self.directory = directory

    def run(self, plugin, *arguments):
        file = plugin
        for wildcard in ("if_err_", "if_"):
            if plugin.startswith(wildcard):
                file = wildcard
                break
        link = os.path.join(self.directory, plugin)
        if not os.path.lexists(link):
            os.symlink(os.path.join(STOCK, file), link)
        environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C", "MUNIN_LIBDIR": "/usr/share/munin",
                       "MUNIN_PLUGSTATE": self.directory, "MUNIN_STATEFILE": os.path.join(self.directory, plugin + ".state"),
                       "MUNIN_CAP_MULTIGRAPH": "1"}
        done = subprocess.run([link, *arguments], env=environment, capture_output=True, text=True, timeout=60, check=False)
        return done.stdout.splitlines()

    def fetch(self, plugin):
        return values_of(plugin, self.run(plugin))


def each_line(plugin, lines):
    graph = plugin
    for line in lines:
        word, _, rest = line.strip().partition(" ")
        if word == "multigraph":
            graph = rest.strip()
        elif word and not word.startswith("#"):
            yield graph, word, " ".join(rest.split())


def values_of(plugin, lines):
    values = {}
    for graph, word, rest in each_line(plugin, lines):
        field, _, key = word.partition(".")
        if key == "value":
            values[graph, field] = None if rest == "U" else float(rest)
    return values


def graphs_of(plugin, lines):
    """graph -> (attributes, field -> attributes), as Munin understands them."""
    graphs = {}
    for graph, word, rest in each_line(plugin, lines):
        attributes, fields = graphs.setdefault(graph, ({}, {}))
        field, dot, key = word.partition(".")
        if not dot:
            if word not in TEXTS:
                attributes.setdefault(word, rest)
        elif key not in TEXTS:
            fields.setdefault(field, {"type": "GAUGE"})[key] = number(rest)
    return graphs


def number(text):
    try:
        return float(text)
    except ValueError:
        return text


class Tally:
    failed = 0

    def check(self, good, what):
        print(("ok      " if good else "FAILED  ") + what)
        self.failed += not good
        return good


def compare_declarations(tally, plugin, ours, stock):
    tally.check(set(ours) == set(stock), f"{plugin}: graphs {sorted(set(ours) ^ set(stock)) or 'agree'}")
    for graph in sorted(set(ours) & set(stock)):
        differ = {key: (ours[graph][0].get(key), stock[graph][0].get(key))
                  for key in ours[graph][0].keys() | stock[graph][0].keys()
                  if ours[graph][0].get(key) != stock[graph][0].get(key)}
        tally.check(not differ, f"{graph}: attributes of the graph (ours, stock): {differ or 'agree'}")
        names = list(ours[graph][1]), list(stock[graph][1])
        tally.check(sorted(names[0]) == sorted(names[1]), f"{graph}: fields {names[0] if names[0] != names[1] else 'agree'}")
        if "graph_order" not in stock[graph][0]:
            tally.check(names[0] == names[1], f"{graph}: order of fields")
        for field in names[1]:
            mine, theirs = ours[graph][1].get(field, {}), stock[graph][1][field]
            if mine != theirs:
                tally.check(False, f"{graph}.{field}: ours {mine}, stock {theirs}")


def agree(kind, low, value, high, room):
    """Whether the stock value fits between two of ours."""
    if low is None or high is None or value is None:
        return low is None and value is None
    if kind in ("DERIVE", "COUNTER"):
        return min(low, high) - 1 <= value <= max(low, high) + 1
    slack = max(0.01 * max(abs(low), abs(high)), room)
    return min(low, high) - slack <= value <= max(low, high) + slack


def compare_values(tally, plugin, dump, stock, graphs):
    """Values move while they are read; one try in which all agree at once is proof enough."""
    for attempt in range(ATTEMPTS):
        before, value, after = dump.fetch(plugin), stock.fetch(plugin), dump.fetch(plugin)
        wrong = {}
        for key in before.keys() | value.keys():
            kind = graphs[key[0]][1].get(key[1], {}).get("type", "GAUGE") if key[0] in graphs else "GAUGE"
            row = before.get(key), value.get(key), after.get(key)
            if key not in before or key not in value or not agree(kind, *row, ROOM.get(plugin, 1)):
                wrong[key] = row
        if not wrong:
            break
        time.sleep(0.3 * attempt)
    tally.check(not wrong, f"{plugin}: {len(value)} values (ours, stock, ours): {wrong or 'agree'}")


def work_the_disk(directory):
    path = os.path.join(directory, "work")
    for _ in range(40):
        with open(path, "wb") as file:
            file.write(os.urandom(256 * 1024))
            file.flush()
            os.fsync(file.fileno())
    os.remove(path)


def disk_values_differ(ours, stock, seconds):
    wrong = {}
    for key in ours.keys() | stock.keys():
        mine, theirs = ours.get(key), stock.get(key)
        if mine is None or theirs is None:
            wrong[key] = mine, theirs
            continue
        ratio = any(part in key[1] for part in ("wait", "svctm", "rqsz"))
        # stock counts whole seconds, so its rates are off by up to one of them
        slack = 0.01 if ratio else 0.01 + 1.0 / seconds
        if abs(mine - theirs) > max(slack * max(abs(mine), abs(theirs)), 0.0005 if ratio else 0.2):
            wrong[key] = mine, theirs
    return wrong


def compare_disks(tally, dump, directory):
    """Rates over the same span: the disk works in its middle, so that the edges do not matter."""
    seconds = 10
    for attempt in range(4):
        state = os.path.join(directory, f"disks{attempt}")
        os.mkdir(state)
        stock = Stock(state)
        stock.run("diskstats")
        dump.ask("sample")
        begun = time.monotonic()
        time.sleep(2)
        work_the_disk(directory)
        time.sleep(max(0, begun + seconds - time.monotonic()))
        value = stock.fetch("diskstats")
        ours = dump.fetch("diskstats")
        wrong = disk_values_differ(ours, value, seconds)
        if not wrong and value:
            break
    tally.check(not wrong and value, f"diskstats: {len(value)} values (ours, stock): {wrong or 'agree'}")


def suggested():
    """Plugins that munin-node-configure would switch on here, wildcards written out."""
    done = subprocess.run(["munin-node-configure", "--suggest"], capture_output=True, text=True, timeout=120, check=False)
    names = []
    for line in done.stdout.splitlines():
        match = re.match(r"(\S+)\s+\|\s*\w+\s*\|\s*yes\s*(?:\(([^)]*)\))?", line)
        if match and match.group(1).endswith("_"):
            names += [match.group(1) + word for word in (match.group(2) or "").split() if not word.startswith(("+", "-"))]
        elif match:
            names.append(match.group(1))
    return names


def has_stock(plugin):
    return any(os.path.exists(os.path.join(STOCK, name)) for name in (plugin, re.sub(r"^(if_err_|if_).*", r"\1", plugin)))


def main():
    if not os.path.isdir(STOCK) or not shutil.which("munin-node-configure"):
        print("munin-node is not installed")
        return SKIPPED
    tally = Tally()
    with tempfile.TemporaryDirectory(prefix="compare-munin.") as directory:
        dump, stock = Dump(), Stock(directory)
        offered = dump.ask("list")
        missing = [name for name in suggested() if name not in offered and not NOT_OF_THE_HOST.match(name)]
        tally.check(not missing, f"every plugin of the host that Munin suggests is built in (missing: {missing or 'none'})")
        for plugin in offered:
            if plugin in OWN:
                continue
            if not tally.check(has_stock(plugin), f"{plugin}: has a stock plugin"):
                continue
            theirs = graphs_of(plugin, stock.run(plugin, "config"))
            compare_declarations(tally, plugin, graphs_of(plugin, dump.ask(f"config {plugin}")), theirs)
            if plugin != "diskstats":
                compare_values(tally, plugin, dump, stock, theirs)
        compare_disks(tally, dump, directory)
        dump.close()
    print(f"{tally.failed} failed")
    return 1 if tally.failed else 0


if __name__ == "__main__":
    sys.exit(main())
