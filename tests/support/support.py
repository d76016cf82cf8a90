"""What the scenarios share: a Magpie of their own on a free port with a directory of its own, conditions with a
deadline, HTTP, event streams, a receiver of webhooks, mounts that go away again. Standard library only."""
import atexit
import contextlib
import http.client
import http.server
import json
import os
import pathlib
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

ROLES = ["collector", "engine", "rrd", "web", "notify", "runner"]
SKIPPED = 77  # exit code that meson takes for "skipped"


def skip(why):
    print("SKIPPED:", why)
    sys.exit(SKIPPED)


def check(condition, text):
    """One thing a scenario shows: says so, or ends the test."""
    if not condition:
        raise AssertionError(text)
    print("ok  ", text, flush=True)


def wait_for(condition, seconds, what):
    """Calls condition() until it gives something true, which is returned; fails at the deadline."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(0.05)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def temporary_directory():
    """A directory that goes when the test ends, unless MAGPIE_KEEP is set."""
    path = pathlib.Path(tempfile.mkdtemp(prefix="magpie-"))
    if os.environ.get("MAGPIE_KEEP"):
        print("kept:", path)
    else:
        atexit.register(shutil.rmtree, path, ignore_errors=True)
    return path


def make_reachable(path):
    """Lets other users pass through the directories above `path` that are ours."""
    for parent in [path, *path.parents]:
        if parent.stat().st_uid == os.geteuid() and parent != pathlib.Path("/") and not parent.stat().st_mode & 0o001:
            parent.chmod(parent.stat().st_mode | 0o011)


def magpie_binary():
    path = os.environ.get("MAGPIE", "build/magpie")
    if not os.access(path, os.X_OK):
        raise AssertionError(f"{path} is not there; build first")
    return path


def run_magpie(*arguments, timeout=30, **options):
    """Runs a command; gives the finished process with text output."""
    return subprocess.run([magpie_binary(), *map(str, arguments)], capture_output=True, text=True, timeout=timeout,
                          stdin=subprocess.DEVNULL, check=False, **options)


def process_state(pid):
    """Letter of /proc/PID/stat ("S", "Z" …), or None if there is no such process."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
            return file.read().rsplit(")", 1)[1].split()[0]
    except (OSError, IndexError):
        return None


def alive(pid):
    return process_state(pid) not in (None, "Z", "X")


def children(pid):
    """{name: pid} of the living direct children."""
    found = {}
    try:
        tasks = os.listdir(f"/proc/{pid}/task")
    except OSError:
        return found
    for task in tasks:
        with contextlib.suppress(OSError):
            with open(f"/proc/{pid}/task/{task}/children", encoding="ascii") as file:
                for child in file.read().split():
                    with open(f"/proc/{child}/comm", encoding="utf-8", errors="replace") as name:
                        if alive(int(child)):
                            found[name.read().strip()] = int(child)
    return found


class Response:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def json(self):
        return json.loads(self.body)


