"""Debian's own Munin programs in a private directory, as the user "munin": a munin-node, munin-update, munin-asyncd. They
find their paths in one Perl module; a changed copy of it, found first, moves all of them."""
import contextlib
import os
import pathlib
import pwd
import re
import shutil
import signal
import socket
import subprocess

import support

DEFAULTS = "/usr/share/perl5/Munin/Common/Defaults.pm"
UPDATE = "/usr/share/munin/munin-update"
NODE = "/usr/sbin/munin-node"
ASYNCD = "/usr/share/munin/munin-asyncd"
MOVED = {"CONFDIR": "conf", "HTMLDIR": "www", "DBDIR": "db", "PLUGSTATE": "plugin-state", "SPOOLDIR": "spool", "LOGDIR": "log",
         "STATEDIR": "run"}


def needed(*paths):
    """Skips the test where Debian's packages are missing or we are not root (the programs refuse it, we change to munin)."""
    for path in (DEFAULTS, *paths):
        if not os.path.exists(path):
            support.skip(f"{path} is not installed")
    if os.geteuid() != 0:
        support.skip("only root can become the user munin")


class Munin:
    """One private installation."""

    def __init__(self):
        self.root = support.temporary_directory() / "munin"
        self.user = pwd.getpwnam("munin")
        for name in (*MOVED.values(), "conf/plugins", "conf/plugin-conf.d", "lib/Munin/Common"):
            (self.root / name).mkdir(parents=True, exist_ok=True)
        text = pathlib.Path(DEFAULTS).read_text(encoding="utf-8")
        for name, place in MOVED.items():
            text, count = re.subn(rf"(MUNIN_{name}\s*=\s*q{{)[^}}]*", rf"\g<1>{self.root / place}", text)
            assert count == 1, f"{DEFAULTS} has another form than expected: {name}"
        for name in ("USER", "PLUGINUSER", "GROUP"):
            text = re.sub(rf"(MUNIN_{name}\s*=\s*q{{)[^}}]*", r"\g<1>munin", text)
        (self.root / "lib/Munin/Common/Defaults.pm").write_text(text, encoding="utf-8")
        self.own()
        self.node = None

    def own(self):
        """All belongs to munin, who may get there."""
        support.make_reachable(self.root)
        for path in [self.root, *self.root.rglob("*")]:
            os.chown(path, self.user.pw_uid, self.user.pw_gid, follow_symlinks=False)

    def run(self, *command, timeout=120, **options):
        """Runs one program of Munin's to its end."""
        return subprocess.run(self.command(*command), capture_output=True, text=True, errors="replace", timeout=timeout,
                              check=False, env=self.environment(), cwd="/", **options)

    def start(self, *command):
        log = open(self.root / "log/started.log", "ab")
        return subprocess.Popen(self.command(*command), stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self.environment(),
                                cwd="/", start_new_session=True)

    @staticmethod
    def stop(process):
        """Ends what start() began, with all that it started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(20)

    def command(self, *command):
        return ["setpriv", f"--reuid={self.user.pw_uid}", f"--regid={self.user.pw_gid}", "--init-groups", "--pdeathsig", "KILL",
                *map(str, command)]

    def environment(self):
        return {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": str(self.root), "PERL5LIB": str(self.root / "lib"), "LC_ALL": "C"}

    def plugin(self, name, script):
        path = self.root / "conf/plugins" / name
        path.write_text(script)
        path.chmod(0o755)

    def link(self, name, stock):
        (self.root / "conf/plugins" / name).symlink_to(f"/usr/share/munin/plugins/{stock}")

    def start_node(self, host, settings=""):
        """Debian's munin-node with the plugins of this directory; gives its port."""
        port = support.free_port()
        path = self.root / "conf/munin-node.conf"
        path.write_text(f"log_level 4\nlog_file {self.root}/log/node.log\npid_file {self.root}/run/node.pid\nbackground 0\nsetsid 0\n"
                        f"host_name {host}\nallow ^127\\.0\\.0\\.1$\nhost 127.0.0.1\nport {port}\n{settings}")
        self.own()
        self.start_node_again(port)
        return port

    def start_node_again(self, port):
        """The node of before, at the same port."""
        self.node = self.start(NODE, "--config", self.root / "conf/munin-node.conf")
        support.wait_for(lambda: says_banner(port), 60, "munin-node answers")

    def stop_node(self):
        if self.node:
            self.stop(self.node)
            self.node = None

    def update(self, hosts, settings=""):
        """One munin-update over hosts {"group;name": (port, settings)}; gives what its log complained about."""
        path = self.root / "conf/munin.conf"
        text = "".join(f"{key} {self.root / place}\n" for key, place in (("dbdir", "db"), ("htmldir", "www"), ("logdir", "log"),
                                                                        ("rundir", "run"))) + settings + "\n"
        for name, (port, own) in hosts.items():
            text += f"[{name}]\n address 127.0.0.1\n port {port}\n {own}\n"
        path.write_text(text)
        self.own()
        log = self.root / "log/munin-update.log"
        log.unlink(missing_ok=True)
        first = not (self.root / "db/datafile").exists()
        done = self.run(UPDATE, "--config_file", path)
        lines = log.read_text(errors="replace").splitlines() if log.exists() else ["no log: " + done.stdout + done.stderr]
        # in its first run munin-update tunes files that are not there yet, whatever the node
        own = r"Tuning (min|max|type) of .* failed" if first else "^$"
        return [line for line in lines if re.search(r"\[(ERROR|WARN|WARNING|FATAL)\]|no log", line) and not re.search(own, line)]

    def files(self):
        """{name of an RRD file below db: the type of its data source}."""
        found = {}
        for path in sorted((self.root / "db").rglob("*.rrd")):
            info = subprocess.run(["rrdtool", "info", path], capture_output=True, text=True, timeout=30, check=True).stdout
            found[str(path.relative_to(self.root / "db"))] = re.search(r'ds\[42\]\.type = "(\w+)"', info).group(1)
        return found

    def forget(self):
        """As if never polled."""
        shutil.rmtree(self.root / "db")
        (self.root / "db").mkdir()
        self.own()


def says_banner(port):
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=2) as s:
            return s.recv(100).startswith(b"# munin node at")
    except OSError:
        return False


def talk(port, lines, timeout=30):
    """Says lines, ends, and gives all that came back."""
    with socket.create_connection(("127.0.0.1", port), timeout=timeout) as s:
        s.sendall(lines.encode())
        s.shutdown(socket.SHUT_WR)
        answer = b""
        while piece := s.recv(65536):
            answer += piece
    return answer.decode(errors="replace")


def certificate(directory, name, days=30):
    """A self-signed certificate with its key: (key, certificate)."""
    key, cert = directory / f"{name}.key", directory / f"{name}.crt"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", str(days), "-subj", f"/CN={name}",
                    "-addext", f"subjectAltName=DNS:{name},IP:127.0.0.1", "-keyout", key, "-out", cert], check=True,
                   capture_output=True, timeout=60)
    for path in (key, cert):
        path.chmod(0o644)
    return key, cert
