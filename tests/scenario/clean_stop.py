"""SIGTERM: exit code 0, no process left, everything in the RRD files; SIGHUP does what it says, and so do a terminal's
SIGINT and a service manager's SIGTERM to the whole group; the next start goes on where this one ended."""
import os
import signal
import time

import archive
import journal
import support


def end_by_group(server, number):
    """Another run, ended by a signal to the whole process group."""
    last = journal.Journal(server.data / "journal").last
    server.start()
    support.wait_for(lambda: journal.Journal(server.data / "journal").last > last + 2, 15, "samples go on")
    support.check(True, "the journal goes on behind its last record")
    os.killpg(server.pid, number)
    support.check(server.process.wait(30) == 0, f"{number.name} to all ends it cleanly as well")
    support.check("role.ended" not in server.log(), "no role ended by itself")
    count, wrong = archive.compare(server.data / "rrd", journal.Journal(server.data / "journal"), server.directory)
    support.check(count > 100 and not wrong, f"{count} RRD files, all runs in one line {wrong[:3]}")


def scenario():
    server = support.Server("interval 1s\ndefault_rules no\n")
    with server:
        support.wait_for(lambda: server.host(), 20, "this host is known")
        time.sleep(8)
        pids = list(server.roles().values())
        server.reload()
        time.sleep(1)
        support.check(sorted(server.roles().values()) == sorted(pids), "a reload restarts nothing")
        started = time.monotonic()
        support.check(server.stop() == 0, "exit code 0")
        support.check(not [pid for pid in pids if support.alive(pid)], f"no process left after {time.monotonic() - started:.1f} s")
        log = journal.Journal(server.data / "journal")
        count, wrong = archive.compare(server.data / "rrd", log, server.directory)
        for text in wrong[:10]:
            print(text)
        support.check(count > 100 and not wrong, f"{count} RRD files hold all that is journalled")
        mode = (server.data / "admin.token").stat().st_mode & 0o777
        support.check(mode == 0o600, f"the administrator's token is his alone ({mode:o})")

        # what a terminal does at Ctrl-C, and a service manager at a stop
        for number in (signal.SIGINT, signal.SIGTERM):
            end_by_group(server, number)


support.main(scenario)
