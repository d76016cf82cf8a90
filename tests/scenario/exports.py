"""Values for elsewhere: every format and layout read back by somebody else's reader and compared with what rrdtool reads
from the files; tens of megabytes with the memory of a few; readers that are slow, that leave, and an archive that dies in
the middle."""
import csv
import http.client
import io
import json
import math
import os
import signal
import socket
import subprocess
import tarfile
import time
import xml.etree.ElementTree

import support

FETCHED = 9  # significant digits that two ways of printing have in common
LARGE = 50 << 20


def number(text):
    return None if text in ("", "NaN", None) else float(text)


def read_sheet(text, separator):
    """{id: {t: value}} of a wide sheet."""
    rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=separator))
    assert rows[0][:2] == ["time", "epoch"], rows[0]
    values = {name: {} for name in rows[0][2:]}
    for row in rows[1:]:
        assert time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(int(row[1]))) == row[0], row
        for name, cell in zip(rows[0][2:], row[2:], strict=True):
            values[name][int(row[1])] = number(cell)
    return values


def read_long(text, separator):
    """{id:cf: {t: value}} of a long sheet with all consolidations."""
    values = {}
    for row in csv.DictReader(io.StringIO(text, newline=""), delimiter=separator):
        for cf in ("average", "min", "max"):
            name = f"{row['host']}:{row['service']}:{row['field']}:{cf}"
            values.setdefault(name, {})[int(row["epoch"])] = number(row[cf])
    return values


def read_json(text):
    answer = json.loads(text)
    t0, step = answer["t0"], answer["step"]
    return {name: {t0 + (i + 1) * step: v for i, v in enumerate(column)} for name, column in answer["series"].items()}


def read_json_long(text):
    return {f"{s['id']}:{s['cf']}": {s["t0"] + (i + 1) * s["step"]: v for i, v in enumerate(s["values"])}
            for s in json.loads(text)["series"]}


def read_xml(text):
    root = xml.etree.ElementTree.fromstring(text)
    names = [entry.text for entry in root.findall("meta/legend/entry")]
    rows = root.findall("data/row")
    assert int(root.find("meta/rows").text) == len(rows)
    assert int(root.find("meta/start").text) == int(rows[0].find("t").text)
    assert int(root.find("meta/end").text) == int(rows[-1].find("t").text)
    values = {name: {} for name in names}
    for row in rows:
        for name, cell in zip(names, row.findall("v"), strict=True):
            values[name][int(row.find("t").text)] = number(cell.text)
    return values


def same(a, b):
    if a is None or b is None:
        return a is b
    return math.isclose(a, b, rel_tol=10 ** -FETCHED, abs_tol=1e-12)


def compare(ours, theirs, what):
    """All of theirs are in ours; gives how many known values that were."""
    known = 0
    for t, value in theirs.items():
        assert t in ours and same(ours[t], value), f"{what} at {t}: {ours.get(t)} and {value}"
        known += value is not None
    return known


def text_of(server, target):
    answer = server.get(target, timeout=60)
    support.check(answer.status == 200, f"{target[:100]}: {len(answer.body)} bytes")
    return answer.body.decode()


def check_formats(server, host, begin, end):
    """Gives {id: {t: value}} that all formats agree on, and the same by consolidation."""
    query = f"match={host}:load,{host}:cpu&from={begin}&to={end}"
    sheet = read_sheet(text_of(server, f"/api/v1/export.csv?{query}"), ",")
    support.check(len(sheet) > 5 and all(len(column) == end - begin for column in sheet.values()), "a row per second")
    for name, values in (("tsv", read_sheet(text_of(server, f"/api/v1/export.tsv?{query}"), "\t")),
                         ("json", read_json(text_of(server, f"/api/v1/export.json?{query}"))),
                         ("xml", read_xml(text_of(server, f"/api/v1/export.xml?{query}")))):
        support.check(values == sheet, f"{name} holds the same as csv")
    data = server.api(f"data?series={host}:load:load&from={begin}&to={end}")["series"][f"{host}:load:load"]
    support.check(data == list(sheet[f"{host}:load:load"].values()), "and so does the data API")
    by_cf = read_sheet(text_of(server, f"/api/v1/export.csv?{query}&cf=all"), ",")
    long = read_long(text_of(server, f"/api/v1/export.tsv?{query}&cf=all&layout=long"), "\t")
    support.check(long == by_cf, "long holds the same as wide, of all consolidations")
    long = read_json_long(text_of(server, f"/api/v1/export.json?{query}&cf=all&layout=long"))
    support.check(long == by_cf, "long JSON, too")
    return sheet, by_cf


