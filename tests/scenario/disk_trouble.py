"""The disk that Magpie keeps everything on is full, takes nothing for a while, or is gone. Meanwhile what goes wrong
elsewhere is judged and told as always, people hear that something is wrong with the disk, and when it takes writes again
all is written, by itself: not a sample is missing. Hostile 88 to 91 with the whole program.

usage: disk_trouble.py [SECONDS of the stall]"""
import contextlib
import fcntl
import os
import sys
import time

import archive
import journal
import loopdisk
import support

FREEZE, THAW = 0xC0045877, 0xC0045878  # FIFREEZE, FITHAW

CONFIG = """\
interval 1s
default_rules no
channel hook {{ webhook "{hook}" }}
notify hook
"""

RULES = """\
rule small_disk {{
  value   df:*
  warn    > 80%
  clear   < 60%
  summary "${{label}} on ${{host}} is ${{value}} full"
}}
"""


class Bed:
    """A server on a disk of its own, and a small filesystem that a rule watches."""

    def __init__(self, directory, disk):
        self.hook = support.WebhookReceiver()
        self.disk = disk
        self.small = directory / "small"
        self.server = support.Server(CONFIG.format(hook=self.hook.url), {"small.magpie": RULES.format()})
        self.server.data = self.disk.path / "data"

    def told(self, kind):
        """Messages about the small filesystem so far."""
        return [body for _, _, body in list(self.hook.requests)
                if self.small.name in str(body) and (str(body).find('recover') >= 0) == (kind == "over")]

    def fill_small(self):
        (self.small / "content").write_bytes(b"x" * (9 << 20))

    def events(self):
        return [e["kind"] for e in (self.server.try_api("status") or {}).get("events", [])]

    def expect_told(self, seconds, what):
        started = time.monotonic()
        support.wait_for(lambda: self.told("problem"), seconds, f"it is told although {what}")
        support.check(True, f"told within {time.monotonic() - started:.1f} s although {what}")

    def expect_event(self, *kinds, seconds=15):
        support.wait_for(lambda: set(kinds) & set(self.events()), seconds, f"an event of {kinds} ({self.events()})")
        support.check(True, f"people hear of it: {sorted(set(kinds) & set(self.events()))}")

    def read_all(self):
        """Asks for the latest values of all series: what is held back of them is written, where that can be."""
        rows = (self.server.try_api("series?match=*:*:*") or {"series": []})["series"]
        for at in range(0, len(rows), 100):
            ids = ",".join(row["id"] for row in rows[at:at + 100])
            self.server.get(f"/api/v1/data?series={ids}&from=-10s&to=now")

    def is_over(self, kinds):
        self.read_all()
        return set(kinds) <= set(self.events())

    def expect_whole(self, outages=()):
        """Every second of uptime is in the journal, and every row of the archive agrees with it."""
        support.check(self.server.stop() == 0, "ends cleanly")
        log = journal.Journal(self.server.data / "journal")
        times = [t / 1000 for t, _ in log.samples[log.find("uptime", "uptime")]]
        holes = [(a, b) for a, b in zip(times, times[1:])
                 if b - a > 1.9 and not any(down < b and a < up for down, up in outages)]
        support.check(not holes, f"{len(times)} samples of uptime, none missing {holes[:3]}")
        count, wrong = archive.compare(self.server.data / "rrd", log, support.temporary_directory(), 60)
        support.check(count > 40 and not wrong, f"{count} RRD files agree with the journal in every row {wrong[:3]}")


@contextlib.contextmanager
def bed(name, below=None):
    """`below`: the directory in which the image of the disk lies, on another disk."""
    directory = support.temporary_directory() / name
    directory.mkdir()
    print(f"-- {name}", flush=True)
    b = Bed(directory, loopdisk.LoopDisk((below or directory) / "disk", 400))
    try:
        with b.disk, support.tmpfs(b.small, 10), b.server:
            support.wait_for(lambda: any(b.small.name in str(row) for row in
                                         (b.server.try_api("series?match=*:df:*") or {"series": []})["series"]),
                             20, "the small filesystem is measured")
            time.sleep(2)
            yield b
            b.server.kill()
    finally:
        b.hook.stop()


def fill_up(path):
    """To the last byte."""
    with open(path / "ballast", "wb") as file:
        for size in (1 << 20, 4096, 512):
            with contextlib.suppress(OSError):
                while True:
                    os.write(file.fileno(), b"\xff" * size)
        with contextlib.suppress(OSError):
            os.fsync(file.fileno())


def full():
    with bed("full") as b:
        fill_up(b.disk.path)
        b.fill_small()
        b.expect_told(15, "the disk is full")
        b.expect_event("journal.broken", "store.broken", "rrd.failing", seconds=30)
        time.sleep(3)
        (b.disk.path / "ballast").unlink()
        broken = {"journal.broken": "journal.recovered", "store.broken": "store.recovered", "rrd.failing": "rrd.working"}
        begun = [over for begin, over in broken.items() if begin in b.events()]
        support.wait_for(lambda: b.is_over(begun), 100, f"{begun} when there is room again")
        support.check(True, f"by itself: {begun}")
        b.expect_whole()


def stalled(seconds):
    """The disk lies in a file of another one, which is frozen: what is written to the device waits."""
    with loopdisk.LoopDisk(support.temporary_directory() / "outer", 600) as outer, bed("stalled", outer.path) as b:
        roles = b.server.roles()
        descriptor = os.open(outer.path, os.O_RDONLY)
        try:
            fcntl.ioctl(descriptor, FREEZE, 0)
            try:
                began = time.monotonic()
                time.sleep(2)  # a sync is under way
                b.fill_small()
                b.expect_told(10, "the disk takes nothing")
                time.sleep(max(0, seconds - (time.monotonic() - began)))
                support.check(b.server.try_api("status") is not None, "the pages answer")
            finally:
                fcntl.ioctl(descriptor, THAW, 0)
        finally:
            os.close(descriptor)
        b.expect_event("journal.slow", "store.slow")
        same = {n for n, p in b.server.roles().items() if roles.get(n) == p}
        support.check(same >= set(roles) - {"rrd"}, f"no role but the archive's was disturbed {sorted(set(roles) - same)}")
        time.sleep(2)
        b.expect_whole()


def gone():
    """Every write fails from now on, and so does every read that is not in memory."""
    with bed("gone") as b:
        down = time.time()
        b.disk.cut()
        b.fill_small()
        b.expect_told(15, "the disk is gone")
        b.expect_event("journal.broken", "store.broken", "rrd.failing")
        b.server.kill()
        b.disk.unmount()
        b.disk.mount()
        b.server.start()
        support.wait_for(lambda: [a for a in b.server.alerts() if a["state"] == "firing"], 15, "the alert fires again")
        time.sleep(3)
        b.expect_whole([(down - 1.5, time.time())])


def scenario():
    full()
    stalled(float(sys.argv[1]) if len(sys.argv) > 1 else 12)
    gone()


support.main(scenario)
