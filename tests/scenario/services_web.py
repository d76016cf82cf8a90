"""Real nginx, Apache, HAProxy, Varnish and PHP-FPM, each in health and in faults: what the probe says, at which stage,
within one interval and its deadline, and what Munin's graphs of them show."""
import contextlib
import hashlib
import os
import pathlib
import shutil
import signal
import socket
import struct
import subprocess
import time

import support

INTERVAL, DEADLINE = 1, 1
SLACK = 4  # from the probe's end to our reading of it, on a machine that does other things too
NEEDED = {"nginx": "/usr/sbin/nginx", "apache2": "/usr/sbin/apache2", "haproxy": "/usr/sbin/haproxy",
          "varnishd": "/usr/sbin/varnishd", "php-fpm": "/usr/sbin/php-fpm8.2"}
MODULES = pathlib.Path("/usr/lib/apache2/modules")

NGINX = """daemon off; user root; worker_processes 1; pid {dir}/nginx.pid; error_log {dir}/nginx.log;
events {{ worker_connections 64; }}
http {{ access_log off; client_body_temp_path {dir}/b; proxy_temp_path {dir}/p; fastcgi_temp_path {dir}/f;
 uwsgi_temp_path {dir}/u; scgi_temp_path {dir}/s;
 server {{ listen 127.0.0.1:{nginx};
  location / {{ if (-f {dir}/maintenance) {{ return 503; }} return 200 "fine\\n"; }}
  location = /inside {{ stub_status; }} }}
 server {{ listen 127.0.0.1:{tls} ssl; ssl_certificate {dir}/tls.pem; ssl_certificate_key {dir}/tls.key;
  location / {{ return 200 "fine\\n"; }} }} }}
"""
APACHE = """ServerName localhost
ServerRoot {dir}
PidFile {dir}/apache.pid
ErrorLog {dir}/apache.log
Listen 127.0.0.1:{apache}
User www-data
Group www-data
LoadModule mpm_event_module {modules}/mod_mpm_event.so
LoadModule authz_core_module {modules}/mod_authz_core.so
LoadModule status_module {modules}/mod_status.so
StartServers 1
ServerLimit 2
ThreadsPerChild 4
MaxRequestWorkers 8
DocumentRoot {dir}/www
ExtendedStatus On
<Location /server-status>
SetHandler server-status
</Location>
"""
HAPROXY = """global
 stats socket {dir}/haproxy.sock mode 600 level user
defaults
 mode http
 retries 0
 timeout connect 1s
 timeout client 5s
 timeout server 5s
frontend front
 bind 127.0.0.1:{haproxy}
 default_backend pool
backend pool
 server one 127.0.0.1:{nginx}
"""
VCL = """vcl 4.1;
backend good {{ .host = "127.0.0.1"; .port = "{nginx}"; }}
backend dead {{ .host = "127.0.0.1"; .port = "{closed}"; }}
sub vcl_recv {{
 if (req.url == "/alive") {{ return (synth(200, "alive")); }}
 if (req.url == "/sick") {{ set req.backend_hint = dead; return (pass); }} }}
"""
FPM = """[global]
error_log = {dir}/fpm.log
daemonize = no
[www]
user = www-data
group = www-data
listen = {dir}/fpm.sock
listen.owner = www-data
pm = static
pm.max_children = 2
pm.status_path = /status
pm.status_listen = {dir}/fpm-status.sock
ping.path = /ping
"""
SERVICES = {
    "nginx": {"address": "127.0.0.1:{nginx}", "status": "/inside"},
    "nginx_tls": {"kind": "nginx", "address": "localhost:{tls}", "ca": "{dir}/tls.pem"},
    "nginx_stranger": {"kind": "nginx", "address": "127.0.0.1:{tls}"},
    "apache": {"address": "127.0.0.1:{apache}"},
    "haproxy": {"address": "127.0.0.1:{haproxy}", "status": "unix://{dir}/haproxy.sock"},
    "haproxy_socket": {"kind": "haproxy", "address": "unix://{dir}/haproxy.sock"},
    "varnish": {"address": "127.0.0.1:{varnish}", "path": "/alive", "status": "{dir}/varnish"},
    "varnish_managed": {"kind": "varnish", "address": "127.0.0.1:{varnish}", "path": "/alive", "status": "127.0.0.1:{cli}",
                        "password_file": "{dir}/known"},
    "varnish_sick": {"kind": "varnish", "address": "127.0.0.1:{varnish}", "path": "/sick"},
    "php_fpm": {"address": "unix://{dir}/fpm.sock", "path": "/ping", "status": "unix://{dir}/fpm-status.sock"},
}