def check_refusals(server, host):
    for query, status in (("", 400), ("match=nobody", 404), ("series=a:b:c", 404), ("match=*&layout=tall", 400),
                          (f"match={host}&from=now&to=-1d", 400), (f"match={host}&step=0", 400),
                          (f"match={host}&from=0&step=1", 200), (f"match={host}&cf=last", 400),
                          ("match=a:b:c:d", 400), (f"match={host}&width=3", 400)):
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
        connection.request("GET", f"/api/v1/export.csv?{query}")
        answer = connection.getresponse()
        assert answer.status == status, (query, answer.status)
        assert status == 200 or json.loads(answer.read())["status"] == status
        connection.close()
    support.check(True, "what cannot be is refused with the reason (hostile 53)")


def check_command(server, host, begin, end):
    target = server.directory / "out.csv"
    words = ["export", f"{host}:load", "--from", begin, "--to", end, "--data", server.data]
    done = support.run_magpie(*words, "-o", target)
    support.check(done.returncode == 0 and not done.stderr, f"a file by command {done.stderr}")
    whole = text_of(server, f"/api/v1/export.csv?match={host}:load&from={begin}&to={end}")
    support.check(target.read_bytes().decode() == whole, "with what the address gives")
    done = support.run_magpie(*words, "--format", "json")
    support.check(done.returncode == 0 and read_json(done.stdout), "on stdout as well")
    done = support.run_magpie(*words, "-o", "/dev/full")
    support.check(done.returncode == 1 and "No space" in done.stderr, f"full disk: {done.stderr.strip()}")
    for word, code in ((["export"], 2), (["export", host, "--format", "xls"], 2), (["export", "nobody"], 1)):
        done = support.run_magpie(*word, "--data", server.data)
        assert done.returncode == code and done.stderr, (word, done.returncode)
    group = server.api("hosts")["hosts"][0]["group"]
    done = support.run_magpie("export", f"{group}/", "--from", begin, "--to", end, "--data", server.data)
    support.check(done.returncode == 0 and f"{host}:load:load" in done.stdout, f"group {group} {done.stderr}")
    check_interrupted(server, host, target)


def check_interrupted(server, host, target):
    before = target.read_bytes()
    process = subprocess.Popen([support.magpie_binary(), "export", host, "--from", "-20h", "--layout", "long", "-o",
                                str(target), "--data", str(server.data)], stderr=subprocess.DEVNULL)
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    support.check(process.wait(10) == -signal.SIGINT, "Ctrl-C ends it")
    names = sorted(os.listdir(server.directory))
    support.check(target.read_bytes() == before and not [n for n in names if n.endswith(".new")],
                  "and leaves what was there, and nothing else")


def check_parcel(server, host, sheet):
    file = server.directory / "all.tar.gz"
    done = support.run_magpie("export", f"{host}:load,{host}:cpu", "-o", file, "--files", "all", "--data", server.data,
                              timeout=60)
    support.check(done.returncode == 0, f"parcel of {file.stat().st_size} bytes {done.stderr}")
    with tarfile.open(file, "r:gz") as tar:
        names = tar.getnames()
        for name in names:
            assert not name.startswith("/") and ".." not in name, name
        whole = json.load(tar.extractfile("manifest.json"))
        support.check(names[-1] == "manifest.json" and whole["hosts"] == [f"{host}/manifest.json"], "its manifest is last")
        manifest = json.load(tar.extractfile(f"{host}/manifest.json"))
        services = {s["service"]: s for s in manifest["services"]}
        support.check(set(services) == {"cpu", "load"}, "both services are in it")
        for service in services.values():
            columns = {}
            finest = [t for t in service["tables"] if t["cf"] == "average"][0]
            for part in finest["files"]:
                for name, values in read_sheet(tar.extractfile(part).read().decode(), ",").items():
                    columns.setdefault(name, {}).update(values)
            known = sum(compare(columns[f["field"]], sheet[f"{host}:{service['service']}:{f['field']}"], f["field"])
                        for f in service["fields"])
            support.check(known > 5, f"{service['service']}: {known} values are those of the sheet")
            for field in service["fields"]:
                copy = server.directory / "copy.rrd"
                copy.write_bytes(tar.extractfile(f"rrd/{field['file']}").read())
                last = subprocess.run(["rrdtool", "last", copy], capture_output=True, text=True, check=True).stdout
                assert time.gmtime(int(last))[:6] == time.strptime(field["last_update"], "%Y-%m-%dT%H:%M:%SZ")[:6]
        support.check(True, "the copied files are whole to rrdtool")


