"""kill -9 of the supervisor: no role, and no child of a role, is left 2 s later; the next start finds the port free and
all data."""
import os
import signal
import time

import support


def descendants(pid):
    found = []
    for child in support.children(pid).values():
        found += [child, *descendants(child)]
    return found


def scenario():
    server = support.Server("interval 1s\n")
    with server:
        support.wait_for(lambda: len(server.roles()) == len(support.ROLES), 10, "all roles start")
        host = support.wait_for(server.host, 20, "this host is known")
        support.wait_for(lambda: server.get(f"/graph/{host}/load.png").status == 200, 20, "a graph is drawn")  # render children
        family = descendants(server.pid)
        support.check(len(family) >= len(support.ROLES), f"{len(family)} processes below the supervisor")
        os.kill(server.pid, signal.SIGKILL)
        killed = time.monotonic()
        server.process.wait(5)
        support.wait_for(lambda: not [pid for pid in family if support.alive(pid)], 2, "all are gone")
        support.check(True, f"all gone {time.monotonic() - killed:.2f} s after their supervisor")
        server.start()
        support.check(server.host() == host or support.wait_for(server.host, 5, "the host is known at once") == host,
                      "and it starts again with what it knew")
        second = support.Server(directory=server.directory)
        second.start(wait=0)
        support.check(second.process.wait(10) == 1, "a second one in the same directory refuses")
        support.check(server.ready(), "and does not disturb the first")


support.main(scenario)
