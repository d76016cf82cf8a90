"""The power goes: Magpie runs on a file system of its own, which is shut down without a word to the disk (FS_IOC_SHUTDOWN:
what was not synced is gone), mounted again, and Magpie started on what is left. At most the last second is lost, every
row of every RRD file is what the journal says, states and messages are what they were.

usage: power_cut.py [CUTS [SEED]]"""
import os
import random
import sys
import time

import archive
import journal
import loopdisk
import mailserver
import support

CONFIG = """\
interval 1s
default_rules no
smtp {{
  server "smtp://127.0.0.1:{smtp}"
  from   "magpie@example.org"
  tls    none
}}
channel ops {{ email "ops@example.org" }}
notify ops
"""

# True from the first sample on, for ever: told once, however often the power goes.
RULES = """\
rule it_runs {
  value   uptime:uptime
  warn    > 0s
  summary "${host} runs"
}
"""

# Of our own failings; none of them may come of a power cut. (A torn end of the journal may: what was written and not
# synced is on the disk in part.)
BAD_EVENTS = ("store.", "rrd.set_aside", "rrd.ahead", "journal.lost", "journal.given_up", "feed.gap")
SLACK_S = 0.5


def last_uptime(data):
    """When the last sample of uptime in the journal was taken; 0.0: there is none."""
    log = journal.Journal(data / "journal")
    number = log.find("uptime", "uptime")
    return log.samples[number][-1][0] / 1000 if number and log.samples[number] else 0.0


def check_function_of_time(data, cuts):
    """uptime is a known function of time: each sample lies on its line, and only a cut explains that one is missing."""
    log = journal.Journal(data / "journal")
    samples = log.samples[log.find("uptime", "uptime")]
    booted = time.time() - float(open("/proc/uptime", encoding="ascii").read().split()[0])
    wrong = [(t, v) for t, v in samples if abs((t / 1000 - booted) / 86400 - v) > 3 / 86400]
    support.check(not wrong, f"{len(samples)} samples are what they have to be {wrong[:3]}")
    times = [t for t, _ in samples]
    support.check(times == sorted(set(times)), "in order, none twice")
    holes = [(a / 1000, b / 1000) for a, b in zip(times, times[1:]) if b - a > 1900]
    unexplained = [h for h in holes if not any(h[0] - 0.1 < down < h[1] and up > h[0] for down, up in cuts)]
    support.check(not unexplained, f"{len(holes)} holes, each of them a cut {unexplained[:3]}")
    return log


def cut(server, disk, rng):
    """One cut at a random moment; gives (when it was, when the server answered again)."""
    time.sleep(rng.uniform(1.2, 3.5))
    down = time.time()
    disk.cut()
    server.kill()
    disk.unmount()
    disk.mount()
    newest = last_uptime(server.data)
    if down - newest > 1 + 1 + SLACK_S:  # one second, and the interval of the series
        raise AssertionError(f"samples up to {down - newest:.2f} s before the cut only")
    server.start()
    return down, time.time(), down - newest


def scenario():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else random.randrange(1 << 32)
    print(f"seed {seed}", flush=True)
    directory = support.temporary_directory()
    mail = mailserver.MailServer(directory / "mail")
    try:
        with loopdisk.LoopDisk(directory / "disk", 600) as disk:
            server = support.Server(CONFIG.format(smtp=mail.port), {"runs.magpie": RULES})
            server.data = disk.path / "data"
            with server:
                run(server, disk, mail, random.Random(seed), count)
    finally:
        mail.stop()


def run(server, disk, mail, rng, count):
    support.wait_for(lambda: mail.messages("ops"), 20, "the alert is told")
    time.sleep(1.5)  # noted that it was
    cuts, lost, events = [], [], []
    for number in range(count):
        down, up, missing = cut(server, disk, rng)
        cuts.append((down, up))
        lost.append(missing)
        events += [e for e in server.api("status").get("events", []) if e["kind"].startswith(BAD_EVENTS)]
        if events:
            raise AssertionError(f"cut {number + 1}: {events[:3]}")
        if (number + 1) % 20 == 0:
            print(f"      {number + 1} cuts", flush=True)
    support.check(True, f"{count} cuts, newest sample on disk at most {max(lost):.2f} s old")
    support.wait_for(lambda: any(a["rule"] == "it_runs" and a["state"] == "firing" for a in server.alerts()), 10,
                     "the alert is still firing")
    time.sleep(3)
    support.check(server.stop() == 0, "ends cleanly")
    log = check_function_of_time(server.data, cuts)
    scratch = support.temporary_directory()
    files, wrong = archive.compare(server.data / "rrd", log, scratch)
    for text in wrong[:10]:
        print(text)
    support.check(files > 100 and not wrong, f"{files} RRD files agree with the journal in every row")
    support.check(len(mail.messages("ops")) == 1, f"one mail was sent ({len(mail.messages('ops'))})")


support.main(scenario)
