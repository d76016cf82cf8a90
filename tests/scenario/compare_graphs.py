"""Graphs beside those of Debian's munin-graph: for every graph of a private Munin the arguments for rrdtool are the same, one
by one, but for the differences that docs/archive.md lists; and where they are the same, so are the pixels.

The captured lists of the fixtures (MAGPIE_FIXTURES, or shared/fixtures beside the repository) are compared too, if they are
there.
"""
import hashlib
import os
import pathlib
import re
import subprocess
import time

import munin
import support

GRAPH = "/usr/share/munin/munin-graph"
HOST = "node1.example.com"
GROUP = "Grp/Sub"
PERIODS = {"day": (120000, 300), "week": (720000, 1500), "month": (2880000, 7200), "year": (34560000, 86400)}
STOCK = ("cpu", "load", "memory", "df", "diskstats", "entropy", "interrupts", "open_files", "processes", "swap", "users", "uptime")

# Each graph shows something else that Munin can do.
OWN = {
    "mirror": ["graph_args --base 1000", "graph_vlabel bits in (-) / out (+) per ${graph_period}", "graph_order down up", "graph_total all",
               "down.type DERIVE", "down.graph no", "down.cdef down,8,*", "down.label received", "up.type DERIVE", "up.label bps",
               "up.cdef up,8,*", "up.negative down", "up.warning 100:200", "down.line 7"],
    "stacks": ["graph_args -l 0 --base 1024", "graph_order c a b", "graph_total sum of all", "a.draw AREASTACK", "b.draw AREASTACK",
               "c.draw AREASTACK", "a.colour ff00ff", "b.colour COLOUR12"],
    "lines": ["graph_args --logarithmic --rigid -l 1 -u 1000", "graph_scale no", "a.draw LINESTACK2", "b.draw LINESTACK2",
              "c.draw LINE1.5", "a.line 20:ff0000:twenty: yes", "b.line 30", "c.warning :40", "b.label b: with a colon"],
    "periods": ["graph_period minute", "graph_title hits per ${graph_period}", "a.type DERIVE", "b.type GAUGE", "b.cdef b,a,+,2,/",
                "a.cdef a,10,*", "c.type ABSOLUTE"],
    "hours": ["graph_period hour", "graph_printf %3.0lf", "a.type COUNTER"],
    "names": ["a_field_of_a_long_name.label long", "a_field_of_a_long_name.cdef a_field_of_a_long_name,2,*",
              "fifteen_letters.cdef fifteen_letters,a_field_of_a_long_name,+", "short.label s"],
    "hidden": ["graph_order b -a c", "a.label a", "b.skipdraw yes", "d.cdef d,b,-,ABS", "e.cdef e,60,GT,1,0,IF"],
    "future": ["graph_future 30", "a.trend yes", "a.colour 008000", "b.label b"],
    "foretold": ["graph_future 30", "b.predict 86400,12"],
    "options": ["graph_args --alt-autoscale-max --alt-y-grid --units=si --right-axis 0.1:0 --right-axis-label 'a b' -X 3", "a.label a",
                "graph_noscale yes"],
    "upper": ["graph_args --upper-limit 100 -r --lower-limit -5.5 --no-gridfit --units-length 6", "a.extinfo x", "a.draw STACK"],
}

# Graphs of no samples of their own, as munin.conf writes them.
VIRTUAL = """
 together.graph_title Together
 together.graph_order two one
 together.graph_args -l 0
 together.one.label one
 together.one.sum Grp;Sub;node1.example.com:stacks.a Grp;Sub;node1.example.com:stacks.b Grp;Sub;node1.example.com:stacks.c
 together.one.cdef one,2,*
 together.two.label two
 together.two.draw AREA
 together.two.sum Grp;Sub;node1.example.com:lines.a Grp;Sub;node1.example.com:lines.b
 piled.graph_title Piled
 piled.graph_order all
 piled.all.label all
 piled.all.draw AREA
 piled.all.stack x=Grp;Sub;node1.example.com:stacks.a y=Grp;Sub;node1.example.com:lines.a
 lent.graph_title Lent
 lent.graph_order first=Grp;Sub;node1.example.com:stacks.a second=Grp;Sub;node1.example.com:mirror.up
 lent.first.label first
 lent.second.label second
"""


def plugin(lines):
    """A program that says these lines, and values for the fields in them."""
    fields = list(dict.fromkeys(re.match(r"(\w+)\.", line).group(1) for line in lines if re.match(r"\w+\.\w+ ", line)))
    labelled = {line.split(".")[0] for line in lines if re.match(r"\w+\.label ", line)}
    config = lines + [f"{field}.label {field}" for field in fields if field not in labelled]
    if not any(line.startswith("graph_title") for line in lines):
        config.insert(0, "graph_title Graph")
    said = "\n".join(config)
    return (f"#!/bin/sh\nif [ \"$1\" = config ]; then\ncat <<'END'\n{said}\nEND\nelse\n"
            + "".join(f"echo {field}.value {10 * (i + 1)}\n" for i, field in enumerate(fields)) + "fi\n")


