"""Exporters as sources: Debian's node exporter and Magpie's own /metrics in health, and an HTTP server that does what
a hostile one would. The good ones become services and values; of each bad one its source says what is wrong; no
bad one delays a good one."""
import http.server
import shutil
import socket
import subprocess
import threading
import time

import support
from support import Server, check, wait_for


class Hostile(http.server.BaseHTTPRequestHandler):
    """One path per way to be wrong."""
    protocol_version = "HTTP/1.1"
    churn = 0

    def do_GET(self):
        getattr(self, "on_" + self.path.strip("/").split("?")[0])()

    def say(self, body, status=200, kind="text/plain; version=0.0.4"):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def on_html(self):
        self.say(b"<html>hello</html>", kind="text/html")

    def on_broken(self):
        self.say(b"good 1\nbad\nworse{x=1} 2\ngood2 1e400\n\xff\xfe\x00\x1b[31m 1\n")

    def on_error(self):
        self.say(b"oops", status=500)

    def on_redirect(self):  # hostile 33
        self.send_response(302)
        self.send_header("Location", "file:///etc/passwd")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def on_endless(self):  # hostile 33
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.end_headers()
        self.close_connection = True
        try:
            while True:
                self.wfile.write(b"filler{x=\"1\"} 1\n" * 4096)
        except OSError:
            pass

    def on_drip(self):  # hostile 4
        self.send_response(200)
        self.end_headers()
        self.close_connection = True
        try:
            while True:
                self.wfile.write(b"#")
                time.sleep(0.5)
        except OSError:
            pass

    def on_many(self):  # hostile 23, 24
        Hostile.churn += 1
        self.say("".join(f"m{i % 8}{{r=\"{Hostile.churn}_{i}\"}} 1\n" for i in range(12000)).encode())

    def on_secret(self):
        good = self.headers.get("Authorization") == "Bearer sesame"
        self.say(b"opened 1\n" if good else b"no", status=200 if good else 401)

    def on_cut(self):
        self.say(b"# TYPE a counter\na_total 5\n", kind="application/openmetrics-text; version=1.0.0")

    def log_message(self, *arguments):
        pass


BAD = {  # exporter -> what its source says
    "html": "web page",
    "error": "500",
    "redirect": "302",
    "endless": "longer than",
    "drip": "no end of the answer within",
    "closed": "connect",
    "silent": "query: no answer within",
}
COMPLAINING = {"broken": "line 2: bad: no value", "many": "left out", "cut": "no end"}


def configuration(port, node_port, own_port, closed_port, silent_port, token):
    rows = [f'exporter {name} {{ url "http://127.0.0.1:{port}/{name}" }}'
            for name in [*BAD, *COMPLAINING] if name not in ("closed", "silent")]
    rows += [f'exporter closed {{ url "http://127.0.0.1:{closed_port}/" }}',
             f'exporter silent {{ url "http://127.0.0.1:{silent_port}/" }}',
             f'exporter secret {{ url "http://127.0.0.1:{port}/secret"; token_file "{token}" }}',
             f'exporter own {{ url "http://127.0.0.1:{own_port}/metrics" }}']
    if node_port:
        rows.append(f'exporter node {{ url "http://127.0.0.1:{node_port}/metrics"; select "node_load*" "node_cpu_seconds_total" '
                    '"node_memory_MemTotal_bytes" "node_scrape_collector_duration_seconds"; drop "node_load15"; '
                    'map "node_load1=load:load" }')
    return "host far {\n  address 127.0.0.1\n  interval 3s\n  timeout 2s\n  " + "\n  ".join(rows) + "\n}\n"


