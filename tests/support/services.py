"""For scenarios with real services: daemons of this test alone, run as the user they are made for, in a directory of their
own, and a Magpie that probes them every second."""
import os
import pwd
import shutil
import signal
import subprocess
import time

import support
from support import check, wait_for

INTERVAL, DEADLINE = 1, 1
SLACK = 3  # seconds until what was measured is on the page, on a busy machine


def need(*programs):
    for program in programs:
        if not shutil.which(program) and not os.access(program, os.X_OK):
            support.skip(f"{program} is not there")


def as_user(user, *command):
    """The command as that user, where we are somebody who may; some daemons refuse root."""
    if os.geteuid():
        return list(command)
    entry = pwd.getpwnam(user)
    return ["setpriv", f"--reuid={entry.pw_uid}", f"--regid={entry.pw_gid}", "--clear-groups", *command]


class Box:
    """Daemons, and Magpie beside them. `services`: name -> settings of magpie.conf."""

    def __init__(self, stack):
        self.stack = stack
        self.directory = support.temporary_directory()
        support.make_reachable(self.directory)
        self.processes = {}
        self.server = None

    def home(self, name, user):
        """A directory that belongs to the user."""
        path = self.directory / name
        path.mkdir(exist_ok=True)
        if not os.geteuid():
            os.chown(path, pwd.getpwnam(user).pw_uid, pwd.getpwnam(user).pw_gid)
        return path

    def secret(self, name, text):
        path = self.directory / name
        path.write_text(text + "\n")
        path.chmod(0o600)
        return path

    def run(self, user, *command, timeout=60, **options):
        done = subprocess.run(as_user(user, *map(str, command)), capture_output=True, text=True, timeout=timeout,
                              stdin=options.pop("stdin", subprocess.DEVNULL), check=False, **options)
        if done.returncode:
            raise AssertionError(f"{command[0]}: {done.stdout}{done.stderr}")
        return done.stdout

    def start(self, name, user, *command, **options):
        with open(self.directory / f"{name}.out", "ab") as out:
            process = subprocess.Popen(as_user(user, *map(str, command)), stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                                       start_new_session=True, **options)
        self.processes[name] = process
        self.stack.callback(self.end, name)
        return process

    def end(self, name):
        """Kills the daemon with its process group."""
        process = self.processes.pop(name, None)
        if process:
            self.signal(process, signal.SIGKILL)
            process.wait(20)

    def signal(self, process, number):
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            pass

    def stop(self, name):
        self.signal(self.processes[name], signal.SIGSTOP)

    def go_on(self, name):
        self.signal(self.processes[name], signal.SIGCONT)

    def configuration(self, services):
        lines = ["interval 1s", "discover no", "default_rules no", 'host "box" {', ' address "127.0.0.1"']
        for name, settings in services.items():
            lines += [f" service {name} {{", f"  interval {INTERVAL}s", f"  timeout {DEADLINE}s"]
            lines += [f'  {key} {value}' if value in ("yes", "no") or key in ("kind", "port") else f'  {key} "{value}"'
                      for key, value in settings.items()]
            lines.append(" }")
        return "\n".join([*lines, "}", ""])

    def watch(self, services):
        """Starts Magpie, or lets it read its configuration anew."""
        if self.server:
            self.server.config.write_text(self.configuration(services))
            self.server.reload()
        else:
            self.server = self.stack.enter_context(support.Server(self.configuration(services)))

    def fields(self, service):
        """{field: last value} of a service."""
        answer = self.server.try_api(f"series?match=box:{service}:*") or {"series": []}
        return {s["field"]: s["last"]["v"] for s in answer["series"] if s.get("last")}

    def source(self, name):
        answer = self.server.try_api("sources") or {"sources": []}
        return {s["id"]: s for s in answer["sources"]}.get(f"box/service/{name}", {})

    def says(self, name):
        """What people are told about the service."""
        source = self.source(name)
        return source.get("error") or " ".join(c["error"] for c in source.get("complaints") or [])

    def matches(self, name, expected, words):
        fields = self.fields(f"probe_{name}")
        return all(fields.get(key) == value for key, value in expected.items()) and words in self.says(name)

    def expect(self, name, words="", seconds=INTERVAL + DEADLINE + SLACK, **expected):
        """The probe says so, in time: up, stage, canary, and these words of the reason."""
        began = time.monotonic()
        try:
            wait_for(lambda: self.matches(name, expected, words), seconds, f"{name}: {expected} {words!r}")
        except AssertionError as error:
            raise AssertionError(f"{error}; it says {self.fields(f'probe_{name}')} {self.says(name)!r}") from None
        check(True, f"{name}: {expected} \"{self.says(name)}\" after {time.monotonic() - began:.1f} s")

    def healthy(self, name, seconds=20):
        self.expect(name, up=1, stage=6, canary=1, seconds=seconds)
        wait_for(lambda: self.source(name).get("state") in ("ok", "complaining"), 10, f"{name}: its source is well")

    def frozen_killed_back(self, name, start):
        """Stopped by SIGSTOP, going on, killed, and there again."""
        self.stop(name)
        self.expect(name, "greet: no answer", up=0, stage=2)
        self.go_on(name)
        self.expect(name, up=1)
        self.end(name)
        self.expect(name, "connect: ", up=0, stage=1)
        start()
        self.expect(name, up=1, seconds=30)