def fill(tree, end):
    """Gives every file a history of more than a day, so that there is something to see."""
    for path in sorted(tree.rglob("*.rrd")):
        new = path.with_suffix(".new")
        subprocess.run(["rrdtool", "create", new, "--start", str(end - 300 * 500), "--template", path], check=True, timeout=30)
        seed = int(hashlib.md5(path.name.encode()).hexdigest()[:4], 16)
        counter = path.name.endswith(("-d.rrd", "-c.rrd"))
        values, total = [], 0
        for i in range(500):
            total = total + 300 * (seed % 50 + i % 37) if counter else seed % 90 + 5 + (i * 7) % (13 + seed % 60)
            unknown = 100 < i < 110 and seed % 3 == 0
            values.append(f"{end - 300 * (499 - i)}:{'U' if unknown else total}")
        for at in range(0, len(values), 100):
            subprocess.run(["rrdtool", "update", new, *values[at:at + 100]], check=True, timeout=30)
        os.replace(new, path)


def commands_of(log):
    """{picture: arguments} of every rrdtool command in munin-graph's log."""
    text = log.read_bytes().decode("utf-8", "replace").encode("latin-1", "replace").decode("utf-8", "replace")
    found = {}
    for command in re.findall(r"rrdtool 'graph' '(.*?)'\n(?=\n|\d{4}/|$)", text, re.S):
        arguments = command.split("' \\\n\t'")
        found[arguments[0]] = arguments[1:]
    return found


def number(text):
    try:
        return f"{float(text):.10g}"
    except ValueError:
        return text


def normal(arguments, loose):
    """What is allowed to differ is made the same (docs/archive.md); `loose`: the width of the legend too."""
    result, i = [], 0
    while i < len(arguments):
        argument = arguments[i]
        match = re.fullmatch(r"(--[a-z-]+)=(.*)", argument)
        if match:
            arguments = arguments[:i] + list(match.groups()) + arguments[i + 1:]
            argument = arguments[i]
        i += 1
        if argument in ("--start", "--end", "-W"):
            i += 1
        elif re.match(r"HRULE:", argument):
            value, rest = argument[6:].split("#", 1)
            result.append(f"HRULE:{number(value)}#{rest}")
        elif loose and re.fullmatch(r"COMMENT: +", argument):
            result.append("COMMENT: ")
        elif re.match(r"(LINE[\d.]*|AREA|STACK):", argument):
            argument = argument.replace("legend=", "")
            result.append(re.sub(r" +$", " ", argument) if loose else argument)
        elif argument != "--lazy":
            result.append(number(argument))
    return result


class Ours:
    def __init__(self, datafile, tree, *last):
        self.process = subprocess.Popen([os.environ["DRAW_MUNIN"], datafile, tree, *last], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)

    def ask(self, host, service, start, end, now, title, total=0):
        self.process.stdin.write(f"{host} {service} {start} {end} {now} {total} {title}\n")
        self.process.stdin.flush()
        lines = []
        while (line := self.process.stdout.readline().rstrip("\n")):
            lines.append(line)
        return lines

    def close(self):
        self.process.stdin.close()
        self.process.wait(10)


def compare(name, theirs, ours, loose):
    """Whether they are "equal", or "alike" but for the width of the legend; else says what differs and gives None."""
    if normal(theirs, False) == normal(ours, False):
        return "equal"
    a, b = normal(theirs, loose), normal(ours, loose)
    if a == b:
        return "alike"
    for line in [f"- {x}" for x in a if x not in b] + [f"+ {x}" for x in b if x not in a] or ["(in another order)", *a, "--", *b]:
        print(f"{name}: {line}")
    return None


def pixels(arguments, start, end):
    """The picture of a list, of the same span whoever wrote the list."""
    result, span = [], False
    for argument in arguments:
        if span:
            span = False
        elif argument in ("--start", "--end", "-W"):
            span = True
        elif argument != "--lazy":
            result.append(argument)
    done = subprocess.run(["rrdtool", "graph", "-", "--start", str(start), "--end", str(end), *result], capture_output=True,
                          timeout=60, check=False, env={**os.environ, "TZ": "UTC"})
    return done.stdout if done.returncode == 0 and done.stdout.startswith(b"\x89PNG") else done.stderr.decode()


