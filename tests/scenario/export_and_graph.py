"""Graphs and values for elsewhere: by URL and by command, in every format, of any span; the numbers are the ones that
were measured."""
import json
import time

import journal
import support

MAGIC = {"png": b"\x89PNG\r\n\x1a\n", "svg": b"<?xml", "pdf": b"%PDF-"}


def check_pictures(server, host):
    for name, magic in MAGIC.items():
        answer = server.get(f"/graph/{host}/load.{name}?from=-10m&to=now")
        support.check(answer.status == 200 and answer.body.startswith(magic), f"{name} by URL, {len(answer.body)} bytes")
        file = server.directory / f"load.{name}"
        done = support.run_magpie("graph", f"{host}/load", "-o", file, "--data", server.data)
        support.check(done.returncode == 0 and file.read_bytes().startswith(magic), f"{name} by command {done.stderr}")
    wide = server.get(f"/graph/{host}/cpu.png?width=900&height=300").body
    support.check(int.from_bytes(wide[16:20], "big") > 900, "as wide as asked for")
    support.check(server.get(f"/graph/{host}/nothing.png").status == 404, "no graph: 404")
    support.check(server.get("/graph/nobody/load.png").status == 404, "no host: 404")
    done = support.run_magpie("graph", f"{host}/nothing", "-o", server.directory / "x.png", "--data", server.data)
    support.check(done.returncode == 1 and done.stderr, f"by command: {done.stderr.strip()}")


def check_values(server, host):
    series = f"{host}:uptime:uptime"
    to = int(time.time()) - 2
    answer = server.api(f"data?series={series}&from={to - 10}&to={to}&step=1")
    values = answer["series"][series]
    support.check(answer["step"] == 1 and len(values) >= 10, f"{len(values)} values of one second each")
    log = journal.Journal(server.data / "journal")
    measured = {t // 1000: v for t, v in log.samples[log.find("uptime", "uptime")]}
    compared = 0
    for i, value in enumerate(values):
        t = answer["t0"] + (i + 1) * answer["step"]
        if value is not None and t in measured:
            support.check(abs(value - measured[t]) < 1e-9, f"at {t} what was measured") if not compared else None
            assert abs(value - measured[t]) < 1e-9, (t, value, measured[t])
            compared += 1
    support.check(compared >= 5, f"{compared} values are the measured ones")


def check_texts(server, host):
    answer = server.get(f"/graph/{host}/load.csv?from=-5m")
    lines = answer.body.decode().splitlines()
    support.check(answer.status == 200 and len(lines) > 5 and "load" in lines[0], f"csv: {lines[0]}")
    support.check("series" in server.get(f"/graph/{host}/load.json?from=-5m").json(), "json")
    xml = server.get(f"/graph/{host}/load.xml?from=-5m")
    support.check(xml.status == 200 and b"<" in xml.body[:5], "xml")
    done = support.run_magpie("export", f"{host}:load:*", "--format", "csv", "--from", "-5m", "--data", server.data)
    support.check(done.returncode == 0 and len(done.stdout.splitlines()) > 5, f"csv by command {done.stderr}")
    done = support.run_magpie("export", f"{host}:load:*", "--format", "json", "--from", "-5m", "--data", server.data)
    support.check(done.returncode == 0 and json.loads(done.stdout), "json by command")
    done = support.run_magpie("status", "--data", server.data)
    support.check(done.returncode == 0 and "engine" in done.stdout, "magpie status")
    done = support.run_magpie("status", "-o", "json", "--data", server.data)
    support.check(done.returncode == 0 and json.loads(done.stdout), "magpie status -o json")
    done = support.run_magpie("problems", "--data", server.data)
    support.check(done.returncode == 0, f"magpie problems {done.stderr}")
    for command in (["version"], ["--help"], ["graph", "--help"], ["serve", "--help"]):
        support.check(support.run_magpie(*command).returncode == 0, f"magpie {' '.join(command)}")
    support.check(support.run_magpie("graph").returncode == 2, "wrong use is 2")


def scenario():
    server = support.Server("interval 1s\n")
    with server:
        host = support.wait_for(server.host, 20, "this host is known")
        support.wait_for(lambda: (server.try_api(f"series?match={host}:load:load") or {}).get("series"), 20, "load is measured")
        time.sleep(15)
        check_pictures(server, host)
        check_values(server, host)
        check_texts(server, host)
    done = support.run_magpie("status", "--data", server.data)
    support.check(done.returncode == 1 and done.stderr, f"without a server: {done.stderr.strip()}")


support.main(scenario)
