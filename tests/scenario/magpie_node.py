"""`magpie node` in place of a munin-node: Debian's munin-update polls it without a complaint and makes the same files, over
all modes of TLS; munin-asyncd spools from it; hundreds ask at once; who is slow or hostile disturbs nobody."""
import concurrent.futures
import os
import pathlib
import re
import signal
import socket
import subprocess
import time

import munin
import support
from support import check, wait_for

HOST = "node1.example.com"
STOCK = ["cpu", "df", "diskstats", "entropy", "forks", "interrupts", "load", "memory", "netstat", "open_files", "processes", "swap",
         "uptime", "users", "vmstat"]
MULTI = """#!/bin/sh
if [ "$1" = config ]; then
printf 'multigraph own_top\\ngraph_title Top\\nrecv.label r\\nrecv.type DERIVE\\nrecv.min 0\\nsend.label s\\nsend.type COUNTER\\n'
printf 'multigraph own_top.sub\\ngraph_title Sub\\na.label a\\na.warning 10\\n'
exit 0
fi
printf 'multigraph own_top\\nrecv.value 100\\nsend.value 200\\nmultigraph own_top.sub\\na.value 11\\n'
"""
DIRTY = """#!/bin/sh
printf 'graph_title Dirty\\nd.label d\\nd.type ABSOLUTE\\n'
[ "$MUNIN_CAP_DIRTYCONFIG" = 1 ] && [ "$1" = config ] && echo d.value 5
[ "$1" = config ] || echo d.value 5
exit 0
"""
ROUTER = """#!/bin/sh
[ "$1" = config ] && { printf 'host_name Router1.example.com\\ngraph_title H\\nh.label h\\nh.type DERIVE\\nh.min 0\\n'; exit 0; }
echo h.value 3
"""
FAILS = """#!/bin/sh
[ "$1" = config ] && { printf 'graph_title F\\nf.label f\\n'; exit 0; }
exit 3
"""
SLEEPS = """#!/bin/sh
[ "$1" = config ] && { printf 'graph_title S\\ns.label s\\n'; exit 0; }
sleep 1
echo s.value 1
"""


class Node:
    """`magpie node` on a free port with the plugins of a private Munin."""

    def __init__(self, peer, *options, settings=None):
        self.port = support.free_port()
        self.log_path = peer.root / "log/magpie-node.log"
        arguments = ["--listen", f"127.0.0.1:{self.port}", "--name", HOST, "--plugins", peer.root / "conf/plugins", "--plugin-conf",
                     peer.root / "conf/plugin-conf.d", "--state", peer.root.parent / "state", *options]
        if settings is not None:
            path = peer.root.parent / "node.conf"
            path.write_text("allow ^127\\.0\\.0\\.1$\n" + settings)
            arguments += ["--config", path]
        self.process = subprocess.Popen([support.magpie_binary(), "node", *map(str, arguments)], stdin=subprocess.DEVNULL,
                                        stdout=open(self.log_path, "ab"), stderr=subprocess.STDOUT)

    def __enter__(self):
        wait_for(lambda: munin.says_banner(self.port) or self.process.poll() is not None, 20, "magpie node answers")
        check(self.process.poll() is None, "magpie node runs")
        return self

    def __exit__(self, kind, value, trace):
        if kind and not issubclass(kind, SystemExit):
            print("---- log of magpie node ----\n" + self.log_path.read_text(errors="replace")[-6000:])
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(20)
        if not kind:
            check(code == 0, "magpie node ended cleanly")

    def files(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))


def prepare():
    peer = munin.Munin()
    for name in STOCK:
        peer.link(name, name)
    peer.link("if_lo", "if_")
    peer.link("if_err_lo", "if_err_")
    for name, script in (("own_multi", MULTI), ("own_dirty", DIRTY), ("own_router", ROUTER)):
        peer.plugin(name, script)
    return peer


def hosts(port):
    return {f"Grp;Sub;{HOST}": (port, "use_node_name yes"), "Grp;router1.example.com": (port, "use_node_name no")}


def poll_twice(peer, port, settings=""):
    complaints = peer.update(hosts(port), settings)
    time.sleep(1.1)
    return complaints + peer.update(hosts(port), settings)