# -- large --

def web_peak_kib(server):
    with open(f"/proc/{server.roles()['web']}/status", encoding="ascii") as status:
        return int([line for line in status if line.startswith("VmHWM")][0].split()[1])


def begin_large(server, host):
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    connection.request("GET", f"/api/v1/export.csv?match={host}&from=-20h&layout=long")
    answer = connection.getresponse()
    assert answer.status == 200, answer.read()
    return connection, answer


def check_large(server, host):
    before = web_peak_kib(server)
    connection, answer = begin_large(server, host)
    expected = int(answer.getheader("Magpie-Expected-Bytes"))
    began = time.monotonic()
    length = 0
    while length < LARGE:
        piece = answer.read(1 << 20)
        assert piece
        length += len(piece)
    took = time.monotonic() - began
    connection.close()
    grown = web_peak_kib(server) - before
    support.check(expected > LARGE, f"{expected >> 20} MB are promised")
    support.check(grown < 30 << 10, f"{length >> 20} MB in {took:.1f} s, web grew by {grown} KiB at most")


def check_slow_and_leaving(server, host):
    before = web_peak_kib(server)
    slow = [begin_large(server, host) for _ in range(8)]
    began = time.monotonic()
    support.check(server.api("status") and time.monotonic() - began < 2, "others are served beside readers that do not read")
    for _, answer in slow:
        assert answer.read(1000)
    for connection, _ in slow:
        connection.close()
    for _ in range(50):
        connection, _ = begin_large(server, host)
        connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        connection.close()
    connection, answer = begin_large(server, host)
    support.check(answer.read(100000), "50 readers that left hold no place")
    connection.close()
    grown = web_peak_kib(server) - before
    support.check(grown < 60 << 10, f"web grew by {grown} KiB at most")


def check_archive_dies(server, host):
    connection, answer = begin_large(server, host)
    assert answer.read(1 << 20)
    os.kill(server.roles()["rrd"], signal.SIGKILL)
    try:
        while answer.read(1 << 20):
            pass
        raise AssertionError("a part looks like the whole")
    except (http.client.IncompleteRead, ConnectionError) as e:
        support.check(True, f"the archive dies in the middle: {type(e).__name__}")
    connection.close()
    support.wait_for(lambda: server.get(f"/api/v1/export.csv?match={host}:load&from=-5s").status == 200, 15,
                     "exports work again")


# -- beside rrdtool, when nothing writes any more --

def rrd_rows(path, cf, begin, end):
    done = subprocess.run(["rrdtool", "fetch", path, cf, "-s", str(begin), "-e", str(end - 1), "-r", "1"],
                          capture_output=True, text=True, check=True)
    rows = {}
    for line in done.stdout.splitlines():
        t, _, value = line.partition(": ")
        if t.isdigit() and begin < int(t) <= end:
            rows[int(t)] = None if "nan" in value else float(value)
    return rows


def check_beside_rrdtool(server, host, by_cf, begin, end):
    compared = 0
    for name, values in by_cf.items():
        _, service, field, cf = name.split(":")
        path = next((server.data / "rrd").rglob(f"{host}-{service}-{field}-?.rrd"))
        rows = rrd_rows(path, cf.upper(), begin, end)
        assert len(rows) == end - begin, (name, len(rows))
        compared += compare(values, rows, name)
    support.check(compared > 100, f"{compared} values are those that rrdtool reads")


def scenario():
    server = support.Server("interval 1s\n")
    with server:
        host = support.wait_for(server.host, 20, "this host is known")
        support.wait_for(lambda: (server.try_api(f"series?match={host}:load:load") or {}).get("series"), 20, "load is measured")
        time.sleep(12)
        end = int(time.time()) - 4
        begin = end - 20
        sheet, by_cf = check_formats(server, host, begin, end)
        check_refusals(server, host)
        check_command(server, host, begin, end)
        check_parcel(server, host, sheet)
        check_large(server, host)
        check_slow_and_leaving(server, host)
        check_archive_dies(server, host)
        support.check(server.stop() == 0, "it ends cleanly")
        check_beside_rrdtool(server, host, by_cf, begin, end)


support.main(scenario)
