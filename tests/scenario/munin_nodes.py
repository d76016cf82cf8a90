"""Real munin-nodes as sources: Debian's munin-node with stock and odd plugins, polled by munin-update and by Magpie: the same
files, with the same structure and values; its virtual hosts; all modes of TLS, with and without key; the node written in C;
munin-async and its spool."""
import os
import pathlib
import re
import socket
import subprocess
import threading
import time

import munin
import support
from support import Server, check, wait_for

HOST = "node1.example.com"
STOCK = ["cpu", "df", "diskstats", "entropy", "forks", "interrupts", "load", "memory", "netstat", "open_files", "processes", "swap",
         "uptime", "users", "vmstat"]
CONFIG = '[ "$1" = config ] && { printf \'%s\'; exit %d; }\n'


def script(config, values, config_code=0, code=0):
    return f"#!/bin/sh\n{CONFIG % (config, config_code)}printf '{values}'\nexit {code}\n"


ODD = {
    "o_multi": script("multigraph o_top\\ngraph_title Top\\nrecv.label r\\nrecv.type DERIVE\\nrecv.min 0\\nsend.label s\\n"
                      "send.type COUNTER\\nsend.max 1000\\nmultigraph o_top.sub_1\\na.label a\\na.warning 10\\n"
                      "multigraph o_top.sub_1.deep\\nb.label b\\nb.type ABSOLUTE\\nmultigraph o-dash\\nc.label c\\n",
                      "multigraph o_top\\nrecv.value 100\\nsend.value 200\\nmultigraph o_top.sub_1\\na.value 11\\n"
                      "multigraph o_top.sub_1.deep\\nb.value 3\\nmultigraph o-dash\\nc.value 4\\n"),
    "o_values": script("graph_title Values\\ngraph_category test cat\\nu.label u\\nsci.label sci\\nsmall.label small\\nneg.label neg\\n"
                       "neg.min -10\\ntext.label text\\nbad-name.label dash\\n1num.label num\\nnolabel.type GAUGE\\n"
                       "latin.label caf\\351\\n",
                       "u.value U\\nsci.value 1.5e+10\\nsmall.value 1.5e-7\\nneg.value -3.25\\ntext.value hello\\nbad-name.value 5\\n"
                       "1num.value 6\\nnolabel.value 3\\nlatin.value 1\\nundeclared.value 9\\n"),
    "o_dot.name": script("graph_title D\\nd.label d\\n", "d.value 7\\n"),
    "o_fail": script("graph_title F\\nf.label f\\n", "f.value 1\\n", code=3),
    "o_cfgfail": script("graph_title F\\nf.label f\\n", "f.value 1\\n", config_code=1),
    "o_router": script("host_name router1.example.com\\ngraph_title H\\nh.label h\\nh.type DERIVE\\nh.min 0\\n", "h.value 3\\n"),
    "o_dirty": """#!/bin/sh
now=$(date +%s); now=$((now - now % 60))
[ "$1" = config ] && printf 'graph_title Dirty\\nd.label d\\nupdate_rate 60\\n'
[ "$1" = config ] && [ "$MUNIN_CAP_DIRTYCONFIG" = 1 ] && printf "d.value $((now - 60)):5\\nd.value $now:6\\n"
[ "$1" = config ] || echo d.value 6
exit 0
""",
}
FIXED = {  # file -> last value that was stored
    "o_top-recv-d": 100, "o_top-send-c": 200, "o_top-sub_1-a-g": 11, "o_top-sub_1-deep-b-a": 3, "o-dash-c-g": 4,
    "o_values-sci-g": 1.5e10, "o_values-small-g": 1.5e-7, "o_values-neg-g": -3.25, "o_values-bad_name-g": 5,
    "o_values-_num-g": 6, "o_values-nolabel-g": 3, "o_dot_name-d-g": 7, "o_dirty-d-g": 6,
}


def configuration(port, extra="", interval="2s", layout="normal"):
    return (f'layout {layout}\ndefault_rules no\n'
            f'host {HOST} {{ group "Grp/Sub"; munin "127.0.0.1:{port}"; interval {interval}; {extra} }}\n')