class Server:
    """`magpie serve` with a configuration of its own. Use as a context: it is gone at the end.

    Services running on this machine may be another test's: they are left alone unless the configuration
    says "discover"."""

    def __init__(self, config="", rules=None, directory=None):
        self.directory = directory or temporary_directory()
        self.data = self.directory / "data"
        self.config = self.directory / "magpie.conf"
        self.rules = self.directory / "rules.d"
        self.rules.mkdir(exist_ok=True)
        self.config.write_text(config if "discover " in config else "discover no\n" + config)
        for name, text in (rules or {}).items():
            (self.rules / name).write_text(text)
        self.port = free_port()
        self.log_path = self.directory / "log"
        self.process = None

    def __enter__(self):
        return self.start()

    def __exit__(self, kind, value, trace):
        self.kill()
        if kind and not issubclass(kind, SystemExit):
            self.print_log()

    def print_log(self):
        print("---- the server's log ----")
        print("\n".join(self.log().splitlines()[-80:]))

    def start(self, wait=20):
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                [magpie_binary(), "serve", "--config", str(self.config), "--data", str(self.data),
                 "--listen", f"127.0.0.1:{self.port}"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        if wait:
            try:
                wait_for(self.ready, wait, "the server answers")
            except AssertionError:
                self.kill()
                self.print_log()
                raise
        return self

    def ready(self):
        if self.process.poll() is not None:
            raise AssertionError(f"the server ended with {self.process.returncode}")
        try:
            return self.get("/readyz", timeout=2).status == 200
        except OSError:
            return False

    @property
    def pid(self):
        return self.process.pid

    def roles(self):
        """{role: pid} of the running roles."""
        return {name: pid for name, pid in children(self.pid).items() if name in ROLES}

    def signal(self, number):
        self.process.send_signal(number)

    def reload(self):
        self.signal(signal.SIGHUP)

    def stop(self, seconds=30):
        """SIGTERM; gives the exit code."""
        self.process.terminate()
        return self.process.wait(seconds)

    def kill(self):
        """Ends the supervisor hard; the roles end with it."""
        if self.process and self.process.poll() is None:
            pids = list(children(self.pid).values())
            self.process.kill()
            self.process.wait(10)
            for pid in pids:
                wait_for(lambda p=pid: not alive(p), 10, f"process {pid} ends with its supervisor")

    def log(self):
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def get(self, path, timeout=10, headers=None):
        return self.request("GET", path, timeout=timeout, headers=headers)

    def request(self, method, path, body=None, timeout=10, headers=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            connection.request(method, path, body=body, headers=headers or {})
            answer = connection.getresponse()
            return Response(answer.status, dict(answer.getheaders()), answer.read())
        except http.client.HTTPException as e:
            raise OSError(f"{method} {path}: {e!r}") from e
        finally:
            connection.close()

    def api(self, path, timeout=10):
        """JSON of /api/v1/PATH, which must answer 200."""
        answer = self.get("/api/v1/" + path, timeout)
        if answer.status != 200:
            raise AssertionError(f"/api/v1/{path}: {answer.status} {answer.body[:300]!r}")
        return answer.json()

    def try_api(self, path):
        """As api(), None while the server cannot answer."""
        try:
            answer = self.get("/api/v1/" + path, 3)
        except OSError:
            return None
        return answer.json() if answer.status == 200 else None

    def alerts(self):
        answer = self.try_api("alerts")
        return answer["alerts"] if answer else []

    def host(self):
        """Name of the one host watched, or None."""
        answer = self.try_api("hosts")
        return answer["hosts"][0]["host"] if answer and answer["hosts"] else None


class EventStream:
    """Reads /api/v1/events in the background; events are (name, data) in `events`."""

    def __init__(self, server, query=""):
        self.socket = socket.create_connection(("127.0.0.1", server.port), 10)
        self.socket.sendall(f"GET /api/v1/events{query} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                            "Accept: text/event-stream\r\n\r\n".encode())
        self.events = []
        self.head = b""
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _lines(self):
        """Lines of the body, chunked encoding taken off."""
        file = self.socket.makefile("rb")
        while not self.head.endswith(b"\r\n\r\n"):
            byte = file.readline()
            if not byte:
                return
            self.head += byte
        chunked = b"transfer-encoding: chunked" in self.head.lower()
        pending = b""
        while True:
            if chunked:
                size = file.readline().strip()
                if not size or int(size, 16) == 0:
                    return
                pending += file.read(int(size, 16))
                file.readline()
            else:
                more = file.readline()
                if not more:
                    return
                pending += more
            while b"\n" in pending:
                line, pending = pending.split(b"\n", 1)
                yield line.decode().rstrip("\r")

    def _read(self):
        name, data = "message", []
        with contextlib.suppress(OSError, ValueError):
            for line in self._lines():
                if line.startswith("event:"):
                    name = line[6:].strip()
                elif line.startswith("data:"):
                    data.append(line[5:].strip())
                elif not line and data:
                    self.events.append((name, json.loads("\n".join(data))))
                    name, data = "message", []

    def named(self, name):
        return [data for event, data in list(self.events) if event == name]

    def close(self):
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        self.thread.join(5)


class WebhookReceiver:
    """An HTTP server that takes every POST; `requests` are (path, headers, JSON)."""

    def __init__(self, status=200):
        self.requests = []
        self.status = status
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                outer.requests.append((self.path, dict(self.headers.items()), json.loads(body)))
                self.send_response(outer.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *arguments):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}/hook"

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


@contextlib.contextmanager
def tmpfs(path, megabytes):
    """A small filesystem at `path`; the test is skipped where mounting is not allowed."""
    path.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=0755", "magpie-test", str(path)],
                          capture_output=True, text=True, check=False)
    if done.returncode:
        skip(f"cannot mount a tmpfs: {done.stderr.strip()}")
    try:
        yield path
    finally:
        subprocess.run(["umount", "-l", str(path)], check=False)


def reset_connection(sock):
    """Closes with RST."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def main(scenario):
    """Runs scenario(); the exit code is what meson expects."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    started = time.monotonic()
    try:
        scenario()
    except AssertionError as e:
        print("FAILED", e)
        import traceback
        traceback.print_exc(file=sys.stdout)
        sys.exit(1)
    print(f"done in {time.monotonic() - started:.1f} s")
