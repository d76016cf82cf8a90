"""Plugins on the server: monitoring-plugins as checks with state and numbers, Munin's plugins, munin-nodes through ssh and
through a command; and plugins that hang, flood, leave something behind or must not be run. Each of the bad ones is held
and says why; nobody else is late."""
import atexit
import datetime
import os
import pathlib
import signal
import subprocess
import time

import munin
import support
from support import check, wait_for

NAGIOS = "/usr/lib/nagios/plugins/"
PLUGINS = "/usr/share/munin/plugins/"
SSHD = "/usr/sbin/sshd"
ASYNC = "/usr/share/munin/munin-async"
MARK = "986.53125"  # seconds that only what is left behind here sleeps


def script(directory, name, text):
    path = directory / name
    path.write_text(text)
    path.chmod(0o755)
    return path


class Sshd:
    """A private sshd that lets one key in, and what ssh as root needs to know of it, in a .ssh of our own."""

    def __init__(self, directory):
        self.port = support.free_port()
        self.home = directory / "ssh"
        self.home.mkdir(mode=0o700)
        for key in ("id", "host"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(self.home / key)], check=True)
        (self.home / "authorized").write_text((self.home / "id.pub").read_text())
        (self.home / "known_hosts").write_text(f"[127.0.0.1]:{self.port} " + (self.home / "host.pub").read_text())
        (self.home / "config").write_text("IdentityFile ~/.ssh/id\nIdentitiesOnly yes\n")
        (self.home / "sshd_config").write_text(
            f"Port {self.port}\nListenAddress 127.0.0.1\nHostKey {self.home}/host\nAuthorizedKeysFile {self.home}/authorized\n"
            f"PidFile {self.home}/pid\nStrictModes no\nUsePAM no\nPermitRootLogin yes\nPasswordAuthentication no\n")
        self.process = None

    def __enter__(self):
        pathlib.Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # sshd wants it, Debian's unit makes it
        self.process = subprocess.Popen([SSHD, "-D", "-f", str(self.home / "sshd_config"), "-E", str(self.home / "log")])
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()


def checks(directory, port):
    shell = '"/bin/sh" "-c" '
    open_to_all = script(directory, "open", "#!/bin/sh\necho OK\n")
    open_to_all.chmod(0o777)
    rows = {
        "disk": f'"{NAGIOS}check_disk" "-w" "1%" "-c" "1%" "-p" "/"',
        "load": f'"{NAGIOS}check_load" "-w" "1000,1000,1000" "-c" "2000,2000,2000"',
        "procs": f'"{NAGIOS}check_procs" "-w" "1:100000"',
        "http": f'"{NAGIOS}check_http" "-I" "$ADDRESS" "-p" "{port}" "-u" "/healthz"',
        "tcp": f'"{NAGIOS}check_tcp" "-H" "$ADDRESS" "-p" "{port}"',
        "full": f'"{NAGIOS}check_procs" "-c" "@0:100000"',
        **{f"dummy{n}": f'"{NAGIOS}check_dummy" "{n}" "said $HOST|n={n};~:1;@5:6;0 label=5ms c=7c bad=1,5"' for n in range(4)},
        "hang": shell + '"trap \'\' TERM; while :; do sleep 1; done"',
        "flood": '"/usr/bin/head" "-c" "10000000" "/dev/zero"',
        "daemon": shell + f'"echo OK; setsid sleep {MARK} & :"',
        "bomb": shell + f'"for i in $(seq 300); do (sleep {MARK} &); done; sleep 5"',
        "missing": f'"{NAGIOS}no_such_plugin"',
        "writable": f'"{open_to_all}"',
    }
    return "".join(f"  check {name} {{ nagios {command} }}\n" for name, command in rows.items())


def plugins(directory):
    fails = script(directory, "fails", "#!/bin/sh\necho a.label A; echo no device >&2; exit 1\n")
    return (f'  plugin load {{ command "{PLUGINS}load" }}\n  plugin memory {{ command "{PLUGINS}memory" }}\n'
            f'  plugin df {{ command "{PLUGINS}df"; user nobody }}\n  plugin diskstats {{ command "{PLUGINS}diskstats" }}\n'
            f'  plugin tester {{ command "{PLUGINS}processes"; environment "processes_warning=:7" }}\n'
            f'  plugin fails {{ command "{fails}" }}\n')