def structure(path):
    """What `rrdtool info` says of a file's form: step, heartbeat, type, limits, archives; and its last value."""
    text = subprocess.run(["rrdtool", "info", path], capture_output=True, text=True, timeout=30, check=True).stdout
    keys = r"^(step|ds\[42\]\.(?:type|minimal_heartbeat|min|max)|rra\[\d+\]\.(?:cf|rows|pdp_per_row|xff)) = (.*)$"
    form = sorted(re.findall(keys, text, re.M))
    last = re.search(r'ds\[42\]\.last_ds = "(.*)"', text).group(1)
    return form, last


def files(root):
    return {str(path.relative_to(root)): path for path in pathlib.Path(root).rglob("*.rrd")}


def source(server, host=HOST, kind="munin"):
    answer = server.try_api("sources")
    found = [s for s in (answer or {}).get("sources", []) if s["host"] == host and s["id"].split("/")[1] == kind]
    return found[0] if found else {}


def wait_source(server, state, host=HOST, seconds=40):
    return wait_for(lambda: (lambda s: s.get("state") in state and s)(source(server, host)), seconds, f"source of {host} is {state}")


def same_as_munin_update(peer):
    port = peer.start_node(HOST)
    peer.update({f"Grp;Sub;{HOST}": (port, "use_node_name yes"), "Grp;router1.example.com": (port, "use_node_name no")})
    router = f'host router1.example.com {{ group Grp; munin "127.0.0.1:{port}"; node_name router1.example.com; interval 2s }}\n'
    with Server(configuration(port) + router) as server:
        state = wait_source(server, ("ok", "complaining"))
        check(state["version"].startswith("munin-node 2.0"), f"the version is known: {state['version']}")
        complaints = {c["plugin"]: c["error"] for c in state["complaints"]}
        check("ended with an error" in complaints.get("o_fail", ""), f"a failing plugin says so: {complaints}")
        check("ended with an error" in complaints.get("o_cfgfail", ""), "so does one whose config fails")
        check("hello" in complaints.get("o_values", ""), "so does a value that is none")
        expected = files(peer.root / "db")
        check(len(expected) > 60, f"munin-update made {len(expected)} files")
        tree = server.data / "rrd"

        def missing():
            return {name for name in expected if name not in files(tree)}
        # munin-update makes a file for a value that is none; nobody can draw it
        known = {f"Grp/Sub/{HOST}-o_values-text-g.rrd", f"Grp/Sub/{HOST}-o_fail-f-g.rrd"}
        wait_for(lambda: not missing() - known, 60, "all files of munin-update are there too")
        check(True, f"Magpie made all of them ({len(files(tree))})")
        own = {name for name in files(tree) if name.startswith("Grp/") and "-node-" not in name} - set(expected)
        check(own <= known, f"and no others beside them {own - known or ''}")
        same_structure(expected, tree)
        peer.update({f"Grp;Sub;{HOST}": (port, "use_node_name yes"), "Grp;router1.example.com": (port, "use_node_name no")})
        same_values(expected, tree)
        node_dies_and_returns(peer, server, port)


def same_structure(expected, tree):
    own = files(tree)
    for name, path in expected.items():
        if name in own:
            theirs, ours = structure(path)[0], structure(own[name])[0]
            if theirs != ours:
                check(False, f"{name}: {sorted(set(theirs) ^ set(ours))}")
    check(True, "type, limits, heartbeat, step and archives are the same in all files")


def same_values(expected, tree):
    """Values that stand still are equal; of those that move the rest of the tree is an order of magnitude."""
    def different():
        wrong = []
        for end, value in FIXED.items():
            name = f"Grp/Sub/{HOST}-{end}.rrd"
            theirs, ours = structure(expected[name])[1], structure(tree / name)[1]
            if float(ours) != value or float(theirs) != value:
                wrong.append((end, theirs, ours))
        return wrong
    wait_for(lambda: not different(), 40, f"fixed values are equal: {different()}")
    check(True, f"{len(FIXED)} fixed values are the same in both trees")
    moving = 0
    for end, tolerance in (("uptime-uptime-g", 0.02), ("open_files-max-g", 0), ("memory-slab-g", 0.3), ("forks-forks-d", 0.05),
                           ("cpu-idle-d", 0.05)):
        name = f"Grp/Sub/{HOST}-{end}.rrd"
        if name in expected:
            theirs, ours = float(structure(expected[name])[1]), float(structure(tree / name)[1])
            check(abs(theirs - ours) <= tolerance * max(abs(theirs), 1), f"{end}: {theirs} beside {ours}")
            moving += 1
    check(moving >= 3, "values that move are near each other")


