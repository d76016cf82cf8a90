"""A wrong rule file: `rules check` names every error with its place; a running server keeps the old rules whole and
says why; a corrected file is taken."""
import support

GOOD = """\
rule alive {
  value uptime:uptime
  warn  > 0s
}
"""
MORE = """\
rule more {
  value load:load
  warn  > 100000
}
"""

# line -> what is wrong there
WRONG = """\
rule alive {
  value uptime:uptime
  wran  > 0s
}
rule twice {
  value load:load
  warn  > 5
}
rule twice {
  value load:load
  warn  > 6
}
rule no_value {
  warn > 5
}
rule bad_number {
  value load:load
  warn  > 1e400
}
"""
WRONG_LINES = {3, 9, 13, 18}


def places(output, name):
    """Lines of the file that a diagnostic names."""
    found = set()
    for line in output.splitlines():
        if name in line and "error" in line:
            parts = line.split(name, 1)[1].lstrip(":").split(":")
            if parts[0].isdigit():
                found.add(int(parts[0]))
    return found


def check_command(directory):
    good, wrong = directory / "good.magpie", directory / "wrong.magpie"
    good.write_text(GOOD)
    wrong.write_text(WRONG)
    done = support.run_magpie("rules", "check", good)
    support.check(done.returncode == 0, f"a good file passes: {done.stdout}{done.stderr}")
    done = support.run_magpie("rules", "check", wrong)
    output = done.stdout + done.stderr
    support.check(done.returncode == 1, "a wrong one does not")
    support.check(WRONG_LINES <= places(output, "wrong.magpie"),
                  f"every error is named with its line: {sorted(places(output, 'wrong.magpie'))}")
    support.check("^" in output and "warn" in output, "with a caret and a suggestion")
    support.check(support.run_magpie("rules", "check", directory / "missing.magpie").returncode in (1, 2), "a missing file fails")
    support.check(support.run_magpie("rules", "chekc").returncode == 2, "a wrong command is wrong use")


def rule_names(server):
    answer = server.try_api("rules")
    return sorted(rule["name"] for rule in answer["rules"]) if answer else None


def scenario():
    directory = support.temporary_directory()
    check_command(directory)
    server = support.Server("interval 1s\ndefault_rules no\n", {"alive.magpie": GOOD})
    with server:
        support.wait_for(lambda: any(a["rule"] == "alive" for a in server.alerts()), 20, "the good rule fires")
        before = rule_names(server)
        roles = server.roles()
        (server.rules / "alive.magpie").write_text(WRONG)
        server.reload()
        support.wait_for(lambda: (server.try_api("status") or {}).get("rules_error"), 10, "the status tells of the refusal")
        told = server.api("status")["rules_error"]
        support.check("alive.magpie" in told and "3" in told, f"with file and line: {told.splitlines()[0]}")
        support.check(rule_names(server) == before, "the old rules are all still there")
        support.check(any(a["rule"] == "alive" and a["state"] == "firing" for a in server.alerts()), "and go on firing")
        support.check(server.roles() == roles, "no role was restarted for it")
        (server.rules / "alive.magpie").write_text(GOOD + MORE)
        server.reload()
        support.wait_for(lambda: rule_names(server) == sorted(before + ["more"]), 10, "the corrected file is taken")
        support.wait_for(lambda: not server.api("status")["rules_error"], 5, "the complaint is gone")
        support.check(any(a["rule"] == "alive" and a["state"] == "firing" for a in server.alerts()), "the alert went on all the time")
        support.check(server.roles() == roles, "by the same processes")
        (server.rules / "alive.magpie").write_text(WRONG)
        support.check(server.stop() == 0, "ends cleanly")
        server.start()
        support.check(rule_names(server) == sorted(before + ["more"]),
                      "a start with wrong files goes on with what was accepted last")


support.main(scenario)
