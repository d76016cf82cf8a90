"""Munin's own drawing of graphs, from Debian's packages in a private directory: munin-cgi-graph as a web server without FastCGI
runs it, a process for each picture, and warm, as FastCGI workers that share a socket. Without the packages, or where we are not
root (the program refuses it, we change to the user munin), there is no figure."""
import contextlib
import os
import pathlib
import shutil
import socket
import struct
import subprocess
from concurrent.futures import ThreadPoolExecutor

import peers
import support

CGI = "/usr/lib/munin/cgi/munin-cgi-graph"
FAST = "/usr/share/perl5/CGI/Fast.pm"
TO_STORABLE = ("use Munin::Master::Utils; my ($f) = @ARGV;"
               "munin_writeconfig_storable(\"$f.storable\", Munin::Master::Utils::munin_readconfig_raw($f));")
BEGIN, END, PARAMS, STDIN, STDOUT, STDERR = 1, 3, 4, 5, 6, 7  # types of records of FastCGI 1.0
RESPONDER = 1
PICTURE = b"\x89PNG\r\n"


def installed():
    return os.geteuid() == 0 and all(os.path.exists(path) for path in (CGI, FAST))


class Graphs:
    """A tree of Munin's with a copy of the RRD files of one host: services {name: fields}, each drawn as a stack."""

    def __init__(self, tree, group, host, services):
        import munin
        self.munin = munin.Munin()
        root, self.host = self.munin.root, f"{group}/{host}"
        self.drawn = 0
        shutil.copytree(tree / group, root / "db" / group)
        lines = ["version 2.0.73"]
        for service, fields in services.items():
            start = f"{group};{host}:{service}."
            lines += [f"{start}graph_title {service}", f"{start}graph_order {' '.join(fields)}"]
            lines += [f"{start}{field}.{rest}" for i, field in enumerate(fields)
                      for rest in (f"label {field}", f"draw {'STACK' if i else 'AREA'}", "update_rate 300")]
        (root / "db/datafile").write_text("\n".join(lines) + "\n")
        (root / "conf/munin.conf").write_text(
            "".join(f"{key} {root / place}\n" for key, place in (("dbdir", "db"), ("htmldir", "www"), ("logdir", "log"),
                                                                ("rundir", "run"), ("cgitmpdir", "cgi"))) +
            f"[{group};{host}]\n address 127.0.0.1\n")
        (root / "cgi").mkdir()
        self.munin.own()
        self.perl("-e", TO_STORABLE, root / "db/datafile", check=True)
        self.workers = []

    def perl(self, *words, **options):
        user = self.munin.user
        return subprocess.run(["perl", f"-I{self.munin.root}/lib", *map(str, words)], user=user.pw_uid, group=user.pw_gid,
                              extra_groups=[], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              cwd="/", timeout=60, env=options.pop("env", {"LC_ALL": "C"}), **options)

    def request(self, service):
        """Another one each time, so that no picture is from Munin's cache."""
        self.drawn += 1
        return {"PATH_INFO": f"/{self.host}/{service}-day.png", "QUERY_STRING": f"no_cache=yes&n={self.drawn}",
                "REQUEST_METHOD": "GET", "SCRIPT_NAME": "/munin-cgi-graph", "SERVER_PROTOCOL": "HTTP/1.1"}

    def environment(self):
        return {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "HOME": str(self.munin.root),
                "MUNIN_CONFIG": str(self.munin.root / "conf/munin.conf")}

    def once(self, service):
        """A process of its own draws it."""
        done = self.perl("-T", CGI, env={**self.environment(), **self.request(service)}, check=False)
        check(done.stdout, done.stderr)

    def start(self, count):
        """Workers that wait for requests."""
        path = str(self.munin.root / "run/fastcgi")
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.bind(path)
        self.listener.listen(64)
        user = self.munin.user
        self.log = open(self.munin.root / "log/fastcgi.log", "wb")
        self.workers = [subprocess.Popen(
            ["perl", "-T", f"-I{self.munin.root}/lib", CGI], stdin=self.listener, stdout=self.log, stderr=self.log, cwd="/",
            user=user.pw_uid, group=user.pw_gid, extra_groups=[], env=self.environment()) for _ in range(count)]

    def warm(self, service):
        """A worker that is there draws it."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as s:
            s.settimeout(60)
            s.connect(str(self.munin.root / "run/fastcgi"))
            check(*ask(s, self.request(service)))

    def workers_cpu(self):
        return sum(peers.process_cpu(worker.pid) for worker in self.workers)

    def stop(self):
        for worker in self.workers:
            worker.kill()
            worker.wait(10)
        if self.workers:
            self.listener.close()
            self.log.close()


def record(kind, content):
    return struct.pack(">BBHHBx", 1, kind, 1, len(content), 0) + content


def ask(s, variables):
    """One request of FastCGI: (standard output, standard error)."""
    names = b"".join(struct.pack(">II", len(k) | 1 << 31, len(v) | 1 << 31) + k.encode() + v.encode()
                     for k, v in variables.items())
    s.sendall(record(BEGIN, struct.pack(">HB5x", RESPONDER, 0)) + record(PARAMS, names) + record(PARAMS, b"") + record(STDIN, b""))
    parts = {}
    with s.makefile("rb") as file:
        while True:
            head = file.read(8)
            if len(head) < 8:
                break
            _, kind, _, length, padding = struct.unpack(">BBHHBx", head)
            parts[kind] = parts.get(kind, b"") + file.read(length)
            file.read(padding)
            if kind == END:
                break
    return parts.get(STDOUT, b""), parts.get(STDERR, b"")


def check(out, why):
    """Only pictures count."""
    if PICTURE not in out:
        raise SystemExit(f"munin-cgi-graph drew nothing:\n{out[-500:].decode(errors='replace')}\n{why[-500:].decode(errors='replace')}")


@contextlib.contextmanager
def graphs(tree, group, host, services, workers=4):
    """A Graphs with so many workers, all warm; None where it is not installed."""
    if not installed():
        yield None
        return
    g = Graphs(pathlib.Path(tree), group, host, services)
    try:
        g.start(workers)
        for service in services:
            with ThreadPoolExecutor(workers) as pool:  # busy ones leave the next request to another
                list(pool.map(lambda _, s=service: g.warm(s), range(workers * 4)))
        yield g
    finally:
        g.stop()
