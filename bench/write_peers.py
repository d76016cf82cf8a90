"""The programs that write RRD files for others: rrdcached and collectd's rrdtool plugin, each a private process over a
directory of its own. Both are handed values as text through a Unix socket, as fast as they take them, and have written all of
it when the clock stops. Figures count their own processes only; None where one is not installed."""
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time

import peers
import support

BEGIN, STEP_S = 1700000000, 10
A_WRITE = 60  # values of a file that are written at once, as in the others
NORMAL = [f"RRA:{cf}:0.5:{steps}:{rows}" for steps, rows in ((1, 576), (6, 432), (24, 540), (288, 450))
          for cf in ("AVERAGE", "MIN", "MAX")]  # Munin's layout
SERVICES = 10  # series of a host of collectd's


def value(i, n):
    return (i * 37 + n) % 1000 / 10


class Talk:
    """A dialogue in lines over a Unix socket."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(120)
        self.socket.connect(str(path))
        self.lines = self.socket.makefile("rb")

    def say(self, text):
        self.socket.sendall(text)

    def line(self):
        return self.lines.readline().decode()

    def ask(self, text):
        """All lines of one answer: its first says how many follow."""
        self.say(text)
        first = self.line()
        count = int(first.split()[0])
        if count < 0:
            raise SystemExit(f"{text!r}: {first}")
        return [first, *(self.line() for _ in range(count))]

    def close(self):
        self.lines.close()
        self.socket.close()


def listens(path):
    try:
        Talk(path).close()
    except OSError:
        return False
    return True


def created(directory, files):
    """RRD files of Munin's layout, which take a value of STEP_S each."""
    paths = [directory / f"{n}.rrd" for n in range(files)]
    words = f"--start {BEGIN} --step 300 DS:42:GAUGE:600:U:U " + " ".join(NORMAL)
    subprocess.run(["rrdtool", "-"], input="".join(f"create {path} {words}\n" for path in paths), text=True, check=True,
                   stdout=subprocess.DEVNULL)
    return paths


def rrdcached(files, batches):
    """{"cpu": values per CPU second, "elapsed": by the clock} of rrdcached; written out after each A_WRITE values of a file."""
    program = shutil.which("rrdcached")
    if not program or not shutil.which("rrdtool"):
        return None
    base = pathlib.Path(tempfile.mkdtemp(prefix="magpie-bench-", dir="/dev/shm"))
    paths = created(base, files)
    process = subprocess.Popen([program, "-g", "-l", f"unix:{base}/socket", "-p", base / "pid", "-w", "86400", "-f", "86400"],
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        support.wait_for(lambda: listens(base / "socket"), 20, "rrdcached listens")
        talk = Talk(base / "socket")
        pieces = [rrdcached_batch(paths, batch) for batch in range(batches)]
        before, began = peers.process_cpu(process.pid), time.monotonic()
        for number, piece in enumerate(pieces):
            talk.ask(b"BATCH\n")
            talk.say(piece)
            errors = talk.line()
            if not errors.startswith("0 "):
                raise SystemExit(f"rrdcached: {errors}")
            talk.ask(b"FLUSHALL\n")
            wait_written(talk, files * A_WRITE * (number + 1))
        return figures(files * A_WRITE * batches, peers.process_cpu(process.pid) - before, time.monotonic() - began)
    finally:
        process.kill()
        process.wait(20)
        shutil.rmtree(base, ignore_errors=True)


def rrdcached_batch(paths, batch):
    first = batch * A_WRITE + 1
    return "".join(f"UPDATE {path} {BEGIN + i * STEP_S}:{value(i, n)}\n" for i in range(first, first + A_WRITE)
                   for n, path in enumerate(paths)).encode() + b".\n"


def wait_written(talk, least):
    """Until so many values are in the files."""
    def written():
        return next(int(line.split()[1]) for line in talk.ask(b"STATS\n") if line.startswith("DataSetsWritten"))

    support.wait_for(lambda: written() >= least, 120, "rrdcached has written all")


def collectd(files, batches):
    """The same of collectd with its rrdtool plugin, its own layout (15 archives of 1,200 rows); its end, which writes what is
    still held, included."""
    program = shutil.which("collectd") or "/usr/sbin/collectd"
    if not os.path.exists(program) or not os.path.exists("/usr/lib/collectd/rrdtool.so"):
        return None
    base = pathlib.Path(tempfile.mkdtemp(prefix="magpie-bench-", dir="/dev/shm"))
    (base / "collectd.conf").write_text(
        f'Hostname "bench"\nFQDNLookup false\nBaseDir "{base}"\nPIDFile "{base}/pid"\nInterval {STEP_S}\n'
        f'TypesDB "/usr/share/collectd/types.db"\nLoadPlugin unixsock\nLoadPlugin rrdtool\n'
        f'<Plugin unixsock>\nSocketFile "{base}/socket"\n</Plugin>\n'
        f'<Plugin rrdtool>\nDataDir "{base}/rrd"\nCacheTimeout {A_WRITE * STEP_S}\nCacheFlush 86400\n</Plugin>\n')
    process = subprocess.Popen([program, "-f", "-C", base / "collectd.conf"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        support.wait_for(lambda: listens(base / "socket"), 20, "collectd listens")
        talk = Talk(base / "socket")
        rounds = A_WRITE * batches
        put(talk, collectd_round(files, 0), files)
        talk.ask(b"FLUSH plugin=rrdtool\n")
        support.wait_for(lambda: sum(1 for _ in (base / "rrd").rglob("*.rrd")) == files, 60, "collectd has made all files")
        pieces = [collectd_round(files, i) for i in range(1, rounds + 1)]
        before, began = peers.process_cpu(process.pid), time.monotonic()
        for piece in pieces:
            put(talk, piece, files)
        support.wait_for(lambda: oldest(talk.ask(b"LISTVAL\n")[1:]) == BEGIN + rounds * STEP_S, 60, "collectd has seen all")
        process.send_signal(signal.SIGTERM)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        took = time.monotonic() - began
        wait_last(base / "rrd", files, BEGIN + rounds * STEP_S)
        return figures(files * rounds, usage.ru_utime + usage.ru_stime - before, took)
    finally:
        if process.returncode is None:
            process.kill()
            process.wait(20)
        shutil.rmtree(base, ignore_errors=True)


def put(talk, piece, count):
    """Hands over so many values; each is answered."""
    talk.say(piece)
    for _ in range(count):
        answer = talk.line()
        if not answer.startswith("0 "):
            raise SystemExit(f"collectd: {answer}")


def oldest(lines):
    """Of a list of values the time of the one that came first."""
    return min(float(line.split()[0]) for line in lines)


def collectd_round(files, i):
    return "".join(f'PUTVAL "host{n // SERVICES}/bench/gauge-{n % SERVICES}" interval={STEP_S} {BEGIN + i * STEP_S}:{value(i, n)}\n'
                   for n in range(files)).encode()


def wait_last(directory, files, at):
    """The last value of each file is there, or the one before: nothing was dropped on the way but by its end."""
    paths = sorted(directory.rglob("*.rrd"))
    done = subprocess.run(["rrdtool", "-"], input="".join(f"last {path}\n" for path in paths), text=True, check=True,
                          stdout=subprocess.PIPE)
    last = [int(line) for line in done.stdout.splitlines() if line.isdigit()]
    if len(last) != files or min(last) < at - STEP_S:
        raise SystemExit(f"collectd wrote {len(last)} of {files} files, the oldest until {min(last, default=0)} of {at}")


def figures(values, cpu_s, took_s):
    return {"cpu": values / cpu_s, "elapsed": values / took_s}