def config(names):
    lines = ["interval 1s", "discover no", "default_rules no", 'host "box" {', ' address "127.0.0.1"']
    for name, settings in SERVICES.items():
        lines += [f" service {name} {{", f"  interval {INTERVAL}s", f"  timeout {DEADLINE}s"]
        lines += [f"  {key} {value}" if key == "kind" else f'  {key} "{value.format(**names)}"' for key, value in settings.items()]
        lines += ["  metrics no"] if settings.get("kind") else []
        lines += ["  tls yes"] if "{tls}" in settings["address"] else []
        lines.append(" }")
    return "\n".join([*lines, "}", ""])


class Box:
    """The daemons in a directory of their own, and Magpie, which asks them."""

    def __init__(self, stack):
        self.stack = stack
        self.directory = support.temporary_directory()
        support.make_reachable(self.directory)
        self.names = {name: support.free_port() for name in ("nginx", "tls", "apache", "haproxy", "varnish", "cli", "closed")}
        self.names.update(dir=self.directory, modules=MODULES)
        self.processes = {}
        (self.directory / "www").mkdir()
        self.write("www/slow.php", "<?php sleep(20);")
        self.server = None

    def write(self, name, text, mode=0o644):
        path = self.directory / name
        path.write_text(text)
        path.chmod(mode)
        return path

    def config(self, name, template):
        return str(self.write(name, template.format(**self.names)))

    def start(self, name, *command):
        with open(self.directory / f"{name}.out", "ab") as out:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True)
        self.processes[name] = process
        self.stack.callback(self.end, name)

    def end(self, name):
        """Kills the daemon with all it started, which are its process group."""
        process = self.processes.pop(name, None)
        if process:
            self.signal(process, signal.SIGKILL)
            process.wait(10)

    def signal(self, process, number):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)

    def freeze(self, name, frozen):
        self.signal(self.processes[name], signal.SIGSTOP if frozen else signal.SIGCONT)

    def start_nginx(self):
        self.start("nginx", NEEDED["nginx"], "-c", self.config("nginx.conf", NGINX), "-p", str(self.directory))

    def start_all(self):
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
                        "-addext", "subjectAltName=DNS:localhost", "-keyout", str(self.directory / "tls.key"), "-out",
                        str(self.directory / "tls.pem")], check=True, capture_output=True)
        self.start_nginx()
        self.start("apache", NEEDED["apache2"], "-f", self.config("apache.conf", APACHE), "-DFOREGROUND")
        self.start("haproxy", NEEDED["haproxy"], "-f", self.config("haproxy.cfg", HAPROXY), "-db")
        for name in ("secret", "known"):
            self.write(name, "a long secret\n", 0o600)
        self.start("varnish", NEEDED["varnishd"], "-F", "-j", "none", "-f", self.config("box.vcl", VCL), "-a",
                   f"127.0.0.1:{self.names['varnish']}", "-T", f"127.0.0.1:{self.names['cli']}", "-S",
                   str(self.directory / "secret"), "-n", str(self.directory / "varnish"), "-s", "malloc,16m")
        self.start("php_fpm", NEEDED["php-fpm"], "-n", "-y", self.config("fpm.conf", FPM))

    def manager(self, command):
        subprocess.run(["varnishadm", "-n", str(self.directory / "varnish"), command], check=True, capture_output=True)

    def series(self):
        answer = self.server.try_api("series?match=box:*:*")
        return {s["id"][4:]: s["last"]["v"] for s in answer["series"] if s["last"]} if answer else {}

    def source(self, name):
        answer = self.server.try_api("sources")
        found = [s for s in answer["sources"] if s["id"] == f"box/service/{name}"] if answer else []
        return found[0] if found else {"error": "", "complaints": [], "version": ""}

    def state(self, name):
        """(up, stage, reason)"""
        values = self.series()
        return values.get(f"probe_{name}:up"), values.get(f"probe_{name}:stage"), self.source(name)["error"] or ""

    def expect(self, name, up, stages, reason, what):
        """Within one interval and the deadline, and what the way to the reader takes."""
        began = time.monotonic()

        def seen():
            state = self.state(name)
            return state[0] == up and state[1] in stages and reason in state[2]
        try:
            support.wait_for(seen, 15, what)
        except AssertionError:
            print(f"{name}: {self.state(name)}")
            raise
        took = time.monotonic() - began
        support.check(took <= INTERVAL + DEADLINE + SLACK, f"{what}: {self.state(name)} after {took:.1f} s")

    def healthy(self, names, what):
        for name in names:
            self.expect(name, 1, (5, 6), "", f"{name} is up {what}")


