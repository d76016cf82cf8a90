"""A Munin is taken over: Debian's munin-update writes a tree, `magpie import munin` reads what there is of it, Magpie goes on
with the same files of the same nodes. What was in the files before is byte for byte in them afterwards, Munin's own tools
still read them, and the history of a node that is dead is drawn."""
import hashlib
import os
import re
import shutil
import subprocess
import time

import munin
import support
from support import Server, check, run_magpie, wait_for

HOST = "node1.example.com"
DEAD = "down.example.com"
PLUGIN = """#!/bin/sh
[ "$1" = config ] && printf 'multigraph a_top\\ngraph_title Top\\nin.label in\\nin.type DERIVE\\nin.min 0\\nout.label out\\n\
out.type COUNTER\\nmultigraph a_top.sub\\ngraph_title Sub\\nx.label x\\nx.warning 10\\nmultigraph a_top.sub.deep\\n\
graph_title Deep\\ny.label y\\ny.type ABSOLUTE\\n'
[ "$1" = config ] || printf "multigraph a_top\\nin.value $(date +%s)\\nout.value $(date +%s)\\nmultigraph a_top.sub\\nx.value 7\\n\
multigraph a_top.sub.deep\\ny.value 3\\n"
"""
CONF = """dbdir {root}/db
htmldir {root}/www
logdir {root}/log
rundir {root}/run
includedir {root}/conf/munin-conf.d
contact.ops.command mail -s "Munin ${{var:host}}" ops@example.com
contact.pager.command /bin/true --host ${{var:host}} "${{var:graph_title}} is ${{var:worst}}"
[Grp;Sub;node1.example.com]
 address 127.0.0.1
 port {port}
 use_node_name yes
 load.graph_title A \\
   continued # comment
 load.load.warning 5
 a_top.sub.x.critical 100\\# no
"""
MORE = """[Grp;Totals]
 update no
 total.graph_title Total load
 total.graph_order sum one={host}:load.load
 total.sum.label sum
 total.sum.sum Grp;Sub;{host}:load.load Grp;Sub;{host}:load.load
[{dead}]
 address 127.0.0.1
 port {dead_port}
 use_node_name yes
"""


def digest(root):
    """Content, times, owners and modes of everything below."""
    found = {}
    for path in sorted(root.rglob("*")):
        st = path.lstat()
        content = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
        found[str(path.relative_to(root))] = (content, st.st_mtime_ns, st.st_uid, st.st_gid, st.st_mode)
    return found


def rrd(path, *command):
    return subprocess.run(["rrdtool", command[0], path, *command[1:]], capture_output=True, text=True, timeout=60, check=True).stdout


def history(path, hours=30):
    """Rows every 300 s up to the present, as if Munin had run that long: the file is made anew with the same structure."""
    info = rrd(path, "info")
    kind = re.search(r'ds\[42\]\.type = "(\w+)"', info).group(1)
    end = int(time.time()) // 300 * 300 - 300
    begin = end - hours * 3600
    archives = [f"RRA:{cf}:0.5:{steps}:{rows}" for steps, rows in ((1, 576), (6, 432), (24, 540), (288, 450))
                for cf in ("MAX", "MIN", "AVERAGE")]
    owner = os.stat(path)
    limits = [re.search(rf"ds\[42\]\.{name} = (\S+)", info).group(1).replace("NaN", "U") for name in ("min", "max")]
    path.unlink()
    subprocess.run(["rrdtool", "create", path, "--start", str(begin - 300), "--step", "300",
                    f"DS:42:{kind}:600:{limits[0]}:{limits[1]}", *archives], check=True, timeout=30)
    times = range(begin, end + 1, 300)
    subprocess.run(["rrdtool", "update", path, *(f"{t}:{(t - begin) // 60 if kind != 'GAUGE' else t % 97}" for t in times)],
                   check=True, timeout=30)
    os.chown(path, owner.st_uid, owner.st_gid)
    os.chmod(path, 0o640)


def rows(path, until):
    """{(consolidation, steps, time): value} of all rows up to a time."""
    found, cf, steps = {}, None, None
    for line in rrd(path, "dump").splitlines():
        if m := re.search(r"<cf>(\w+)", line):
            cf = m.group(1)
        elif m := re.search(r"<pdp_per_row>(\d+)", line):
            steps = int(m.group(1))
        elif (m := re.search(r"/ (\d+) --> <row><v>(\S+)</v>", line)) and int(m.group(1)) <= until:
            found[cf, steps, int(m.group(1))] = m.group(2)
    return found


