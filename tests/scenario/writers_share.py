"""Three rrd roles share the tree: each writes the files of its hosts only; kill -9 of each of them under load, stops and starts
with other numbers of writers; every row of every file stays what the journal says, and answers are whole throughout.

usage: writers_share.py [ROUNDS [SEED]]"""
import os
import random
import re
import signal
import subprocess
import sys
import time

import archive
import journal
import support
from support import check, wait_for

HOSTS = 9


def configuration(port, writers):
    rows = "".join(f'host node{i}.example.com {{ munin "127.0.0.1:{port}"; interval 1s }}\n' for i in range(HOSTS))
    return f"default_rules no\ninterval 1s\narchive {{ writers {writers} }}\n{rows}"


def writers(server):
    """{name: pid} of the rrd roles."""
    return {name: pid for name, pid in support.children(server.pid).items() if re.fullmatch(r"rrd(-\d+)?", name)}


def journal_of(server):
    return journal.Journal(server.data / "journal")


def wait_samples(server, more=3):
    last = journal_of(server).last
    wait_for(lambda: journal_of(server).last > last + more, 20, "samples go on")


def figures(server, name):
    """{writer: value} of one of the figures of /metrics."""
    text = server.get("/metrics").body.decode()
    return {int(w): float(v) for w, v in re.findall(rf'^magpie_{name}{{writer="(\d+)"}} (\S+)$', text, re.M)}


def known_values(server):
    """{series: number of values known} of the last half minute, asked for in one question; None while some are few: a writer
    that has just begun reads the journal again."""
    names = [f"node{i}.example.com:uptime:uptime" for i in range(HOSTS)]
    now = int(time.time())
    answer = server.try_api(f"data?series={','.join(names)}&from={now - 30}&to={now - 5}&step=1")
    known = {name: sum(v is not None for v in values) for name, values in answer["series"].items()} if answer else {}
    return known if len(known) == HOSTS and min(known.values()) > 5 else None


def check_answers(server):
    """One question for series of all hosts: one grid, and values of every one; and a picture from each writer."""
    known = wait_for(lambda: known_values(server), 20, "values of all hosts come in one answer")
    check(known, f"at least {min(known.values())} values of each host")
    for i in (0, 4, 8):
        picture = server.get(f"/graph/node{i}.example.com/load.png")
        check(picture.status == 200 and picture.body[:4] == b"\x89PNG", f"a picture of node{i}")


def check_rows(server, what):
    count, wrong = archive.compare(server.data / "rrd", journal_of(server), server.directory, most=250)
    for text in wrong[:10]:
        print(text)
    check(count > 150 and not wrong, f"{what}: {count} files agree with the journal in every row")


def restart(server, port, number):
    server.config.write_text("discover no\n" + configuration(port, number))
    server.start()
    wait_for(lambda: len(writers(server)) == number, 20, f"{number} writers")
    wait_samples(server)


def back(server, before, victims):
    """The writers, when those that were killed are others; all from one look."""
    now = writers(server)
    return now if len(now) == len(before) and not set(now.values()) & {before[name] for name in victims} else None


def kill_each(server, rng, rounds):
    for number in range(rounds):
        before = writers(server)
        victims = sorted(before) if number % 4 == 3 else [sorted(before)[number % len(before)]]
        time.sleep(rng.uniform(0.1, 1.2))
        for name in victims:
            os.kill(before[name], signal.SIGKILL)
        now = wait_for(lambda b=before, v=victims: back(server, b, v), 20, "the writers are back")
        others = [name for name in before if name not in victims]
        check(all(now[name] == before[name] for name in others), f"kill of {', '.join(victims)}: only they end")
    wait_for(lambda: server.ready(), 20, "all answer again")


def scenario():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 8
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else random.randrange(1 << 32)
    print(f"seed {seed}")
    rng = random.Random(seed)
    port = support.free_port()
    node = subprocess.Popen([support.magpie_binary(), "node", "--listen", f"127.0.0.1:{port}", "--plugins", "/nonexistent"],
                            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    server = support.Server(configuration(port, 3))
    try:
        with server:
            run(server, rng, rounds, port)
    finally:
        node.terminate()
        node.wait(10)


def run(server, rng, rounds, port):
    wait_for(lambda: len(server.api("hosts")["hosts"]) == HOSTS + 1, 30, "all hosts are known")
    check(sorted(writers(server)) == ["rrd", "rrd-1", "rrd-2"], "three writers run")
    time.sleep(12)
    wait_for(lambda: len(figures(server, "rrd_writer_values_total")) == 3 and
             min(figures(server, "rrd_writer_values_total").values()) > 0, 90, "each of them writes")
    roles = [(r["name"], r["instance"]) for r in server.api("status")["roles"] if r["name"] == "rrd"]
    check(roles == [("rrd", 0), ("rrd", 1), ("rrd", 2)], "the status shows all")
    check_answers(server)
    kill_each(server, rng, rounds)
    check_answers(server)
    check(server.stop() == 0, "ends cleanly")
    check_rows(server, "three writers, each killed")
    tree = server.data / "rrd" / ".magpie"
    logs = sorted(path.name for path in tree.glob("headers*"))
    check(logs == ["headers", "headers.1", "headers.2"], f"a header log each {logs}")

    # no clean end: what three header logs hold is put back by the first of two
    restart(server, port, 3)
    time.sleep(5)
    check_answers(server)
    server.kill()
    restart(server, port, 2)
    check("rrd.share_anew" in server.log(), "the tree was shared out anew")
    check_answers(server)
    check(server.stop() == 0, "ends cleanly")
    check_rows(server, "three writers cut off, then two")
    restart(server, port, 1)
    check_answers(server)
    server.kill()
    restart(server, port, 4)
    check_answers(server)
    check(server.stop() == 0, "ends cleanly")
    check_rows(server, "one writer cut off, then four")
    logs = sorted(path.name for path in tree.glob("headers*"))
    check(logs == ["headers", "headers.1", "headers.2", "headers.3"], f"a header log each {logs}")


support.main(scenario)