def start_node_exporter():
    program = shutil.which("prometheus-node-exporter")
    if not program:
        return None, 0
    port = support.free_port()
    process = subprocess.Popen([program, f"--web.listen-address=127.0.0.1:{port}"], stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
    return process, port


def source_states(server):
    answer = server.try_api("sources")
    return {s["id"].split("/", 1)[1]: s for s in answer["sources"] if s["host"] == "far"} if answer else {}


def series(server, match):
    return {s["id"]: s for s in server.api(f"series?match={match}")["series"]}


def check_good(server, with_node):
    names = ["own", "secret"] + (["node"] if with_node else [])
    wait_for(lambda: all(source_states(server).get(f"exporter/{n}", {}).get("state") == "ok" for n in names), 30,
             f"{names} answer")
    check(True, "exporters in health are asked: " + ", ".join(names))
    wait_for(lambda: any(s["last"]["v"] == 1 for s in series(server, "far:opened:*").values() if s.get("last")), 20,
             "the value behind the token")
    check(True, "a token opens an exporter")
    wait_for(lambda: (series(server, "far:exporter_own:up")["far:exporter_own:up"]["last"] or {}).get("v") == 1, 20, "exporter_own:up")
    check(any(name.startswith("far:magpie_") for name in series(server, "far:*:*")), "Magpie's own metrics are series")


def check_node(server):
    load = wait_for(lambda: series(server, "far:load:load").get("far:load:load", {}).get("last"), 20, "load is mapped")
    with open("/proc/loadavg", encoding="ascii") as file:
        now = float(file.read().split()[0])
    check(abs(load["v"] - now) < 3, f"node_load1 is the load ({load['v']}, {now})")
    cpu = series(server, "far:node_cpu_seconds_total:*")
    check("far:node_cpu_seconds_total:cpu0_idle" in cpu, "labels become the field's name")
    check(cpu["far:node_cpu_seconds_total:cpu0_idle"]["type"] == "DERIVE", "a counter is a DERIVE")

    def idle():
        last = series(server, "far:node_cpu_seconds_total:cpu0_idle").popitem()[1].get("last")
        return last and last["v"] is not None and last
    rate = wait_for(idle, 20, "a rate of the processor's time")["v"]
    check(0 <= rate <= 1500, f"milliseconds a second: {rate}")
    memory = wait_for(lambda: (lambda s: s.get("last") and s)(
        series(server, "far:node_memory_MemTotal_bytes:value").popitem()[1]), 20, "the size of the memory")
    check(memory["unit"] == "B" and memory["last"]["v"] > 1e8, "bytes are bytes")
    check(not series(server, "far:node_load15:*"), "what is dropped is not there")


def check_bad(server):
    for name, words in BAD.items():
        state = wait_for(lambda n=name: (lambda s: s.get("state") == "failing" and s)(
            source_states(server).get(f"exporter/{n}", {})), 30, f"{name} fails")
        check(words in state["error"], f"{name}: {state['error']}")
    for name, words in COMPLAINING.items():
        state = wait_for(lambda n=name: (lambda s: s.get("state") == "complaining" and s)(
            source_states(server).get(f"exporter/{n}", {})), 30, f"{name} complains")
        check(any(words in c["error"] for c in state["complaints"]), f"{name}: {state['complaints']}")
    check(len(series(server, "far:m*:r*")) <= 8000, "an exporter that invents series is bounded")
    up = wait_for(lambda: series(server, "far:exporter_html:up").popitem()[1].get("last"), 20, "exporter_html:up")
    check(up["v"] == 0, "exporter_NAME:up is 0 where it fails")
    check(b"\x1b" not in server.log().encode() and "\x1b" not in str(source_states(server)), "no raw byte is shown")


def scenario():
    hostile = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hostile)
    hostile.daemon_threads = True
    threading.Thread(target=hostile.serve_forever, daemon=True).start()
    silent = socket.create_server(("127.0.0.1", 0), backlog=64)
    node, node_port = start_node_exporter()
    server = Server()
    token = server.directory / "token"
    token.write_text("sesame\n")
    token.chmod(0o600)
    try:
        server.config.write_text(configuration(hostile.server_address[1], node_port, server.port, support.free_port(),
                                               silent.getsockname()[1], token))
        with server:
            check_good(server, node is not None)
            if node:
                check_node(server)
            check_bad(server)
            if node:
                before = series(server, "far:load:load").popitem()[1]["last"]["t"]
                wait_for(lambda: series(server, "far:load:load").popitem()[1]["last"]["t"] > before, 15,
                         "the good one goes on beside all the bad ones")
                node.kill()
                node.wait()
                wait_for(lambda: source_states(server)["exporter/node"]["state"] == "failing", 20, "its end is seen")
                check(bool(series(server, "far:node_cpu_seconds_total:*")), "its services stay declared")
    finally:
        if node and node.poll() is None:
            node.kill()
            node.wait()
        silent.close()
        hostile.shutdown()


support.main(scenario)