def node_dies_and_returns(peer, server, port):
    peer.stop_node()
    state = wait_for(lambda: (lambda s: s.get("error", "").startswith("connect: ") and s)(source(server)), 40, "connect fails")
    check(state["state"] == "failing", f"a node that is gone is failing: {state['error']}")
    services = server.api(f"hosts/{HOST}")["services"]
    check(len(services) > 20, f"and its {len(services)} services are still there")
    check(port > 0, "the node had a port")


def tls(peer):
    """Modes of Magpie beside modes of the node, with and without keys on either side."""
    key, cert = munin.certificate(peer.root / "conf", HOST)
    own_key, own_cert = munin.certificate(peer.root / "conf", "master")
    own_key.chmod(0o600)
    other = munin.certificate(peer.root / "conf", "other.example.com")[1]
    keys = f"tls_private_key {key}\ntls_certificate {cert}\n"
    mine = f'certificate "{own_cert}"; key "{own_key}"; '
    nodes = {"tls auto\n" + keys: None, "tls enabled\n" + keys: None, "tls enabled\n": None, "tls paranoid\ntls_verify_certificate yes\n"
             f"tls_ca_certificate {own_cert}\n" + keys: None, "tls disabled\n": None}
    for settings in nodes:
        other_peer = munin.Munin()
        other_peer.plugin("o_dot.name", ODD["o_dot.name"])
        nodes[settings] = (other_peer, other_peer.start_node(HOST, settings))
    ports = [port for _, port in nodes.values()]
    auto, enabled, keyless, paranoid, plain = ports
    cases = [  # name, port, settings, what its error says (None: it works)
        ("auto-auto", auto, "tls auto; " + mine, None),
        ("auto-auto-bare", auto, "tls auto", None),
        ("off-auto", auto, "tls disabled", None),
        ("enabled-auto", auto, "tls enabled; " + mine, None),
        ("enabled-enabled", enabled, "tls enabled", None),
        ("off-enabled", enabled, "tls disabled", "requires TLS"),
        ("enabled-keyless", keyless, "tls enabled; " + mine, None),
        ("enabled-nokeys", keyless, "tls enabled", "key"),
        ("paranoid-paranoid", paranoid, f'tls paranoid; ca "{cert}"; ' + mine, None),
        ("paranoid-stranger", enabled, f'tls paranoid; ca "{own_cert}"; ' + mine, "cert"),  # hostile 26
        ("paranoid-wrong", enabled, f'tls paranoid; ca "{other}"; ' + mine, "cert"),
        ("auto-plain", plain, "tls auto; " + mine, None),
        ("enabled-plain", plain, "tls enabled; " + mine, None),  # which speaks it all the same
    ]
    text = "default_rules no\n" + "".join(
        f'host {name} {{ munin "127.0.0.1:{port}"; node_name {HOST}; interval 2s; timeout 2s; {settings} }}\n'
        for name, port, settings, _ in cases if not name.startswith("paranoid-paranoid"))
    # the name in the certificate is the host's
    text += "".join(f'host {HOST} {{ munin "127.0.0.1:{port}"; interval 2s; timeout 2s; {settings} }}\n'
                    for name, port, settings, _ in cases if name.startswith("paranoid-paranoid"))
    with Server(text) as server:
        for name, _, _, error in cases:
            host = HOST if name.startswith("paranoid-paranoid") else name
            if error is None:
                wait_source(server, ("ok",), host)
                last = wait_for(lambda h=host: value(server, f"{h}:o_dot_name:d"), 20, f"values of {host}")
                check(last == 7, f"TLS {name}: asked")
            else:
                state = wait_source(server, ("failing",), host)
                check(error in state["error"], f"TLS {name}: refused, {state['error']}")
    for other_peer, _ in nodes.values():
        other_peer.stop_node()


