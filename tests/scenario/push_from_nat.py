"""A node that nobody can reach connects out to the server and is asked over that connection: TLS with a certificate that is
verified, a token that never travels, other connections after a cut, at most one per host; strangers get nothing."""
import hashlib
import hmac
import re
import signal
import socket
import ssl
import subprocess
import time

import munin
import support
from support import check, wait_for

HOST = "nat1.example.com"
TOKEN = "a secret of thirty-two letters ok"


class Node:
    """`magpie node --connect`, without a listening socket."""

    def __init__(self, directory, port, name=HOST, token=None, ca=None):
        self.log_path = directory / f"node-{name}.log"
        token_file = directory / f"token-{name}"
        token_file.write_text((token or TOKEN) + "\n")
        token_file.chmod(0o600)
        plugins = directory / "plugins"
        plugins.mkdir(exist_ok=True)
        plugin = plugins / "own"
        plugin.write_text("#!/bin/sh\n[ \"$1\" = config ] && { echo graph_title Own; echo own.label o; exit; }\necho own.value 42\n")
        plugin.chmod(0o755)
        support.make_reachable(plugins)
        self.process = subprocess.Popen(
            [support.magpie_binary(), "node", "--connect", f"localhost:{port}", "--token-file", token_file, "--ca", ca, "--name", name,
             "--plugins", plugins, "--plugin-conf", directory / "none", "--state", directory / "state"],
            stdin=subprocess.DEVNULL, stdout=open(self.log_path, "ab"), stderr=subprocess.STDOUT)

    def log(self):
        return self.log_path.read_text(errors="replace")

    def end(self):
        if self.process.poll() is None:
            self.process.terminate()
        return self.process.wait(20)


def last(server, series):
    """The last value of a series and its time, or None."""
    answer = server.try_api(f"series?match={series}")
    found = answer["series"] if answer else []
    return found[0]["last"] if found and found[0].get("last") else None


def source(server):
    answer = server.try_api("sources")
    rows = [row for row in (answer or {}).get("sources", []) if row["host"] == HOST]
    return rows[0] if rows else None


class Greeting:
    """The server's port by hand: TLS, its first line, what we answer."""

    def __init__(self, port, certificate):
        context = ssl.create_default_context(cafile=str(certificate))
        self.socket = context.wrap_socket(socket.create_connection(("127.0.0.1", port), timeout=15), server_hostname="localhost")
        self.file = self.socket.makefile("rb")
        self.nonce = re.fullmatch(rb"# magpie push 1 ([0-9a-f]{64})\n", self.file.readline()).group(1).decode()

    def proof(self, side, host, token, nonce):
        text = f"magpie push 1 {side}\n{host}\n{self.nonce}\n{nonce}\n"
        return hmac.new(token.encode(), text.encode(), hashlib.sha256).hexdigest()

    def say(self, line):
        self.socket.sendall(line)
        try:
            return self.file.readline()
        except ConnectionResetError:
            return b""

    def claim(self, host=HOST, token=TOKEN, nonce="0" * 64):
        return self.say(f"push 1 {host} {nonce} {self.proof('node', host, token, nonce)}\n".encode())

    def close(self):
        self.socket.close()


def strangers(port, certificate):
    cases = {
        "a wrong token": lambda g: g.claim(token="another"),
        "an unknown host": lambda g: g.claim(host="nobody.example.com"),
        "a proof for another host": lambda g: g.say(f"push 1 {HOST} {'0' * 64} {g.proof('node', 'x', TOKEN, '0' * 64)}\n".encode()),
        "the server's own proof": lambda g: g.say(f"push 1 {HOST} {'0' * 64} {g.proof('server', HOST, TOKEN, '0' * 64)}\n".encode()),
        "a path for a name": lambda g: g.claim(host="../../etc"),
        "no line of this protocol": lambda g: g.say(b"GET / HTTP/1.1\r\n"),
        "a NUL": lambda g: g.say(b"push 1 \0\n"),
        "a line without end": lambda g: g.say(b"x" * 5000),
    }
    for what, act in cases.items():
        greeting = Greeting(port, certificate)
        answer = act(greeting)
        check(answer in (b"# push refused\n", b""), f"{what} is refused")
        check(greeting.file.read(1) == b"", f"{what}: and closed")
        greeting.close()
    old = Greeting(port, certificate)
    line = f"push 1 {HOST} {'0' * 64} {old.proof('node', HOST, TOKEN, '0' * 64)}\n".encode()
    old.close()
    again = Greeting(port, certificate)
    check(again.say(line) == b"# push refused\n", "a greeting that was heard earlier is of no use")
    again.close()


