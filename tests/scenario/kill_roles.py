"""kill -9 of each role in turn, and of all at once, again and again: roles are back within 2 s, what is in the journal
is in the RRD files row by row, the journal has no hole that a kill does not explain, and no message is sent twice.

usage: kill_roles.py [ROUNDS [SEED]]"""
import os
import random
import signal
import sys
import time

import archive
import journal
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
channel hook {{ webhook "{hook}" }}
notify ops hook
"""

# A problem that is there from the first sample on and stays: told once, whatever dies.
RULES = """\
rule it_runs {
  value   uptime:uptime
  warn    > 0s
  summary "${host} runs"
}
"""


def wait_roles(server, old, seconds):
    """Waits until all roles run as other processes than those in `old`; gives {role: pid}."""
    def back():
        now = server.roles()
        return now if len(now) == len(support.ROLES) and not set(now.values()) & set(old) else None
    return support.wait_for(back, seconds, "all roles are back")


def kill_round(server, rng, number):
    """Kills one role (every seventh round all of them) at a random moment; gives the seconds it was away."""
    roles = server.roles()
    turn = number % (len(support.ROLES) + 1)
    victims = list(roles) if turn == len(support.ROLES) else [support.ROLES[turn]]
    time.sleep(rng.uniform(0, 1.0))
    old = [roles[name] for name in victims]
    for pid in old:
        os.kill(pid, signal.SIGKILL)
    started = time.monotonic()
    wait_roles(server, old, 10)
    return victims, time.monotonic() - started


def check_journal(data, kills):
    """uptime is a known function of time: every sample in the journal has to lie on its line."""
    log = journal.Journal(data / "journal")
    number = log.find("uptime", "uptime")
    samples = log.samples[number]
    booted = time.time() - float(open("/proc/uptime", encoding="ascii").read().split()[0])
    wrong = [(t, v) for t, v in samples if abs((t / 1000 - booted) / 86400 - v) > 3 / 86400]
    support.check(not wrong, f"{len(samples)} samples of uptime are what they have to be {wrong[:3]}")
    times = [t for t, _ in samples]
    support.check(times == sorted(set(times)), "in order, none twice")
    # a stamp that is late keeps its true time, so a whole second has to be missing before it is a hole
    holes = [(a / 1000, b / 1000) for a, b in zip(times, times[1:]) if b - a > 1500]
    unexplained = [hole for hole in holes
                   if not any(hole[0] - 2 < moment < hole[1] + 2 for moment in kills)]
    support.check(not unexplained, f"{len(holes)} holes, each beside a kill of collector or engine {unexplained[:3]}")
    return log


def scenario():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 50
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else random.randrange(1 << 32)
    print(f"seed {seed}")
    directory = support.temporary_directory()
    mail = mailserver.MailServer(directory / "mail")
    hook = support.WebhookReceiver()
    server = support.Server(CONFIG.format(smtp=mail.port, hook=hook.url), {"runs.magpie": RULES})
    try:
        with server:
            run(server, random.Random(seed), rounds, directory)
        time.sleep(1)
        support.check(len(mail.messages("ops")) == 1, f"one mail was sent ({len(mail.messages('ops'))})")
        support.check(len(hook.requests) == 1, f"one webhook was called ({len(hook.requests)})")
    finally:
        mail.stop()
        hook.stop()


def run(server, rng, rounds, directory):
    support.wait_for(lambda: len(server.roles()) == len(support.ROLES), 10, "all roles start")
    support.wait_for(lambda: any(a["rule"] == "it_runs" for a in server.alerts()), 20, "the alert fires")
    time.sleep(3)  # told, and the answer noted
    away, kills = {}, []
    for number in range(rounds):
        victims, seconds = kill_round(server, rng, number)
        if {"collector", "engine"} & set(victims):
            kills += [time.time() - seconds, time.time()]
        key = victims[0] if len(victims) == 1 else "all"
        away.setdefault(key, []).append(seconds)
        time.sleep(rng.uniform(0.2, 1.2))
    for key, seconds in sorted(away.items()):
        support.check(max(seconds) <= 2, f"{key}: {len(seconds)} kills, back within {max(seconds):.2f} s")
    support.wait_for(lambda: server.try_api("status"), 10, "it answers after all that")
    alerts = [alert for alert in server.alerts() if alert["rule"] == "it_runs"]
    support.check(len(alerts) == 1 and alerts[0]["state"] == "firing", "the alert is still firing")
    time.sleep(3)
    support.check(server.stop() == 0, "ends cleanly")
    log = check_journal(server.data, kills)
    count, wrong = archive.compare(server.data / "rrd", log, directory)
    for text in wrong[:10]:
        print(text)
    support.check(count > 100 and not wrong, f"{count} RRD files agree with the journal in every row ({len(wrong)} do not)")


support.main(scenario)
