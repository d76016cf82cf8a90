"""Checks from here against real peers: web servers with certificates in every state, a mail server with STARTTLS, a name
server, ports and hosts; each in health and broken. The series say how far a check came, its source says at which stage and
why, and no bad one delays a good one."""
import http.server
import socket
import socketserver
import ssl
import struct
import subprocess
import threading
import time

import mailserver
import support
from support import Server, check, wait_for

CA_TEMPLATE = 'cn = "Test authority"\nca\ncert_signing_key\nexpiration_days = 3000\n'


class Certificates:
    """An authority and what it signs, by GnuTLS's certtool: NAME.pem holds certificate and key."""

    def __init__(self, directory):
        self.directory = directory
        self.run("--generate-privkey", "--key-type", "ecdsa", "--outfile", "key.pem")
        self.template("ca", CA_TEMPLATE)
        self.run("--generate-self-signed", "--load-privkey", "key.pem", "--template", "ca.tmpl", "--outfile", "ca.pem")
        self.make("good", "expiration_days = 300\n")
        self.make("soon", "expiration_days = 10\n")
        self.make("expired", 'activation_date = "2020-01-01 00:00:00"\nexpiration_date = "2021-01-01 00:00:00"\n')
        self.make("other", "expiration_days = 300\n", host="other.example")
        self.make("self", "expiration_days = 300\n", signed=False)

    def run(self, *arguments):
        subprocess.run(["certtool", *arguments], cwd=self.directory, check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)

    def template(self, name, text):
        (self.directory / f"{name}.tmpl").write_text(text)

    def make(self, name, dates, host="localhost", signed=True):
        self.template(name, f'cn = "{host}"\ndns_name = "{host}"\ntls_www_server\nsigning_key\n{dates}')
        how = ["--generate-certificate", "--load-ca-certificate", "ca.pem", "--load-ca-privkey", "key.pem"] if signed else \
            ["--generate-self-signed"]
        self.run(*how, "--load-privkey", "key.pem", "--template", f"{name}.tmpl", "--outfile", f"{name}.crt")
        (self.directory / f"{name}.pem").write_text((self.directory / f"{name}.crt").read_text() +
                                                    (self.directory / "key.pem").read_text())

    def path(self, name):
        return self.directory / f"{name}.pem"


