"""A channel that is a command: the message on its standard input, facts in single arguments, never a shell; its exit
code says whether it was told; a title that a node made up is text and nothing else."""
import json
import os
import pathlib

import support

TOOL = """#!/usr/bin/python3
import json, pathlib, sys
place = pathlib.Path("{place}")
number = len(list(place.glob("call-*"))) + 1
code = int((place / "code").read_text())
(place / "new").write_text(json.dumps({{"argv": sys.argv[1:], "stdin": sys.stdin.read(), "code": code}}))
(place / "new").rename(place / f"call-{{number}}")
sys.exit(code)
"""

RULES = """
rule odd_title {{
  value   uptime:uptime
  crit    > -1
  summary "$(touch {trap}) `touch {trap}`; touch {trap}"
}}
"""


def calls(place):
    return [json.loads(path.read_text()) for path in sorted(place.glob("call-*"))]


def scenario():
    if os.geteuid() != 0:
        support.skip("a program that Magpie executes has to be root's")
    place = pathlib.Path("/run") / f"magpie-command-{os.getpid()}"
    place.mkdir(mode=0o755)
    try:
        tell(place)
    finally:
        for path in place.iterdir():
            path.unlink()
        place.rmdir()


def tell(place):
    trap = place / "trap"
    tool = place / "tool"
    tool.write_text(TOOL.format(place=place))
    tool.chmod(0o755)
    (place / "code").write_text("75")
    config = (f'interval 1s\ndefault_rules no\nchannel ops {{ command "{tool}" "-s" '
              '"[${level}] ${host}: ${summary}" "${title}" "${rule}" "$(touch ' + str(trap) + ')" }\n'
              f'host mon1\nhost mon1 {{ override "uptime" {{ graph_title "-x $(touch {trap})" }} }}\n')
    with support.Server(config, {"odd.magpie": RULES.format(trap=trap)}) as server:
        first = support.wait_for(lambda: calls(place), 30, "the command is called")[0]
        argv = first["argv"]
        support.check(argv[0] == "-s" and argv[1].startswith("[critical] ") and len(argv) == 5, f"arguments: {argv}")
        support.check(argv[2] == f" -x $(touch {trap})", "a title is no option")
        support.check(argv[3] == "odd_title", "a fact alone")
        support.check(argv[4] == f"$(touch {trap})", "what a shell would execute is a text")
        support.check(argv[1].split(": ", 1)[0].endswith(server.host()) and "odd_title" in first["stdin"],
                      "the message is on its standard input")
        (place / "code").write_text("0")
        support.wait_for(lambda: len(calls(place)) >= 2, 30, "after 75 it is called again")
        support.wait_for(lambda: "runner.told" in server.log() and "outcome=0" in server.log(), 10, "0 is told")
        before = len(calls(place))
        support.check(before == 2, "and then it is over")
        support.check(not trap.exists(), "no shell was there")


support.main(scenario)