def make_munin():
    """A node that was polled, a day of history, a node that is dead."""
    peer = munin.Munin()
    for name in ("load", "cpu"):
        peer.link(name, name)
    peer.plugin("a_top", PLUGIN)
    port = peer.start_node(HOST)
    (peer.root / "conf/munin-conf.d").mkdir()
    (peer.root / "conf/munin-conf.d/more").write_text(MORE.format(host=HOST, dead=DEAD, dead_port=port))
    conf = peer.root / "conf/munin.conf"
    conf.write_text(CONF.format(root=peer.root, port=port))
    peer.own()
    for _ in range(2):
        done = peer.run(munin.UPDATE, "--config_file", conf)
    check((peer.root / "db/datafile").exists(), f"munin-update made a tree {done.stderr[-300:]}")
    text = (peer.root / "conf/munin-conf.d/more").read_text()
    (peer.root / "conf/munin-conf.d/more").write_text(text.replace(f" port {port}", f" port {support.free_port()}"))
    for path in (peer.root / "db").rglob("*.rrd"):
        history(path)
    return peer, port


def dry_run(peer, conf):
    before = digest(peer.root)
    done = run_magpie("import", "munin", "--config", conf, "--dry-run", "--output", peer.root / "magpie.conf")
    check(done.returncode == 0, f"a dry run tells what would be done {done.stderr}")
    check(digest(peer.root) == before, "and changes nothing: content, times and owners of all files are the same")
    count = len(list((peer.root / "db").rglob("*.rrd")))
    check("not judged" in done.stdout, "it says that levels tell nobody by themselves")
    check(f"{count} files adopted, 0 unmatched" in done.stdout, f"all {count} files are matched:\n{done.stdout}")
    return count


def unmatched(peer, conf):
    """Files that are nobody's stay, and are told with the reason."""
    db = peer.root / "db"
    good = db / f"Grp/Sub/{HOST}-load-load-g.rrd"
    odd = {"Grp/Sub/stranger-load-load-g.rrd": "unknown host", f"Grp/Sub/{HOST}-load-old-g.rrd": "no such graph or field",
           f"Grp/Sub/{HOST}-load-load-d.rrd": "as well", "Grp/Sub/notes.rrd": "no name"}
    for name in odd:
        shutil.copy(good, db / name)
    (db / "Grp/Sub" / f"{HOST}-load-cut-g.rrd").write_bytes(good.read_bytes()[:5000])
    odd[f"Grp/Sub/{HOST}-load-cut-g.rrd"] = "size"
    (db / "Grp/Sub" / f"{HOST}-load-link-g.rrd").symlink_to(good)
    odd[f"Grp/Sub/{HOST}-load-link-g.rrd"] = "link"
    told = run_magpie("import", "munin", "--config", conf, "--dry-run").stdout
    for name, why in odd.items():
        check(re.search(rf"{re.escape(name)}: .*{why}", told), f"unmatched: {name}: {why}")
        (db / name).unlink()


def imported(peer, conf):
    directory = support.temporary_directory()
    output = directory / "magpie.conf"
    done = run_magpie("import", "munin", "--config", conf, "--output", output)
    check(done.returncode == 0, f"the import is done {done.stdout} {done.stderr}")
    again = run_magpie("import", "munin", "--config", conf, "--output", output)
    check(again.returncode == 1 and "--force" in again.stderr, "a file that is there is not replaced unasked")
    nowhere = run_magpie("import", "munin", "--config", conf, "--dry-run", "--dbdir", peer.root / "nowhere")
    check(nowhere.returncode == 1 and "nowhere" in nowhere.stdout, "a tree that is not there is no success")
    checked = run_magpie("config", "check", "--config", output)
    check(checked.returncode == 0, f"magpie config check passes it {checked.stdout}")
    text = output.read_text()
    for part in ('group "Grp/Sub"', 'email "ops@example.com"', 'override "load"', 'graph_title "A continued"', 'critical "100# no"',
                 'graph "total"', f'sum "Grp;Sub;{HOST}:load.load"', '"--host" "${host}"'):
        check(part in text, f"it holds {part}")
    check(not re.search(r"^# (host|channel|layout|\t)", text, re.M), "nothing had to be left in it as a comment")
    return text


