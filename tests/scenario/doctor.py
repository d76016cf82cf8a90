"""`magpie doctor` beside peers in health and in every way to be wrong: each time the exit code, the failing step and what
it advises to do; and what the running server says of the same source."""
import contextlib
import http.server
import shutil
import socket
import subprocess
import threading

import support
from support import Server, check, wait_for


class Talker:
    """A TCP server that greets, and answers nothing; None: not a word, "": closes at once."""

    def __init__(self, greeting):
        self.greeting = greeting
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.socket.getsockname()[1]
        self.kept = []
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            try:
                client, _ = self.socket.accept()
            except OSError:
                return
            if self.greeting:
                with contextlib.suppress(OSError):
                    client.sendall(self.greeting)
            if self.greeting == b"":
                client.close()
            else:
                self.kept.append(client)


class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = b"<html></html>" if self.path == "/" else b"a 1\n" if self.path == "/metrics" else b"no"
        self.send_response(200 if self.path in ("/", "/metrics") else 404)
        self.send_header("Content-Type", "text/html" if self.path == "/" else "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass


def redis(directory, *words):
    port = support.free_port()
    process = subprocess.Popen(["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--dir", str(directory),
                                "--save", "", *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def answers():
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port), 1).close()
            return True
        return False
    wait_for(answers, 10, "redis listens")
    return process, port


def examine(config, operand, *words):
    done = support.run_magpie("doctor", operand, "--config", config, *words, timeout=30)
    return done.returncode, done.stdout + done.stderr


def peers_of(talkers, page, password, closed):
    """[source's configuration, exit code, words in what is told]"""
    return {
        "munin_ssh": (f'munin "127.0.0.1:{talkers["ssh"].port}"', 1, ["SSH server"]),
        "munin_mail": (f'munin "127.0.0.1:{talkers["mail"].port}"', 1, ["mail or FTP"]),
        "munin_http": (f'munin "127.0.0.1:{talkers["http"].port}"', 1, ["web server"]),
        "munin_shut": (f'munin "127.0.0.1:{talkers["shut"].port}"', 1, ["munin-node.conf"]),
        "munin_mute": (f'munin "127.0.0.1:{talkers["mute"].port}"', 1, ["FAIL", "hangs"]),
        "munin_closed": (f'munin "127.0.0.1:{closed}"', 1, ["connect", "nothing listens"]),
        "munin_name": ('munin "no-such-host.invalid:4949"', 1, ["resolve", "getent"]),
        "page": (f'exporter e {{ url "http://127.0.0.1:{page}/" }}', 1, ["/metrics"]),
        "missing": (f'exporter e {{ url "http://127.0.0.1:{page}/nothing" }}', 1, ["404", "no such path"]),
        "metrics": (f'exporter e {{ url "http://127.0.0.1:{page}/metrics" }}', 0, ["well", "1 series"]),
        "mute": (f'exporter e {{ url "http://127.0.0.1:{talkers["mute"].port}/" }}', 1, ["query", "accepts connections"]),
        "secret": (f'exporter e {{ url "http://127.0.0.1:{page}/metrics"; token_file "{password}" }}', 1, ["mode 0600"]),
        "wrong": (f'service redis {{ port {talkers["ssh"].port} }}', 1, ["WRONG"]),
    }


def check_faults(directory, cases):
    config = directory / "faults.conf"
    config.write_text("".join(f'host {name.replace("_", "-")} {{ address 127.0.0.1; timeout 2s; {text} }}\n'
                              for name, (text, _, _) in cases.items()))
    for name, (_, code, words) in cases.items():
        got, told = examine(config, name.replace("_", "-"), "--data", str(directory / "none"))
        check(got == code and all(word in told for word in words), f"{name}: {words} (exit code {got})\n" + (
            "" if got == code and all(word in told for word in words) else told))


def check_usage(directory):
    config = directory / "faults.conf"
    check(examine(config, "metricz")[0] == 2, "an unknown host is wrong usage")
    check("did you mean" in examine(config, "metricz")[1], "and the nearest one is named")
    check(examine(config, "metrics/nothing")[0] == 2, "an unknown source is wrong usage")
    check(examine(config, "metrics/exporter/e")[0] == 0, "a source is named by kind and name")


def check_redis(directory):
    if not shutil.which("redis-server"):
        return
    secret = directory / "redis.password"
    secret.write_text("wrong\n")
    secret.chmod(0o600)
    process, port = redis(directory, "--requirepass", "right")
    try:
        config = directory / "redis.conf"
        config.write_text(f'host r {{ address 127.0.0.1; service redis {{ port {port}; password_file "{secret}" }} }}\n')
        code, told = examine(config, "r/redis")
        check(code == 1 and "authenticate" in told and "password_file" in told, "a wrong password is told as such")
        secret.write_text("right\n")
        code, told = examine(config, "r/redis")
        check(code == 0 and "well" in told, "and the right one is well")
    finally:
        process.kill()
        process.wait()


def check_beside_server(page):
    server = Server(f'host far {{ address 127.0.0.1; interval 2s; timeout 1s; exporter e {{ url "http://127.0.0.1:{page}/" }} }}\n')
    with server:
        wait_for(lambda: any(s["id"] == "far/exporter/e" and s["state"] == "failing"
                             for s in (server.try_api("sources") or {"sources": []})["sources"]), 20, "the server fails")
        code, told = examine(server.config, "far", "--data", str(server.data))
        check(code == 1 and "server: failing since" in told, "what the server says stands beside it")
        server.config.write_text(server.config.read_text().replace(f"{page}/", f"{page}/metrics"))
        code, told = examine(server.config, "far", "--data", str(server.data))
        check(code == 1 and "It works from here" in told, "what works from here and not from there is told")


def scenario():
    directory = support.temporary_directory()
    talkers = {"ssh": Talker(b"SSH-2.0-OpenSSH_9.2p1\r\n"), "mail": Talker(b"220 mail.example.org ESMTP\r\n"),
               "http": Talker(b"HTTP/1.1 400 Bad Request\r\n\r\n"), "shut": Talker(b""), "mute": Talker(None)}
    page = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
    threading.Thread(target=page.serve_forever, daemon=True).start()
    readable = directory / "readable"
    readable.write_text("x\n")
    readable.chmod(0o644)
    check_faults(directory, peers_of(talkers, page.server_address[1], readable, support.free_port()))
    check_usage(directory)
    check_redis(directory)
    check_beside_server(page.server_address[1])
    page.shutdown()


support.main(scenario)
