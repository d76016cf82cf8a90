"""Adds up the logs of all test runs in a directory and prints the one line that script/test ends with.

A meson test is one test; a cmocka program counts each of its cases. A build that broke is one failure.
Exit code 1 if anything failed or nothing ran.
"""
import json
import pathlib
import re
import sys

CASE_OK = re.compile(r"^\[\s+OK\s+\]", re.M)
CASE_FAILED = re.compile(r"^\[\s+FAILED\s+\] (?!\d+ test\(s\))\S+$", re.M)
CASE_SKIPPED = re.compile(r"^\[\s+SKIPPED\s+\] (?!\d+ test\(s\))\S+$", re.M)
GOOD = {"OK", "EXPECTEDFAIL"}


def count(row):
    """(passed, failed, skipped) of one meson test."""
    text = row.get("stdout", "") + "\n" + row.get("stderr", "")
    passed = len(CASE_OK.findall(text))
    failed = len(set(CASE_FAILED.findall(text)))
    skipped = len(set(CASE_SKIPPED.findall(text)))
    if row["result"] == "SKIP":
        return 0, 0, max(skipped, 1)
    if row["result"] in GOOD:
        return (passed, failed, skipped) if passed or skipped else (1, 0, 0)
    return passed, max(failed, 1), skipped


def main(directory):
    passed = failed = skipped = 0
    failures = []
    for path in sorted(directory.glob("*.json")):
        for line in path.read_text().splitlines():
            row = json.loads(line)
            p, f, s = count(row)
            passed, failed, skipped = passed + p, failed + f, skipped + s
            if f:
                failures.append(f"{row['name']} ({path.stem})")
    for path in sorted(directory.glob("*.broken")):
        failed += 1
        failures.append(path.stem)
    for name in failures:
        print(f"FAILED {name}")
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1])))
