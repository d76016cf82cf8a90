#!/usr/bin/env python3
"""Benchmarks beside the peers, in one run on one machine: prints one table of what was measured, the peer or limit
beside it, their ratio, the budget and the aim, and a verdict. Figures are medians of several runs.

    bench/run.py [--json] [--repeat N] [--list] [NAME…]

Called by script/bench, which builds what is measured (a release build in build-bench/)."""
import argparse
import dataclasses
import json
import os
import pathlib
import platform
import sys

import benches


def verdict(row):
    if row.budget is None and row.aim is None:
        return "-"
    for limit, word in ((row.aim, "within aim"), (row.budget, "within budget")):
        if limit is not None and (row.value <= limit if row.less else row.value >= limit):
            return word
    return "missed" if row.budget is not None else "beyond aim"


def ratio(row):
    """How many times better than the peer."""
    if not row.peer or not row.value:
        return None
    return row.peer / row.value if row.less else row.value / row.peer


def short(value, unit=""):
    if value is None:
        return ""
    if abs(value) >= 1e6:
        text = f"{value / 1e6:.3g} M"
    elif abs(value) >= 10000:
        text = f"{value / 1e3:.3g} k"
    else:
        text = f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"
    return f"{text} {unit}".strip()


def machine():
    model = next((line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo", encoding="utf-8")
                  if line.startswith("model name")), platform.machine())
    return {"kernel": platform.release(), "cpu": model, "cpus": os.cpu_count(), "load": os.getloadavg()[0]}


def print_table(rows):
    head = ["what", "figure", "beside it", "", "ratio", "budget", "aim", "verdict"]
    sign = {True: "≤", False: "≥"}
    lines = [head]
    for row in rows:
        times = ratio(row)
        lines.append([row.what, short(row.value, row.unit), row.peer_name, short(row.peer, row.unit) if row.peer else "",
                      f"{times:.3g} ×" if times else "",
                      f"{sign[row.less]} {short(row.budget)}" if row.budget is not None else "",
                      f"{sign[row.less]} {short(row.aim)}" if row.aim is not None else "", verdict(row)])
    widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
    for line in lines:
        print("  ".join(cell.rjust(width) if i in (1, 3, 4, 5, 6) else cell.ljust(width)
                        for i, (cell, width) in enumerate(zip(line, widths))).rstrip())


def arguments():
    parser = argparse.ArgumentParser(prog="script/bench", description=__doc__.split("\n\n")[0])
    parser.add_argument("--json", action="store_true", help="for machines")
    parser.add_argument("--repeat", type=int, default=3, metavar="N", help="runs of which the median counts (3)")
    parser.add_argument("--list", action="store_true", help="names of the benchmarks")
    parser.add_argument("names", nargs="*", metavar="NAME", help="only these: " + ", ".join(benches.BENCHES))
    options = parser.parse_args()
    unknown = [name for name in options.names if name not in benches.BENCHES]
    if unknown or options.repeat < 1:
        parser.error(f"no such benchmark: {', '.join(unknown)}" if unknown else "--repeat: at least 1")
    return options


def main():
    options = arguments()
    if options.list:
        for name, bench in benches.BENCHES.items():
            print(f"{name:10} {bench.__doc__.splitlines()[0]}")
        return 0
    rows = []
    for name in options.names or [b for b in benches.BENCHES if b not in benches.ONLY_BY_NAME]:
        print(f"{name} …", file=sys.stderr, flush=True)
        rows += benches.BENCHES[name](options.repeat)
    here = machine()
    if options.json:
        print(json.dumps({"machine": here, "rows": [dict(dataclasses.asdict(row), ratio=ratio(row), verdict=verdict(row))
                                                    for row in rows]}, indent=1))
    else:
        print(f"{here['cpu']}, {here['cpus']} cpus, kernel {here['kernel']}, load {here['load']:.1f}; "
              f"medians of {options.repeat}\n")
        print_table(rows)
    return 0


if __name__ == "__main__":
    sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
    sys.exit(main())