def occupy(path, script):
    """A FastCGI request that takes a worker until the socket is closed."""
    s = socket.socket(socket.AF_UNIX)
    s.connect(str(path))
    parameters = b"".join(struct.pack("BB", len(k), len(v)) + k + v for k, v in (
        (b"REQUEST_METHOD", b"GET"), (b"SCRIPT_NAME", b"/slow.php"), (b"SCRIPT_FILENAME", os.fsencode(script))))

    def record(kind, content):
        return struct.pack(">BBHHBB", 1, kind, 1, len(content), 0, 0) + content
    s.sendall(record(1, b"\0\1\0\0\0\0\0\0") + record(4, parameters) + record(4, b"") + record(5, b""))
    return s


ALL = ("nginx", "nginx_tls", "apache", "haproxy", "haproxy_socket", "varnish", "varnish_managed", "php_fpm")


def graphs(box):
    """Values of graphs under Munin's names."""
    apache = box.names["apache"]
    wanted = ["nginx_request:request", "nginx_status:total", f"apache_accesses:accesses{apache}",
              f"apache_processes:busy{apache}", f"apache_volume:volume{apache}", "php_fpm_status:total",
              "php_fpm_process_process:max", "php_fpm_process_queues:len", "php_fpm_process_requests:connections"]
    support.wait_for(lambda: not [name for name in wanted if box.series().get(name) is None], 15, "graphs have values")
    values = box.series()
    support.check(values["nginx_status:total"] >= 1 and values["nginx_request:request"] > 0, "nginx counts our requests")
    slots = [values[f"apache_processes:{kind}{apache}"] for kind in ("busy", "idle", "free")]
    support.check(slots[0] >= 1 and sum(slots) == 8, f"Apache's 8 slots are shared out {slots}")
    support.check(values["php_fpm_status:total"] == 2, "the pool has two workers")
    front = [name for name in values if name.startswith("haproxy_sessions_total_frontend:stot")]
    active = [name for name in values if name.startswith("haproxy_active_backend:act")]
    support.check(front == ["haproxy_sessions_total_frontend:stot" + hashlib.md5(b"front\n").hexdigest()] and
                  values[active[0]] == 1, f"HAProxy's proxies have fields {front} {active}")
    if "yes" in support.run_magpie("version").stdout:
        support.wait_for(lambda: box.series().get("varnish_request_rate:client_req") is not None, 15, "Varnish's counters")
        values = box.series()
        support.check(values["varnish_request_rate:client_req"] > 0 and values["varnish_threads:threads"] > 0 and
                      values["varnish_memory_usage:SMA_s0_g_space"] > 0, "Varnish's counters are read")
    for name, version in (("nginx", "nginx/"), ("apache", "Apache"), ("haproxy", "HAProxy 2.")):
        support.wait_for(lambda n=name, v=version: (box.source(n)["version"] or "").startswith(v), 10, f"{name} tells its version")


def frozen(box):
    """Stopped processes: the kernel still takes connections, nobody answers."""
    for name, probes in (("nginx", ("nginx",)), ("apache", ("apache",)), ("haproxy", ("haproxy", "haproxy_socket")),
                         ("php_fpm", ("php_fpm",))):
        box.freeze(name, True)
        for probe in probes:
            box.expect(probe, 0, (4,), "query: no answer within", f"{probe} is stopped by a signal")
        box.freeze(name, False)
    box.healthy(("nginx", "apache", "haproxy", "haproxy_socket", "php_fpm"), "again")