class Pages(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        getattr(self, "on_" + self.path.strip("/").split("?")[0])()

    def say(self, status, body=b"", **headers):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def on_good(self):
        self.say(200, b"<h1>all systems work</h1>")

    def on_moved(self):
        self.say(302, Location="good")

    def on_circle(self):  # hostile 33
        self.say(302, Location="/circle")

    def on_file(self):  # hostile 33
        self.say(302, Location="file:///etc/passwd")

    def on_metadata(self):  # hostile 33
        self.say(302, Location="http://169.254.169.254/latest/")

    def on_down(self):
        self.say(503)

    def on_endless(self):  # hostile 33
        self.send_response(200)
        self.end_headers()
        self.close_connection = True
        try:
            while True:
                self.wfile.write(b"filler " * 8192)
        except OSError:
            pass

    def on_stall(self):  # hostile 33
        self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        self.wfile.flush()
        time.sleep(5)
        self.close_connection = True

    def log_message(self, *arguments):
        pass


class Quiet(http.server.ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True

    def handle_error(self, request, client_address):
        pass  # peers that refuse a certificate


def serve(certificate=None, port=0):
    """An HTTP server on loopback, with TLS if there is a certificate."""
    server = Quiet(("127.0.0.1", port), Pages)
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


class Names(socketserver.BaseRequestHandler):
    """A name server: www.test is 192.0.2.1, big.test only fits into TCP, silent.test is not answered."""

    def handle(self):
        tcp = self.server.socket_type == socket.SOCK_STREAM
        question = self.request.recv(512)[2:] if tcp else self.request[0]
        end = question.index(b"\0", 12) + 5
        name = question[13:end - 5]
        if name.startswith(b"silent"):
            return
        flags, count, code = 0x8180, 1, 0
        if name.startswith(b"big") and not tcp:
            flags, count = 0x8380, 0
        elif not name.startswith((b"www", b"big")):
            count, code = 0, 3
        answer = question[:2] + struct.pack(">HHHHH", flags | code, 1, count, 0, 0) + question[12:end]
        answer += count * (b"\xc0\x0c\0\1\0\1" + struct.pack(">IH", 77, 4) + bytes([192, 0, 2, 1]))
        if tcp:
            self.request.sendall(struct.pack(">H", len(answer)) + answer)
        else:
            self.request[1].sendto(answer, self.client_address)


def start_names():
    """UDP and TCP on one port."""
    while True:
        udp = socketserver.ThreadingUDPServer(("127.0.0.1", 0), Names)
        try:
            tcp = socketserver.ThreadingTCPServer(("127.0.0.1", udp.server_address[1]), Names)
            break
        except OSError:
            udp.server_close()
    for server in (udp, tcp):
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
    return udp, tcp


# check -> (up, stage, words of the error; "" where there is none)
EXPECTED = {
    "page": (1, 5, ""),
    "moved": (1, 5, ""),
    "circle": (0, 4, "query: more than 5 redirects"),
    "file": (0, 4, "redirects to file:///etc/passwd: that is not followed"),
    "metadata": (0, None, "redirected to 169.254.169.254"),
    "down": (0, 4, "answers 503 Service Unavailable, not 200-399"),
    "unmatched": (0, 4, 'query: http://127.0.0.1:'),
    "endless": (1, 5, ""),
    "stall": (0, 4, "query: 127.0.0.1:"),
    "refused": (0, 1, "Connection refused"),
    "nowhere": (0, 0, "resolve: "),
    "https_good": (1, 5, ""),
    "https_expired": (0, 2, "greet: 127.0.0.1:"),
    "https_other": (0, 2, "not made out to localhost"),
    "https_self": (0, 2, "it is self-signed"),
    "tls_soon": (1, 5, ""),
    "tls_expired": (0, 2, "has expired: it ended 2"),
    "tls_unverified": (1, 5, ""),
    "tls_plain": (0, 2, "TLS: it does not speak TLS"),
    "smtp_tls": (1, 5, ""),
    "smtp_no_tls": (0, 2, "no TLS by pop3"),
    "smtp_banner": (1, 5, ""),
    "smtp_says": (0, 4, 'query: 127.0.0.1:'),
    "silent": (0, 4, "no answer in time"),
    "dns_good": (1, 5, ""),
    "dns_big": (1, 5, ""),
    "dns_absent": (0, 4, "answers NXDOMAIN (there is no such name) for absent.test"),
    "dns_other": (0, 4, "says that www.test is 192.0.2.1, which is not expected"),
    "dns_silent": (0, 4, "no answer to"),
    "dns_refused": (0, 1, "Connection refused"),
    "ping_here": (1, 5, ""),
}


def configuration(ports, certs):
    web = f"http://127.0.0.1:{ports['web']}"
    names = f'server "127.0.0.1:{ports["names"]}"'
    ca = f'ca "{certs.path("ca")}"'
    rows = {
        "page": f'http "{web}/good"; match "systems work"; absent "error"',
        "moved": f'http "{web}/moved"',
        "circle": f'http "{web}/circle"',
        "file": f'http "{web}/file"',
        "metadata": f'http "{web}/metadata"',
        "down": f'http "{web}/down"',
        "unmatched": f'http "{web}/good"; match "nothing works"',
        "endless": f'http "{web}/endless"; match "filler"',
        "stall": f'http "{web}/stall"',
        "refused": f'http "http://127.0.0.1:{ports["closed"]}/"',
        "nowhere": 'http "http://absent.invalid/"',
        **{f"https_{name}": f'http "https://localhost:{ports[name]}/good"; {ca}'
           for name in ("good", "expired", "other", "self")},
        "tls_soon": f'tls "localhost:{ports["soon"]}"; {ca}',
        "tls_expired": f'tls "localhost:{ports["expired"]}"; {ca}',
        "tls_unverified": f'tls "localhost:{ports["expired"]}"; verify no',
        "tls_plain": f'tls "127.0.0.1:{ports["web"]}"',
        "smtp_tls": f'tls "localhost:{ports["mail"]}"; starttls smtp; {ca}',
        "smtp_no_tls": f'tcp "127.0.0.1:{ports["mail"]}"; starttls pop3',
        "smtp_banner": f'tcp "127.0.0.1:{ports["mail"]}"; match "^220 mail.test"',
        "smtp_says": f'tcp "127.0.0.1:{ports["mail"]}"; send "QUIT\\\\r\\\\n"; match "^550"',
        "silent": f'tcp "127.0.0.1:{ports["silent"]}"; match "hello"',
        "dns_good": f'dns "www.test"; {names}; expect "192.0.2.9" "192.0.2.1"',
        "dns_big": f'dns "big.test"; {names}; expect "192.0.2.1"',
        "dns_absent": f'dns "absent.test"; {names}',
        "dns_other": f'dns "www.test"; {names}; expect "192.0.2.2"',
        "dns_silent": f'dns "silent.test"; {names}',
        "dns_refused": f'dns "www.test"; server "127.0.0.1:{ports["closed"]}"',
        "ping_here": 'ping "127.0.0.1"',
    }
    assert rows.keys() == EXPECTED.keys()
    return "host far {\n  address 127.0.0.1\n  interval 3s\n  timeout 2s\n" + \
        "".join(f"  check {name} {{ {text} }}\n" for name, text in rows.items()) + "}\n"


def states(server):
    answer = server.try_api("sources")
    return {s["name"]: s for s in answer["sources"] if s["host"] == "far"} if answer else {}


def value(server, name, field):
    found = server.api(f"series?match=far:check_{name}:{field}")["series"]
    last = found[0].get("last") if found else None
    return last["v"] if last else None


def check_one(server, name, up, stage, words):
    wait_for(lambda: value(server, name, "up") is not None, 20, f"check_{name}:up")
    state = wait_for(lambda: (lambda s: s and s["state"] != "waiting" and words in s["error"] and s)(
        states(server).get(name)), 20, f"{name}: {words or 'no error'}")
    check(value(server, name, "up") == up and stage in (None, value(server, name, "stage")),
          f"{name}: up {value(server, name, 'up')}, stage {value(server, name, 'stage')}")
    check(words in state["error"] if words else not state["error"], f"{name}: {state['error'] or 'no error'}")


def check_values(server):
    check(7 < value(server, "tls_soon", "days_left") <= 10, "days left of a certificate")
    check(value(server, "tls_unverified", "days_left") < -1000, "days since one ended")
    check(value(server, "https_expired", "days_left") < -1000, "days since one ended that was refused")
    check(value(server, "tls_soon", "version") == 1.3, "version of TLS")
    check(value(server, "page", "status") == 200 and value(server, "down", "status") == 503, "status")
    check(value(server, "moved", "redirects") == 1, "redirects")
    check(value(server, "endless", "size") == 1 << 20, "what is read of an endless page is bounded")
    phases = [value(server, "https_good", f) for f in ("resolve", "connect", "tls", "first_byte")]
    check(all(p is not None and p >= 0 for p in phases) and sum(phases) <= value(server, "https_good", "total"),
          f"phases of a page: {phases}")
    check(value(server, "dns_good", "ttl") == 77, "time to live")
    loss = value(server, "ping_here", "loss")
    check(loss == 0 and 0 < value(server, "ping_here", "avg") < 1, "pings")


def scenario():
    directory = support.temporary_directory()
    certs = Certificates(directory)
    support.make_reachable(directory)
    mail_directory = directory / "mail"
    mail_directory.mkdir()
    mail = mailserver.MailServer(mail_directory, certificate=certs.path("good"))
    web = serve()
    secure = {name: serve(certs.path(name)) for name in ("good", "expired", "other", "self", "soon")}
    names = start_names()
    silent = socket.create_server(("127.0.0.1", 0), backlog=64)
    ports = {"web": web.server_address[1], "names": names[0].server_address[1], "mail": mail.port,
             "silent": silent.getsockname()[1], "closed": support.free_port(),
             **{name: s.server_address[1] for name, s in secure.items()}}
    try:
        with Server(configuration(ports, certs)) as server:
            for name, expected in EXPECTED.items():
                check_one(server, name, *expected)
            check_values(server)
            web.shutdown()
            web.server_close()
            wait_for(lambda: value(server, "page", "up") == 0, 15, "a server that ended is seen")
            wait_for(lambda: "connect: 127.0.0.1" in states(server)["page"]["error"], 15, "its source says at which stage")
            web = serve(port=ports["web"])
            wait_for(lambda: value(server, "page", "up") == 1, 15, "one that came back too")
            wait_for(lambda: states(server)["page"]["state"] == "ok", 15, "and its source is well")
            check("\x1b" not in server.log(), "no raw byte is in the log")
    finally:
        mail.stop()
        silent.close()
        for one in (web, *secure.values(), *names):
            one.shutdown()


support.main(scenario)
