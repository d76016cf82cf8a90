"""RRD files are damaged under a running Magpie: each is set aside with an event and rebuilt from the journal, row by
row; the other roles do not notice. Hostile 80, 81 and 89 with the whole program."""
import os
import random
import signal
import time

import archive
import journal
import support


def zero(path):
    with open(path, "r+b") as file:
        file.write(b"\0" * path.stat().st_size)


def garbage(path):
    with open(path, "r+b") as file:
        file.write(random.Random(7).randbytes(4096))


def cut(path):
    os.truncate(path, 1000)


def empty(path):
    os.truncate(path, 0)


def many_sources(path):
    """A count of data sources that no memory holds."""
    with open(path, "r+b") as file:
        file.seek(24)
        file.write((1 << 61).to_bytes(8, "little"))


def remove(path):
    path.unlink()


def link(path):
    path.unlink()
    path.symlink_to("/etc/passwd")


def fifo(path):
    path.unlink()
    os.mkfifo(path)


def directory(path):
    path.unlink()
    path.mkdir()


DAMAGES = [zero, garbage, cut, empty, many_sources, remove, link, fifo, directory]
# one series for each damage, measured on every machine
VICTIMS = [("load", "load"), ("cpu", "user"), ("memory", "free"), ("processes", "processes"), ("uptime", "uptime"),
           ("vmstat", "wait"), ("cpu", "system"), ("memory", "cached"), ("cpu", "idle")]


def scenario():
    server = support.Server("interval 1s\ndefault_rules no\n")
    with server:
        time.sleep(12)
        log = journal.Journal(server.data / "journal")
        paths = {}
        for damage, (service, field) in zip(DAMAGES, VICTIMS):
            number = log.find(service, field)
            support.check(number, f"{service}.{field} is journalled")
            paths[damage] = archive.file_of(server.data / "rrd", log.series[number])
        host = server.host()
        server.get(f"/api/v1/data?series={host}:load:load&from=-60s&to=now")  # asks for it: it is written
        support.wait_for(lambda: all(path.exists() for path in paths.values()), 330, "the files are there")
        others = {name: pid for name, pid in server.roles().items() if name != "rrd"}
        # The role may be reading at this moment: what then happens to it is part of the test.
        for damage, path in paths.items():
            damage(path)
        os.kill(server.roles()["rrd"], signal.SIGKILL)  # so that it looks at every header again
        support.wait_for(lambda: "rrd" in server.roles(), 10, "the rrd role is back")
        support.wait_for(lambda: all(path.is_file() and not path.is_symlink() and path.stat().st_size > 5000
                                     for path in paths.values()), 60, "all files are rebuilt")
        support.check(True, "all files are rebuilt")
        events = server.api("status").get("events", [])
        told = [event for event in events if event["kind"].startswith("rrd.")]
        support.check(len(told) >= 1, f"and it is told: {[(e['kind'], e['object']) for e in told][:4]}")
        support.check({n: p for n, p in server.roles().items() if n != "rrd"} == others, "no other role was disturbed")
        support.check(server.get(f"/graph/{host}/load.png").body.startswith(b"\x89PNG"), "the graph is drawn again")
        time.sleep(3)
        support.check(server.stop() == 0, "ends cleanly")
    log = journal.Journal(server.data / "journal")
    count, wrong = archive.compare(server.data / "rrd", log, server.directory)
    for text in wrong[:10]:
        print(text)
    support.check(count > 100 and not wrong, f"{count} files agree with the journal in every row")
    support.check(os.path.getsize("/etc/passwd") > 0 and not os.access(server.data / "rrd" / "passwd", os.F_OK), "no link was followed")


support.main(scenario)