def of_nginx(box):
    box.expect("nginx_stranger", 0, (2,), "greet:", "a certificate nobody vouches for is refused")
    marker = box.write("maintenance", "")
    box.expect("nginx", 0, (4,), "query: answers 503", "nginx answers 503")
    marker.unlink()
    box.expect("nginx", 1, (5,), "", "nginx answers again")
    box.end("nginx")
    box.expect("nginx", 0, (1,), "connect:", "nginx was killed")
    support.check("refused" in box.state("nginx")[2], "the reason: connection refused")
    box.expect("haproxy", 0, (4,), "query: answers 503", "HAProxy has no server left")
    box.expect("haproxy_socket", 1, (5,), "", "and is itself well")
    box.start_nginx()
    box.healthy(("nginx", "haproxy"), "again")


def of_varnish(box):
    box.expect("varnish_sick", 1, (5,), "", "what stands behind Varnish fails, Varnish does not")
    complaints = box.source("varnish_sick")["complaints"]
    support.check(complaints and "what stands behind it fails" in complaints[0]["error"], f"and people are told {complaints}")
    child = [pid for name, pid in support.children(box.processes["varnish"].pid).items()][0]
    os.kill(child, signal.SIGSTOP)
    try:
        box.expect("varnish", 0, (4,), "query: no answer within", "Varnish's child hangs")
        box.expect("varnish_managed", 0, (4,), "(the manager runs, it says: child running)", "its manager does not know yet")
    finally:
        os.kill(child, signal.SIGCONT)
    box.healthy(("varnish", "varnish_managed"), "again")
    box.manager("stop")
    box.expect("varnish_managed", 0, (1, 4), "(the manager runs, it says: child stopped)", "Varnish's child was stopped")
    box.expect("varnish", 0, (1, 4), "", "without the manager it is down as well")
    box.manager("start")
    box.healthy(("varnish", "varnish_managed"), "again")
    box.write("known", "another secret\n", 0o600)
    support.wait_for(lambda: "refuses the secret" in str(box.source("varnish_managed")["complaints"]), 10, "a wrong secret is told")
    box.expect("varnish_managed", 1, (5,), "", "a wrong secret for the manager is no fault of Varnish")


def of_fpm(box):
    workers = [occupy(box.directory / "fpm.sock", box.directory / "www/slow.php") for _ in range(2)]
    box.expect("php_fpm", 0, (4,), "query: no answer within", "all workers of PHP-FPM are taken")
    for s in workers:
        s.close()
    box.end("php_fpm")
    box.expect("php_fpm", 0, (1,), "connect:", "PHP-FPM was killed")


def found(box):
    """What runs here is found without being named, and goes on being asked when it is dead."""
    addresses = [f"127.0.0.1:{box.names[name]}" for name in ("nginx", "tls")]  # it is asked at the lower one

    def source(server):
        answer = server.try_api("sources")
        found = [s for s in answer["sources"] if s["where"] in addresses] if answer else []
        return found[0] if found else {"state": "", "error": ""}

    with support.Server("discover yes\ninterval 1s\ndefault_rules no\n") as server:
        support.wait_for(lambda: source(server)["state"] == "ok", 20, "nginx is found")
        nginx = source(server)
        support.check(nginx["name"].startswith("nginx"), f"nginx is found: {nginx['id']} {nginx['version']}")
        sockets = [s["where"] for s in server.api("sources")["sources"] if s["kind"] == "service"]
        support.check(f"unix://{box.directory}/haproxy.sock" in sockets, f"HAProxy is asked by its socket {sockets}")
        box.end("nginx")
        support.wait_for(lambda: "refused" in (source(server)["error"] or ""), 20, "a dead one fails")
        support.check(True, f"and fails when it is dead: {source(server)['error']}")
        server.stop()


def scenario():
    for name, path in NEEDED.items():
        if not os.access(path, os.X_OK):
            support.skip(f"{name} is not installed")
    if os.geteuid() or not shutil.which("varnishadm"):
        support.skip("this needs root, and varnishadm")
    with contextlib.ExitStack() as stack:
        box = Box(stack)
        box.start_all()
        box.server = support.Server(config(box.names))
        with box.server:
            for name in ALL:
                support.wait_for(lambda n=name: box.state(n)[0] == 1, 20, f"{name} is up")
            support.check(True, "all services are up")
            graphs(box)
            frozen(box)
            of_nginx(box)
            of_varnish(box)
            of_fpm(box)
            box.server.stop()
        found(box)


support.main(scenario)
