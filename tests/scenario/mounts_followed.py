"""A filesystem that is mounted while Magpie runs appears in df and df_inode in the next round, fills up there, and goes with
its mount. Runs in a mount namespace of its own."""
import os
import subprocess
import sys
import tempfile

SKIPPED = 77
INSIDE = "MOUNTS_FOLLOWED_INSIDE"
SIZE = 1 << 20


class Dump:
    def __init__(self):
        self.process = subprocess.Popen([os.environ["DUMP_HOST"]], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return [text for text in iter(lambda: self.process.stdout.readline().rstrip("\n"), ".")]

    def values(self, plugin):
        self.ask("sample")
        pairs = (line.split(".value ") for line in self.ask(f"fetch {plugin}"))
        return {name: float("nan" if value == "U" else value) for name, value in pairs}

    def close(self):
        self.process.stdin.close()
        self.process.wait(10)


def check(good, what):
    print(("ok      " if good else "FAILED  ") + what)
    if not good:
        sys.exit(1)


def mount(*words):
    subprocess.run(["mount", *words], check=True)


def field_of(path):
    return "".join(c if c.isalnum() else "_" for c in path)


def inside():
    with tempfile.TemporaryDirectory(prefix="mounts_followed.") as base:
        first, second, bound = (os.path.join(base, name) for name in ("first", "a b", "bound"))
        for path in (first, second, bound):
            os.mkdir(path)
        dump = Dump()
        before = dump.values("df")
        check(field_of(first) not in before, "nothing is mounted yet")
        mount("-t", "tmpfs", "-o", f"size={SIZE}", "none", first)
        mount("-t", "tmpfs", "-o", f"size={SIZE},nr_inodes=10", "none", second)
        mount("--bind", first, bound)
        now = dump.values("df")
        check(now.get(field_of(first)) == 0, "a mount appears in the next round")
        check(field_of(second) in now, "one with a blank in its name too")
        check(f"{field_of(second)}.label {second}" in dump.ask("config df"), "with its mount point as label")
        check(field_of(bound) not in now, "the same filesystem is shown once")
        with open(os.path.join(first, "file"), "wb") as file:
            file.write(b"x" * (SIZE // 4 * 3))
        check(abs(dump.values("df")[field_of(first)] - 75) < 0.01, "it fills up")
        check(abs(dump.values("df_inode")[field_of(second)] - 10) < 0.01, "one of ten inodes is its root")
        subprocess.run(["umount", bound, first, second], check=True)
        after = dump.values("df")
        check(set(after) == set(before), "what is unmounted is gone, and nobody was kept from doing so")
        dump.close()


def main():
    if os.environ.get(INSIDE):
        inside()
        return 0
    if subprocess.run(["unshare", "--mount", "--propagation", "private", "true"], capture_output=True, check=False).returncode:
        print("no mount namespaces here")
        return SKIPPED
    done = subprocess.run(["unshare", "--mount", "--propagation", "private", sys.executable, __file__],
                          env={**os.environ, INSIDE: "1"}, check=False)
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
