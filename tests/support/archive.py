"""Compares RRD files with the journal, through rrdtool alone: for a series a second file with the same archives is
made, all journalled samples are written into it at once, and every row of every archive has to be the same."""
import math
import pathlib
import re
import subprocess

ROW = re.compile(r"^(\d+): *([^\s]+)$", re.M)


class Rrdtool:
    """rrdtool in its remote mode: one process for many commands."""

    def __init__(self):
        self.process = subprocess.Popen(["rrdtool", "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def run(self, *words):
        self.process.stdin.write(" ".join(str(word) for word in words) + "\n")
        self.process.stdin.flush()
        lines = []
        for line in self.process.stdout:
            if line.startswith("OK "):
                return "".join(lines)
            if line.startswith("ERROR"):
                raise AssertionError(f"rrdtool {words[0]} {words[1]}: {line.strip()}")
            lines.append(line)
        raise AssertionError("rrdtool ended")

    def close(self):
        self.process.stdin.close()
        self.process.wait(10)


def file_of(tree, series):
    """GROUP/HOST-SERVICE-FIELD-T.rrd, Munin's naming."""
    return tree / series.group / f"{series.host}-{series.service.replace('.', '-')}-{series.field}-{series.type.lower()}.rrd"


def structure(tool, path):
    """(step, DS definition, [RRA definitions]) of a file, ready for rrdtool create."""
    info = dict(line.split(" = ", 1) for line in tool.run("info", path).splitlines() if " = " in line)

    def limit(name):
        value = float(info[name].replace("NaN", "nan"))
        return "U" if math.isnan(value) else repr(value)

    ds = f'DS:42:{info["ds[42].type"].strip(chr(34))}:{info["ds[42].minimal_heartbeat"]}:{limit("ds[42].min")}:{limit("ds[42].max")}'
    rras = []
    while f"rra[{len(rras)}].cf" in info:
        rra = f"rra[{len(rras)}]"
        rras.append(f'RRA:{info[rra + ".cf"].strip(chr(34))}:{float(info[rra + ".xff"])}:{info[rra + ".pdp_per_row"]}:{info[rra + ".rows"]}')
    return int(info["step"]), ds, rras


def rows_of(tool, path, cf, resolution, first, last):
    """{t: text of the value} of one archive, from the row that ends behind `first` to the one that ends at `last`."""
    start, end = first // resolution * resolution, last // resolution * resolution
    if end <= start:
        return {}
    found = {int(t): v for t, v in ROW.findall(tool.run("fetch", path, cf, "-r", resolution, "-s", start, "-e", end))}
    if found and min(b - a for a, b in zip([start, *found], found)) != resolution:
        raise AssertionError(f"{path}: rrdtool took another archive than that of {resolution} s")
    return {t: v for t, v in found.items() if t <= end}


def sample_text(t_ms, value, kind):
    t = f"{t_ms // 1000}.{t_ms % 1000:03d}" if t_ms % 1000 else str(t_ms // 1000)
    if math.isnan(value):
        return f"{t}:U"
    return f"{t}:{int(value)}" if kind != "G" and value == int(value) else f"{t}:{value!r}"


def differences(tool, path, series, samples, scratch):
    """What of a file is not as the journalled samples make it; [] if all is. The rows that the very first sample
    touches are left out: they depend on when the file was made."""
    step, ds, rras = structure(tool, path)
    other = pathlib.Path(scratch) / "reference.rrd"
    first = samples[0][0] // 1000
    tool.run("create", other, "--step", step, "--start", first - 1, ds, *rras)
    for at in range(0, len(samples), 200):
        tool.run("update", other, "--skip-past-updates",
                 *[sample_text(t, value, series.type) for t, value in samples[at:at + 200]])
    last = samples[-1][0] // 1000
    wrong = []
    for cf, resolution in sorted({(rra.split(":")[1], step * int(rra.split(":")[3])) for rra in rras}):
        wanted = rows_of(tool, other, cf, resolution, first, last)
        found = rows_of(tool, path, cf, resolution, first, last)
        for t, value in wanted.items():
            if t > first + resolution and not same(found.get(t), value):
                wrong.append(f"{path.name} {cf} {resolution} s at {t}: {found.get(t)}, the journal says {value}")
    return wrong


def same(a, b):
    if a is None:
        return False
    x, y = float(a), float(b)
    return (math.isnan(x) and math.isnan(y)) or math.isclose(x, y, rel_tol=1e-9, abs_tol=1e-12)


def compare(tree, journal, scratch, most=None):
    """Checks every series of the journal (or about `most` of them, spread evenly); gives (files, rows' differences)."""
    tool = Rrdtool()
    wrong, count = [], 0
    numbers = sorted(number for number in journal.samples if number in journal.series and len(journal.samples[number]) > 3)
    if most and len(numbers) > most:
        numbers = numbers[::len(numbers) // most]
    for number in numbers:
        series = journal.series[number]
        path = file_of(tree, series)
        if not path.exists():
            wrong.append(f"{path} is missing")
            continue
        wrong += differences(tool, path, series, journal.samples[number], scratch)
        count += 1
    tool.close()
    return count, wrong