def configuration(directory, spool, ports):
    web_port, node_port, ssh_port = ports
    relay = script(directory, "relay", f"#!/bin/sh\nexec /usr/bin/socat - TCP:127.0.0.1:{node_port}\n")
    common = "  address 127.0.0.1\n  interval 5s\n  timeout 4s\n"
    return (f"host plugins.test {{\n{common}{checks(directory, web_port)}{plugins(directory)}}}\n"
            f"host byssh.test {{\n{common}  munin \"ssh://root@127.0.0.1:{ssh_port}{relay}\"\n}}\n"
            f"host bycmd.test {{\n{common}  munin \"cmd://{relay}\"\n}}\n"
            f"host spool.test {{\n{common}  munin \"ssh://root@127.0.0.1:{ssh_port}{ASYNC} --spooldir {spool} --spoolfetch\"\n}}\n"
            f"host stranger.test {{\n{common}  munin \"ssh://nobody@127.0.0.1:{ssh_port}{relay}\"\n}}\n")


def sources(server):
    answer = server.try_api("sources")
    return {s["id"]: s for s in answer["sources"]} if answer else {}


def moment(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def values(server, match):
    """{series without the host: value}"""
    rows = server.api(f"series?match={match}")["series"]
    return {row["id"].split(":", 1)[1]: row["last"]["v"] for row in rows if row["last"]}


def said(server, name, words):
    """What the source has to say, once these words are in it."""
    try:
        return wait_for(lambda: (s := str(sources(server).get(name))) and words in s and s, 20, f"{words} of {name}")
    except AssertionError as error:
        raise AssertionError(f"{error}: {sources(server).get(name)}") from error


def left_behind():
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            words = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if MARK.encode() in words and b"sleep" in words[0]:
            found.append(int(pid))
    return found


def check_nagios(server):
    def state(name):
        return values(server, "plugins.test:*:*").get(f"check_{name}:state")

    wanted = {"disk": 0, "load": 0, "procs": 0, "http": 0, "tcp": 0, "full": 2, "daemon": 0, "hang": 3, "flood": 0, "bomb": 3,
              **{f"dummy{n}": n for n in range(4)}}
    try:
        wait_for(lambda: all(state(name) == code for name, code in wanted.items()), 40, "states of all checks")
    except AssertionError as error:
        raise AssertionError(f"{error}: {[(n, state(n)) for n, code in wanted.items() if state(n) != code]}") from error
    check(True, "each check has the state its plugin ends with; what hangs or forks without end is unknown")
    now = values(server, "plugins.test:*:*")
    real = os.statvfs("/")
    check(0 < now["check_disk:_"] <= real.f_blocks * real.f_frsize, "check_disk: bytes in use")
    check(now["check_load:load1"] >= 0 and now["check_http:plugin_time"] < 4 and now["check_http:size"] > 0,
          "performance data of check_load and check_http are values")
    check(now["check_dummy2:n"] == 2 and now["check_dummy2:label"] == 0.005 and "check_dummy2:bad" not in now,
          "in base units; a number with a comma is none")
    fields = {f["id"].split(":")[2]: f for f in server.api("series?match=plugins.test:check_dummy2:*")["series"]}
    check(fields["c"]["type"].lower() == "derive", "a counter is one")
    for name, words in {"hang": "no answer within", "bomb": "too many processes", "missing": "No such file",
                        "writable": "others than root"}.items():
        said(server, f"plugins.test/check/{name}", words)
        check(True, f"{name}: its source says \"{words}\"")
    check("check_missing:state" not in {k for k, v in now.items() if v is not None}, "what could not run says nothing")
    said(server, "plugins.test/check/dummy2", "1,5")
    check(True, "the odd number is shown with its source")


def check_munin(server):
    wait_for(lambda: values(server, "plugins.test:load:load").get("load:load") is not None, 30, "the plugin load gives a value")
    now = values(server, "plugins.test:*:*")
    check(abs(now["load:load"] - os.getloadavg()[1]) < 20 and now["memory:free"] > 0, "Munin's plugins give values")
    check(any(name.startswith("diskstats_iops") for name in now), "a plugin of several graphs gives all of them")
    check(any(name.startswith("df:") for name in now), "as another user too")
    said(server, "plugins.test/plugin/fails", "exit code 1: no device")
    check(True, "a plugin that fails says why")


def check_nodes(server):
    for host in ("byssh.test", "bycmd.test"):
        wait_for(lambda h=host: values(server, f"{h}:load:load").get("load:load") is not None, 40, f"values of {host}")
        check(True, f"a munin-node is asked {'by ssh' if host == 'byssh.test' else 'through a command'}")
    wait_for(lambda: values(server, "spool.test:load:load").get("load:load") is not None, 60, "values that munin-async kept")
    check(True, "munin-async is asked by ssh for what it kept")
    said(server, "stranger.test/munin/munin", "Permission denied")
    check(True, "where ssh does not let us in, its words are shown")


def check_nobody_late(server):
    """Whatever plugins do: this host is sampled at its slots, and who answers is asked again in time."""
    host = next(row["host"] for row in server.api("hosts")["hosts"] if not row["host"].endswith(".test"))

    def sampled():
        return server.api(f"series?match={host}:cpu:user")["series"][0]["last"]["t"]

    seen = [sampled()]
    while len(seen) < 3:
        seen.append(wait_for(lambda: (t := sampled()) > seen[-1] and t, 15, "a sample of this host"))
    gaps = [later - earlier for earlier, later in zip(seen, seen[1:])]
    check(all(gap < 11 for gap in gaps), f"this host's samples are {gaps} s apart")
    now = time.time()
    ages = {s["id"]: now - moment(s["last"]) for s in sources(server).values() if s["state"] == "ok" and s["every_s"] == 5}
    check(len(ages) >= 10 and max(ages.values()) < 14, f"{len(ages)} sources in health answered at most {max(ages.values()):.1f} s ago")
    roles = {role["name"]: role for role in server.api("status")["roles"]}
    check(roles["collector"]["restarts"] == 0 and roles["runner"]["restarts"] == 0, "no role was restarted")


def check_nothing_left(server):
    wait_for(lambda: len(left_behind()) < 70, 10, "what the bomb started is ended")
    runner = server.roles()["runner"]
    os.kill(runner, signal.SIGKILL)
    wait_for(lambda: server.roles().get("runner") not in (None, runner), 20, "a killed runner comes again")
    before = time.time()
    wait_for(lambda: any(s["last"]["t"] > before for s in server.api("series?match=plugins.test:check_load:state")["series"]), 40,
             "checks go on with the new runner")
    check(True, "a killed runner costs a round")


def scenario():
    munin.needed(munin.NODE, munin.ASYNCD, ASYNC, SSHD, NAGIOS + "check_dummy", "/usr/bin/socat")
    directory = support.temporary_directory()
    directory.chmod(0o755)
    node = munin.Munin()
    node.link("load", "load")
    node.link("memory", "memory")
    with Sshd(directory) as sshd:
        node_port = node.start_node("far.test")
        spool = node.root / "spool"
        spooler = node.start(munin.ASYNCD, "--host", f"127.0.0.1:{node_port}", "--spool", spool, "--minrate", "5", "--timeout", "1")
        own = pathlib.Path.home() / ".ssh"  # only a place to mount ours on
        if not own.exists():
            own.mkdir(mode=0o700)
            atexit.register(own.rmdir)
        wrapper = script(directory, "magpie", f"""#!/bin/sh
exec unshare --mount --propagation private /bin/sh -c 'mount --bind {sshd.home} {own} && exec "$0" "$@"' \\
	{os.path.abspath(support.magpie_binary())} "$@"
""")
        os.environ["MAGPIE"] = str(wrapper)
        server = support.Server(directory=directory)
        server.config.write_text("discover no\n" + configuration(directory, spool, (server.port, node_port, sshd.port)))
        try:
            with server:
                check_nagios(server)
                check_munin(server)
                check_nodes(server)
                check_nobody_late(server)
                check_nothing_left(server)
        finally:
            node.stop(spooler)
            node.stop_node()
        wait_for(lambda: not left_behind(), 10, "nothing is left of any plugin")
        check(True, "nothing is left of any plugin")


support.main(scenario)
