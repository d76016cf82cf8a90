"""Configurations with which Munin stops polling every host: Magpie loses one host or one line at most, and says where. Run with the
cases of the fixtures; without them the unit tests have cases of their own."""
import os
import pathlib
import re

import support
from support import check, run_magpie

HERE = pathlib.Path(__file__).resolve()
FIXTURES = pathlib.Path(os.environ.get("MAGPIE_FIXTURES", HERE.parents[3] / "shared/fixtures")) / "munin/run-munin/conf"
GOOD = "\n[good.example.com]\n address 10.0.0.1\n"
CASES = {  # name -> (exit code, what the result holds, what is told)
    "illegal-host-name": (0, [r'^host "my_host\.example\.com"'], []),
    "unknown-keyword": (0, [r'^host "host\.example\.com"'], [r"munin\.conf:6: .*foo: Magpie has no such attribute"]),
    "bad-boolean": (1, [r"^# left out: example\.com/host\.example\.com"], [r"munin\.conf:8: \"update\" takes yes or no, not \"maybe\""]),
    "comment-and-continuation": (0, [r'graph_title "A continued"', r'graph_info "100# x"', r'address "127\.0\.0\.1"$'], []),
    "contact-injection": (0, [r'graph_title "x\$\(touch '], [r"contact\.c\.command: .*shell"]),
    "host-overrides": (0, [r'label "Overridden"'], [r"load\.load\.type: Munin gave it no effect", r"load\.graph_data_size: ",
                                                    r"load\.update_rate: "]),
    "virtual-host-limits": (0, [r'override "t_values:sci"', r'override "t_host:h"', r'node_name "router1\.example\.com"'],
                            [r"t_host\.h\.min: "]),
}


def main():
    if not FIXTURES.is_dir():
        support.skip(f"{FIXTURES} is not there")
    directory = support.temporary_directory()
    for name, (code, holds, told) in CASES.items():
        case = directory / name
        case.mkdir()
        text = (FIXTURES / f"cases/{name}.conf").read_text().replace("$CASE", str(case)).replace("$ROOT", str(case)).replace("$PORT", "9")
        (case / "munin.conf").write_text(text + GOOD)
        done = run_magpie("import", "munin", "--config", case / "munin.conf", "--output", case / "magpie.conf")
        result = (case / "magpie.conf").read_text()
        check(done.returncode == code, f"{name}: exit code {code} {done.stdout}")
        for part in [r'^host "good\.example\.com"', *holds]:
            check(re.search(part, result, re.M), f"{name}: {part}")
        for part in told:
            check(re.search(part, done.stdout), f"{name}: told: {part}")
        check(run_magpie("config", "check", "--config", case / "magpie.conf").returncode == 0, f"{name}: config check passes it")
        check(not (case / "INJECTED").exists(), f"{name}: nothing was executed")


if __name__ == "__main__":
    main()
