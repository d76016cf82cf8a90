"""Graphs made of fields of others, and overrides: two nodes, a host that has nothing but graphs. A sum, a stack, a
borrowed field, a sum mirrored below another; one member is missing, names have hyphens; pictures and values come, the
virtual host is never down, and a reload changes all of it without asking a node anew."""
import contextlib
import csv
import io
import socketserver
import threading
import time

import support

TITLE = "Load $(touch %s) average"


class Node(socketserver.ThreadingTCPServer):
    """A munin-node with one plugin, `load`, whose value never changes, and one that mirrors."""
    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, name, value, trap):
        super().__init__(("127.0.0.1", 0), Dialogue)
        self.name, self.value, self.trap = name, value, trap
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def address(self):
        return f"127.0.0.1:{self.server_address[1]}"

    def answer(self, line):
        word, _, rest = line.partition(" ")
        if word == "cap":
            return "cap multigraph\n"
        if word == "list":
            return "load net\n"
        if word == "nodes":
            return f"{self.name}\n.\n"
        if (word, rest) == ("config", "load"):
            return (f"graph_title {TITLE % self.trap}\ngraph_vlabel load\nload.label load\nload.warning 100\n.\n")
        if (word, rest) == ("fetch", "load"):
            return f"load.value {self.value}\n.\n"
        if (word, rest) == ("config", "net"):
            return "graph_title Net\nup.label up\ndown.label down\n.\n"
        if (word, rest) == ("fetch", "net"):
            return f"up.value {self.value * 10}\ndown.value {self.value * 100}\n.\n"
        return "# Unknown command\n"


class Dialogue(socketserver.StreamRequestHandler):
    def handle(self):
        with contextlib.suppress(OSError):
            self.wfile.write(f"# munin node at {self.server.name}\n".encode())
            for line in self.rfile:
                line = line.decode().strip()
                if line in ("quit", "."):
                    return
                self.wfile.write(self.server.answer(line).encode())


def configuration(first, second, more=""):
    return f"""
interval 1s
group "web/eu" {{ override "load:load" {{ warning "3" }} }}
host web-1.example.com {{
  group "web/eu"; munin "{first.address}"; interval 1s
  override "load" {{ graph_title "Overridden load" }}
  {more}
}}
host web-2 {{ group "web/eu"; munin "{second.address}"; interval 1s }}
host web-gone {{ group "web/eu"; munin "127.0.0.1:1"; interval 1s }}
host totals {{
  group "web"
  graph load2 {{
    graph_title "Total load"
    field total {{
      label "total"; draw "AREA"
      sum "web;eu;web-1.example.com:load.load" "web-2:load:load" "web-gone:load.load"
    }}
    field one {{ label "first"; from "web-1.example.com:load.load" }}
    field both {{ stack "a=web-1.example.com:load.load" "b=web-2:load.load" }}
  }}
  graph net {{
    graph_title "All traffic"
    field down {{ sum "web-*:net.down"; graph "no" }}
    field up {{ label "bytes"; sum "web-*:net.up"; negative "down" }}
  }}
}}
"""


def rows(server, path):
    answer = server.get(path)
    if answer.status != 200:
        return []
    return list(csv.DictReader(io.StringIO(answer.body.decode())))


def known(server, path, column):
    """The newest row in which that column has a value."""
    with_value = [row for row in rows(server, path) if row.get(column)]
    return with_value[-1] if with_value else None


def check_values(server):
    path = "/graph/totals/load2.csv?from=-2m&to=now"
    support.wait_for(lambda: float((known(server, path, "total") or {"total": 0})["total"]) == 5, 30,
                     "both nodes are in the sum")
    row = known(server, path, "total")
    support.check(float(row["total"]) == 5, "a sum over three hosts, one of which is not there")
    support.check(float(row["first"]) == 2, "a borrowed field")
    support.check(float(row["a"]) == 2 and float(row["b"]) == 3, "the parts of a stack")
    row = known(server, "/graph/totals/net.csv?from=-2m&to=now", "bytes")
    support.check(float(row["bytes"]) == 50 and float(row["down"]) == 500, "sums by glob, one mirrored")
    answer = server.api("data?series=totals:load2:total,totals:load2:b&from=-2m&to=now&graphed=1")
    values = [v for v in answer["series"]["totals:load2:total"] if v]
    support.check(values and values[-1] == 5, "the data API knows them, too")
    support.check(any(v == 3 for v in answer["series"]["totals:load2:b"]), "and parts of a stack by their names")


def check_pictures(server):
    for graph in ("load2", "net"):
        for kind, magic in {"png": b"\x89PNG\r\n\x1a\n", "svg": b"<?xml"}.items():
            answer = server.get(f"/graph/totals/{graph}.{kind}?from=-10m&to=now")
            support.check(answer.status == 200 and answer.body.startswith(magic), f"{graph} as {kind}")


def service(server, host, name):
    services = (server.try_api(f"hosts/{host}") or {"services": []})["services"]
    return next((s for s in services if s["service"] == name), None)


def field(server, host, name, of):
    found = service(server, host, name)
    return next((f for f in found["fields"] if f["field"] == of), None) if found else None


def check_pages(server):
    hosts = {h["host"]: h for h in server.api("hosts")["hosts"]}
    support.check("totals" in hosts and hosts["totals"]["state"] in ("ok", "unknown"), f"listed: {hosts['totals']}")
    support.check(not [a for a in server.alerts() if a["host"] == "totals"], "nothing is wrong with a host of graphs")
    made = service(server, "totals", "load2")
    support.check(made and {f["field"] for f in made["fields"]} >= {"total", "one", "a", "b"}, "its fields are listed")
    support.check(service(server, "web-1.example.com", "load")["title"] == "Overridden load", "a title is overridden")
    support.check(field(server, "web-1.example.com", "load", "load")["warning"] == "3", "a limit, by the group")


def check_reload(server, first, second):
    server.config.write_text("discover no\n" + configuration(first, second, 'override "l*" { graph_title "Again" }')
                             .replace('"Total load"', '"Sum of loads"').split("  graph net {")[0] + "}\n")
    server.reload()
    support.wait_for(lambda: service(server, "web-1.example.com", "load")["title"] == "Again", 20, "another override counts")
    support.wait_for(lambda: service(server, "totals", "net") is None, 10, "a graph that is not configured is gone")
    support.check(service(server, "totals", "load2")["title"] == "Sum of loads", "the other one goes on")
    server.config.write_text("discover no\n" + configuration(first, second).replace('override "load"', 'override "none"')
                             .split("host totals")[0])
    server.reload()
    support.wait_for(lambda: TITLE % first.trap == service(server, "web-1.example.com", "load")["title"], 20,
                     "without an override counts what the node says")
    support.wait_for(lambda: server.get("/api/v1/hosts/totals").status == 404, 10, "a host without graphs is gone")


def scenario():
    directory = support.temporary_directory()
    trap = directory / "trap"
    first, second = Node("web-1.example.com", 2, trap), Node("web-2", 3, trap)
    with support.Server(configuration(first, second), directory=directory) as server:
        check_values(server)
        check_pictures(server)
        check_pages(server)
        time.sleep(3)
        check_pages(server)
        check_reload(server, first, second)
        support.check(not trap.exists(), "a title was never executed")


support.main(scenario)