def quiet(complaints, text):
    check(not complaints, "\n  ".join([text, *complaints]))


def same_files(peer):
    """Files and types beside those of a munin-node with the same plugins."""
    port = peer.start_node(HOST)
    complaints = poll_twice(peer, port)
    peer.stop_node()
    stock = peer.files()
    check(len(stock) > 60, f"munin-update made {len(stock)} files from munin-node")
    for line in complaints:
        print("of munin-node:", line)
    peer.forget()
    with Node(peer, "--no-builtin") as node:
        quiet(poll_twice(peer, node.port), "munin-update polls magpie node without ERROR or WARN (external plugins)")
    check(peer.files() == stock, "the files and types are those made from munin-node")
    peer.forget()
    with Node(peer) as node:
        quiet(poll_twice(peer, node.port), "munin-update polls magpie node without ERROR or WARN (built-in plugins)")
    own = peer.files()
    missing = {name: kind for name, kind in stock.items() if own.get(name) != kind}
    check(not missing, f"built-in plugins make every file of the stock ones, with its type {missing or ''}")


def tls(peer):
    """Modes of the node, with and without key, each with a master that goes with it."""
    key, cert = munin.certificate(peer.root.parent, "node")
    master_key, master_cert = munin.certificate(peer.root / "conf", "master")
    keys = f"tls_private_key {key}\ntls_certificate {cert}\n"
    master_keys = f"tls_private_key {master_key}\ntls_certificate {master_cert}\n"
    trust = f"tls_verify_certificate yes\ntls_ca_certificate {cert}\n"
    cases = [
        ("disabled", "tls disabled\n", "tls disabled\n"),
        ("auto with key", "tls auto\n" + keys, "tls auto\n" + master_keys),
        ("auto with key, master in clear", "tls auto\n" + keys, "tls disabled\n"),
        ("auto without key", "tls auto\n", "tls enabled\n" + master_keys),
        ("enabled with key", "tls enabled\n" + keys, "tls enabled\n" + master_keys + trust),
        ("enabled without key", "tls enabled\n", "tls enabled\n" + master_keys),
        ("enabled without key, master verified", f"tls enabled\ntls_verify_certificate yes\ntls_ca_certificate {master_cert}\n",
         "tls enabled\n" + master_keys),
        ("paranoid with key", f"tls paranoid\ntls_verify_certificate yes\ntls_ca_certificate {master_cert}\ntls_match CN=master\n" + keys,
         "tls paranoid\n" + master_keys + trust),
    ]
    for what, node_settings, master_settings in cases:
        peer.forget()
        with Node(peer, "--no-builtin", settings=node_settings + "ignore_file ^(?!own_|load)\n") as node:
            quiet(peer.update(hosts(node.port), master_settings), f"TLS {what}: no ERROR or WARN")
        check(len(peer.files()) == 6, f"TLS {what}: all files are there")
    refuse(peer, keys, master_keys)


def refuse(peer, keys, master_keys):
    """hostile 26: who is not vouched for, or does not want TLS, gets nothing."""
    stranger = "tls paranoid\ntls_verify_certificate yes\ntls_ca_certificate /etc/ssl/certs/ca-certificates.crt\n" + keys
    peer.forget()
    with Node(peer, settings=stranger) as node:
        check(peer.update(hosts(node.port), "tls enabled\n" + master_keys) != [] and not peer.files(),
              "paranoid: a master whose certificate nobody vouches for gets nothing")
        check("I require TLS" in munin.talk(node.port, "list\n"), "paranoid: who speaks in clear is told and gets nothing")
    with Node(peer, settings="tls enabled\n" + keys) as node:
        answer = over_tls(node.port, ["version", "list", "nodes", "quit"])
        check(f"munins node on {HOST} version: magpie-" in answer and "router1.example.com" in answer,
              "version is answered inside TLS")


def over_tls(port, lines):
    import ssl
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    s = socket.create_connection(("127.0.0.1", port), timeout=20)
    s.recv(200)
    s.sendall(b"STARTTLS\n")
    check(s.recv(100) == b"TLS OK\n", "STARTTLS is answered")
    secured = context.wrap_socket(s)
    answer = b""
    for line in lines:
        secured.sendall(line.encode() + b"\n")
    while piece := secured.recv(65536):
        answer += piece
    return answer.decode()