def captured():
    """The lists in the fixtures, against graphs of the plugins captured with them."""
    place = pathlib.Path(os.environ.get("MAGPIE_FIXTURES", pathlib.Path(__file__).parents[3] / "shared/fixtures")) / "munin"
    if not place.is_dir():
        print("no fixtures: the captured lists are not compared")
        return True
    datafile = support.temporary_directory() / "datafile"
    lines = ["version 2.0.73"]
    for name in ("cpu", "load", "t_multi", "t_values"):
        service, said = name, []
        for line in (place / f"plugins/{name}.config").read_bytes().decode("latin-1" if name != "t_values" else "utf-8",
                                                                         "surrogateescape").splitlines():
            word, _, value = line.partition(" ")
            field, dot, attribute = word.partition(".")
            if word == "multigraph":
                service = value
            elif value and not line.startswith("#") and attribute != "value":
                field = re.sub(r"[^A-Za-z0-9_]", "_", re.sub(r"^[^A-Za-z_]", "_", field)) if dot else field
                said.append((f"{GROUP.replace('/', ';')};{HOST}:{service}.{field}", dot + attribute, value))
        labelled = {field for field, attribute, _ in said if attribute == ".label"}
        unlabelled = dict.fromkeys(field for field, attribute, _ in said if attribute and field not in labelled)
        lines += [f"{field}{attribute} {value}" for field, attribute, value in said if field not in unlabelled]
        lines += [f"{field}.label No .label provided" for field in unlabelled]
    lines += ["Grp;Totals:load2.graph_title Total load", "Grp;Totals:load2.graph_order tl", "Grp;Totals:load2.tl.label total",
              f"Grp;Totals:load2.tl.sum Grp;Sub;{HOST}:load.load Grp;Sub;{HOST}:load.load"]
    datafile.write_bytes("\n".join(lines + [""]).encode("utf-8", "surrogateescape"))
    good = True
    for path in sorted((place / "rrdtool-args").glob("*.args")):
        theirs = path.read_text().splitlines()[1:]
        last = next(a for a in theirs if a.startswith("VRULE:"))[6:].split("#")[0]
        service = path.stem.rsplit("-", 1)[0]
        ours = Ours(datafile, "$ROOT/db", last)
        got = ours.ask("Totals" if service == "load2" else HOST, service, int(last) - 120000, int(last), int(last) + 5, "by day")
        ours.close()
        # their clock was in another zone
        update = re.compile(r"COMMENT:Last update.*")
        good = compare(path.name, [update.sub("COMMENT:Last update", a) for a in theirs],
                       [update.sub("COMMENT:Last update", a) for a in got], service == "t_values") and good
    return good


def scenario():
    munin.needed(GRAPH, munin.UPDATE, munin.NODE)
    good = captured()
    peer = munin.Munin()
    for name, lines in OWN.items():
        peer.plugin(name, plugin(lines))
    for name in STOCK:
        peer.link(name, name)
    port = peer.start_node(HOST)
    virtual = ("update no\n" + VIRTUAL).replace("\n", "\n ")
    peer.update({f"Grp;Sub;{HOST}": (port, "use_node_name yes"), "Grp;Totals": (port, virtual)})
    peer.stop_node()
    db = peer.root / "db"
    now = int(time.time())
    fill(db, now - now % 300)
    peer.own()

    datafile = support.temporary_directory() / "datafile"
    text = (db / "datafile").read_text(errors="replace")
    text += "".join(f"Grp;Totals:{line.strip()}\n" for line in VIRTUAL.strip().splitlines() if "Grp;Totals:" + line.strip() not in text)
    datafile.write_text(text)
    services = sorted(set(re.findall(r"^Grp;Sub;node1\.example\.com:([\w.]+)\.graph_title ", text, re.M)))
    graphs = [(HOST, GROUP, service) for service in services] + [("Totals", "Grp", s) for s in ("together", "piled", "lent")]
    wanted = [f"/{group}/{host}/{service.replace('.', '/')}-{period}.png" for host, group, service in graphs
              for period in (PERIODS if service in ("mirror", "together", "cpu") else ["day"])]
    (db / "graphs").write_text("".join(f"{path}\n" for path in wanted))
    peer.own()
    done = peer.run(GRAPH, "--config", peer.root / "conf/munin.conf", "--debug", timeout=200)
    commands = commands_of(peer.root / "log/munin-graph.log")
    if not commands:
        print(done.stdout[-2000:], done.stderr[-2000:])

    ours = Ours(datafile, str(db))
    counts = {"equal": 0, "alike": 0, None: 0}
    for path in wanted:
        group, host, service, period = re.fullmatch(r"/(Grp/Sub|Grp)/([^/]+)/(.*)-(\w+)\.png", path).groups()
        service = service.replace("/", ".")
        theirs = commands.get(f"{peer.root}/www{path}")
        if not theirs:
            raise AssertionError(f"munin-graph did not draw {path}")
        span = PERIODS[period][0]
        end = int(theirs[theirs.index("--end") + 1])
        got = ours.ask(host, service, end - span, end, now, f"by {period}")
        nested = f"Grp;Sub;{HOST}:{service}." in text and any(s.startswith(service + ".") for s in services)
        result = compare(path, theirs, got, nested)
        counts[result] += 1
        if result == "equal":
            a, b = pixels(theirs, end - span, end), pixels(got, end - span, end)
            if isinstance(a, str) or a != b:
                raise AssertionError(f"{path}: other pixels {a if isinstance(a, str) else ''} {b if isinstance(b, str) else ''}")
    ours.close()
    print(f"{len(wanted)} graphs, {counts['equal']} equal, {counts['alike']} alike")
    support.check(good and not counts[None], "every graph is drawn as Munin draws it")
    support.check(counts["equal"] > 35, "nearly all of them to the pixel")


support.main(scenario)