def half_open(port):
    """Those that connect and say nothing are bounded in number and in time."""
    silent = [socket.create_connection(("127.0.0.1", port), timeout=20) for _ in range(80)]
    time.sleep(0.5)
    closed = 0
    for s in silent:
        s.setblocking(False)
        try:
            closed += s.recv(10) == b""
        except BlockingIOError:
            pass
        except ConnectionResetError:
            closed += 1
    check(closed >= 64, f"no more than 16 of one address are half open ({closed} of 80 were closed)")
    for s in silent:
        s.settimeout(20)
        try:
            while s.recv(100):
                pass
        except ConnectionResetError:
            pass
        s.close()
    check(True, "those that say nothing are closed after a while")


def main():
    directory = support.temporary_directory()
    key, certificate = munin.certificate(directory, "localhost")
    key.chmod(0o600)
    _, other = munin.certificate(directory, "other")
    token = directory / "token"
    token.write_text(TOKEN)
    token.chmod(0o600)
    port = support.free_port()
    config = f"""push {{
  listen 127.0.0.1:{port}
  certificate "{certificate}"
  key "{key}"
}}
host {HOST} {{
  interval 1s
  push {{
    token_file "{token}"
  }}
}}
"""
    with support.Server(config) as server:
        row = wait_for(lambda: (r := source(server)) and r.get("error") and r, 20, "the source says what is wrong")
        check("not connected" in row["error"], "without a node the source says that it is not connected")
        strangers(port, certificate)
        half_open(port)
        nodes = [Node(directory, port, ca=certificate)]
        try:
            node = nodes[0]
            wait_for(lambda: last(server, f"{HOST}:own:own"), 30, "values come over the node's connection")
            check(last(server, f"{HOST}:own:own")["v"] == 42, "external plugins of the node are collected")
            wait_for(lambda: last(server, f"{HOST}:load:load"), 20, "load")
            check(True, "built-in plugins of the node are collected")
            live = Greeting(port, certificate)
            check(live.claim() == b"# push refused\n", "a second connection of a host whose first one is live is refused")
            live.close()
            keep_on(server, node, nodes, directory, port, certificate)
            liars(server, nodes, directory, port, certificate, other)
        finally:
            for each in nodes:
                each.end()
            print("\n".join(nodes[0].log().splitlines()[-10:]))


def fresh(server):
    """Waits for a value that is measured from now on."""
    since = time.time()
    def newer():
        got = last(server, f"{HOST}:own:own")
        return got and support_time(got["t"]) > since + 1
    wait_for(newer, 45, "newer values come")


def support_time(text):
    if isinstance(text, (int, float)):
        return text
    import datetime
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def keep_on(server, node, nodes, directory, port, certificate):
    import os
    os.kill(server.roles()["collector"], signal.SIGKILL)
    fresh(server)
    check(True, "after the collector was killed the node connects again")
    node.process.kill()
    node.process.wait(10)
    wait_for(lambda: (r := source(server)) and "not connected" in (r.get("error") or ""), 20, "the loss is told")
    nodes.append(Node(directory, port, ca=certificate))
    fresh(server)
    check(True, "a node that was started again takes the place of the dead one")


def liars(server, nodes, directory, port, certificate, other):
    wrong = Node(directory, port, name="wrong.example.com", ca=certificate)
    nodes.append(wrong)
    wait_for(lambda: "refused us" in wrong.log(), 20, "a refused node says so")
    stranger = Node(directory, port, name="stranger.example.com", ca=other)
    nodes.append(stranger)
    wait_for(lambda: "certificate" in stranger.log(), 20, "a node does not speak to a server whose certificate nobody vouches for")
    check(TOKEN not in server.log() and all(TOKEN not in n.log() for n in nodes), "the token is in no log")
    check("push.refused" in server.log(), "the server tells whom it refused")
    counts = server.log().count("push.refused")
    check(counts < 60, f"and does not flood its log ({counts} lines)")


if __name__ == "__main__":
    main()