def value(server, series):
    found = server.try_api(f"series?match={series}")
    return found["series"][0]["last"]["v"] if found and found["series"] and found["series"][0].get("last") else None


def node_in_c():
    """munin-node-c, whose package conflicts with munin-node: unpacked, and started by inetd's manner for each connection."""
    directory = pathlib.Path(os.environ.get("XDG_CACHE_HOME", "/var/cache")) / "magpie-tests"
    program = directory / "munin-node-c/usr/sbin/munin-node-c"
    if not program.exists():
        directory.mkdir(parents=True, exist_ok=True)
        done = subprocess.run(["apt-get", "download", "munin-node-c"], cwd=directory, capture_output=True, text=True, timeout=60,
                              check=False)
        packages = list(directory.glob("munin-node-c_*.deb"))
        if done.returncode or not packages:
            print("SKIPPED: munin-node-c cannot be had:", done.stderr.strip()[-200:])
            return
        subprocess.run(["dpkg", "-x", packages[0], directory / "munin-node-c"], check=True, timeout=60)
    plugins = support.temporary_directory() / "plugins"
    plugins.mkdir()
    for name, text in (("o_multi", ODD["o_multi"]), ("o_dotless", ODD["o_dot.name"]), ("o_fail", ODD["o_fail"])):
        (plugins / name).write_text(text)
        (plugins / name).chmod(0o755)
    support.make_reachable(plugins)  # it gives up root's rights
    listening = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=serve_each, args=(listening, [program, "-d", plugins, "-H", HOST]), daemon=True).start()
    with Server(configuration(listening.getsockname()[1])) as server:
        state = wait_source(server, ("ok", "complaining"))
        check(state["version"] == "munin-node-c 0.0.13", f"the node written in C is asked: {state['version']}")
        check(wait_for(lambda: value(server, f"{HOST}:o_top.sub_1:a"), 20, "its values") == 11, "values of its plugins are there")
        check(value(server, f"{HOST}:o_dotless:d") == 7, "of plain ones too")
    listening.close()


def serve_each(listening, command):
    """Starts the command for each connection, as inetd does."""
    while True:
        try:
            connection, _ = listening.accept()
        except OSError:
            return
        with connection:
            subprocess.run(command, stdin=connection, stdout=connection, stderr=subprocess.DEVNULL, timeout=30, check=False)


def spool(peer):
    """munin-asyncd spools from a munin-node; munin-async is asked over cmd:// and gives what was missed meanwhile."""
    peer.plugin("o_multi", ODD["o_multi"])
    port = peer.start_node(HOST)
    spool_dir = peer.root / "spool"
    daemon = peer.start(munin.ASYNCD, "--spool", spool_dir, "--host", f"127.0.0.1:{port}", "--minrate", "2", "--nocleanup")
    try:
        wait_for(lambda: "".join(p.read_text(errors="replace") for p in spool_dir.glob("munin-daemon.*")).count("c.value 4") >= 3, 60,
                 "munin-asyncd spools")
    finally:
        munin.Munin.stop(daemon)
        peer.stop_node()
    command = f"cmd:///usr/share/munin/munin-async --spooldir {spool_dir} --hostname {HOST} --spoolfetch"
    with Server(f'default_rules no\nhost {HOST} {{ munin "{command}"; interval 2s; timeout 2s }}\n') as server:
        wait_source(server, ("ok", "complaining"))
        check(wait_for(lambda: value(server, f"{HOST}:o_top.sub_1:a"), 20, "spooled values") == 11, "spooled values are there")


def main():
    munin.needed(munin.NODE, munin.UPDATE, munin.ASYNCD)
    peer = munin.Munin()
    for name in STOCK:
        peer.link(name, name)
    peer.link("if_lo", "if_")
    peer.link("if_err_lo", "if_err_")
    for name, text in ODD.items():
        peer.plugin(name, text)
    began = time.monotonic()
    same_as_munin_update(peer)
    tls(peer)
    spool(munin.Munin())
    node_in_c()
    print(f"took {time.monotonic() - began:.0f} s")


main()