def asyncd(peer):
    """munin-asyncd spools from it."""
    spool = peer.root / "spool/async"
    spool.mkdir()
    peer.own()
    with Node(peer) as node:
        process = peer.start(munin.ASYNCD, "--spool", spool, "--host", f"127.0.0.1:{node.port}", "--interval", "1", "--retain", "1",
                             "--nocleanup")
        try:
            def spooled():
                text = "".join(path.read_text(errors="replace") for path in spool.glob("munin-daemon.*"))
                return "graph_title Top" in text and "own_top.sub" in text and re.search(r"^load\.value ", text, re.M)
            wait_for(spooled, 60, "munin-asyncd has spooled what magpie node said")
            check(True, "munin-asyncd spools from magpie node")
        finally:
            peer.stop(process)


def crowd(peer):
    """Many at once, slow and hostile ones among them (hostile 4, 5, 12, 13, 29)."""
    peer.plugin("own_fails", FAILS)
    peer.plugin("own_sleeps", SLEEPS)
    with Node(peer) as node:
        munin.talk(node.port, "list\n")
        before = node.files()
        idle = [socket.create_connection(("127.0.0.1", node.port), timeout=20) for _ in range(300)]
        for s in idle:
            s.sendall(b"fet")
        hostile = [b"\0" * 500 + b"\n", b"x" * 100000, b"\xff\xfe\n" * 100, b"list " + b"a" * 900 + b"\n", b"fetch ../../etc/passwd\n",
                   b"config $(reboot)\n", b"cap " + b"a " * 450 + b"\n", b"\r\n\r\n", b"STARTTLS\nlist\n", b"fetch own_sleeps\n" * 50]
        for bytes_ in hostile:
            with socket.create_connection(("127.0.0.1", node.port), timeout=20) as s:
                s.settimeout(0.1)
                try:
                    s.sendall(bytes_)
                    s.recv(100)
                except OSError:
                    pass
        started = time.monotonic()
        with concurrent.futures.ThreadPoolExecutor(50) as pool:
            answers = list(pool.map(lambda _: munin.talk(node.port, "cap multigraph\nfetch cpu\nfetch own_multi\nfetch own_sleeps\nquit\n"),
                                    range(200)))
        took = time.monotonic() - started
        good = [a for a in answers if "user.value" in a and "own_top.sub" in a and a.rstrip().endswith("s.value 1\n.")]
        check(len(good) == 200, f"200 masters beside 300 idle and {len(hostile)} hostile ones were answered in {took:.1f} s")
        check(took < 20, "slow plugins were run once for many")
        check("# Bad exit\n.\n" in munin.talk(node.port, "fetch own_fails\n"), "a failing plugin is a bad exit")
        for s in idle:
            s.close()
        wait_for(lambda: node.files() <= before + 2, 15, "all connections are gone again")
        check(True, "nothing is left of them")


def reload(peer):
    path = peer.root / "conf/plugin-conf.d/x"
    peer.plugin("own_env", "#!/bin/sh\necho $word.value 1\n")
    path.write_text("[own_env]\nenv.word before\n")
    with Node(peer) as node:
        check("before.value" in munin.talk(node.port, "fetch own_env\n"), "plugin-conf.d is in force")
        path.write_text("[own_env]\nenv.word after\nuser\n")
        node.process.send_signal(signal.SIGHUP)
        wait_for(lambda: "after.value" in munin.talk(node.port, "fetch own_env\n"), 10, "SIGHUP reads plugin-conf.d again")
        check(":3:1" in node.log_path.read_text() or "x:3" in node.log_path.read_text(), "a wrong line is told with its place")
    path.unlink()


def main():
    munin.needed(munin.UPDATE, munin.NODE, munin.ASYNCD, "/usr/bin/rrdtool")
    peer = prepare()
    same_files(peer)
    tls(peer)
    asyncd(peer)
    crowd(peer)
    reload(peer)


if __name__ == "__main__":
    main()