def served(peer, port, text):
    db = peer.root / "db"
    begun = int(time.time())
    files = sorted(db.rglob("*.rrd"))
    last = {path: int(rrd(path, "last")) for path in files}
    before = {path: rows(path, last[path]) for path in files}
    owners = {path: (path.stat().st_uid, path.stat().st_gid, path.stat().st_mode) for path in files}
    peer.stop_node()  # first the history of nodes that do not answer
    config = "default_rules no\n" + text.replace(f'address "127.0.0.1"\n\tmunin', 'address "127.0.0.1"\n\tinterval 2s\n\tmunin')
    with Server(config) as server:
        hosts = {h["host"]: h for h in server.api("hosts")["hosts"]}
        check(HOST in hosts and DEAD in hosts, "hosts are known before any node answers")
        check(hosts[DEAD]["services"] >= 5, "so are the graphs of one that is dead")
        for name in (HOST, DEAD):
            picture = wait_for(lambda n=name: (lambda p: p.status == 200 and p)(server.get(f"/graph/{n}/load.png?from=-1d")), 30,
                               f"a graph of {name}")
            check(len(picture.body) > 5000, f"the history of {name} is drawn")
        values = server.api(f"data?series={HOST}:load:load&from={begun - 86400}&to={begun - 600}&step=300")
        known = [v for v in values["series"][f"{HOST}:load:load"] if v is not None]
        check(len(known) > 250, f"and can be asked for: {len(known)} rows of a day")
        wait_for(lambda: server.get("/graph/Totals/total.png?from=-1d").status == 200, 30, "a graph of other hosts' fields")
        check("a tree of Munin's is adopted" in server.log(), "the adoption is told")
        peer.start_node_again(port)
        path = db / f"Grp/Sub/{HOST}-a_top-sub-x-g.rrd"
        wait_for(lambda: int(rrd(path, "last")) > last[path], 60, "the files go on")
        alive = [p for p in files if p.name.startswith(HOST)]
        wait_for(lambda: all(int(rrd(p, "last")) > last[p] for p in alive), 60, "all files of the node go on")
        check(server.stop() == 0, "a clean end")
    now = [p for p in sorted(db.rglob("*.rrd")) if p.relative_to(db).parts[0] in ("Grp", "example.com") and "-node-" not in p.name]
    check(now == files, f"of the nodes no file came but Magpie's own, none went {set(now) ^ set(files) or ''}")
    for path in files:
        after = rows(path, last[path])
        changed = [k for k, v in before[path].items() if k in after and after[k] != v]
        pushed_out = len(before[path]) - len([k for k in before[path] if k in after])
        if changed or pushed_out > 60:
            check(False, f"{path.name}: {len(changed)} rows are others, {pushed_out} are gone: {changed[:5]}")
        st = path.stat()
        if (st.st_uid, st.st_gid, st.st_mode) != owners[path]:
            check(False, f"{path.name}: owner or mode is another")
    check(True, f"in {len(files)} files every row from before is as it was; owners and modes too")


def peers_read_it(peer, conf):
    picture = peer.root / "www/x.png"
    path = peer.root / f"db/Grp/Sub/{HOST}-a_top-sub-x-g.rrd"
    done = subprocess.run(["rrdtool", "graph", picture, f"DEF:a={path}:42:AVERAGE", "LINE1:a#00ff00"], capture_output=True,
                          text=True, timeout=60, check=False)
    check(done.returncode == 0, f"rrdtool draws it {done.stderr}")
    peer.own()
    last = int(rrd(path, "last"))
    log = peer.root / "log/munin-update.log"
    log.unlink()
    peer.run(munin.UPDATE, "--config_file", conf)
    errors = [e for e in re.findall(r".*\[ERROR\].*", log.read_text(errors="replace")) if DEAD not in e]
    check(not errors and int(rrd(path, "last")) > last, f"munin-update goes on with it again: the way back is open {errors}")


def main():
    munin.needed(munin.UPDATE, munin.NODE)
    if not shutil.which("rrdtool"):
        support.skip("rrdtool is not installed")
    peer, port = make_munin()
    conf = peer.root / "conf/munin.conf"
    try:
        dry_run(peer, conf)
        unmatched(peer, conf)
        text = imported(peer, conf)
        served(peer, port, text)
        peers_read_it(peer, conf)
    finally:
        peer.stop_node()


if __name__ == "__main__":
    main()
