"""What the style tests share: the files of the tree, and how complaints are told."""
import pathlib
import subprocess
import sys

FOLDERS = ["base", "model", "collector", "rrd", "rules", "incidents", "engine", "notify", "runner", "web", "magpie"]


class Tree:
    """The files git knows (or would add), relative to the root."""

    def __init__(self, root):
        self.root = pathlib.Path(root)
        listed = subprocess.run(["git", "-C", str(self.root), "ls-files", "-co", "--exclude-standard", "-z"],
                                capture_output=True, check=False)
        if listed.returncode == 0:
            names = [name for name in listed.stdout.decode().split("\0") if name]
        else:  # an unpacked tarball
            names = [str(path.relative_to(self.root)) for path in self.root.rglob("*") if path.is_file()]
            names = [name for name in names if not name.startswith(("build", ".git/", "var/"))
                     and "node_modules/" not in name]
        self.names = sorted(name for name in names if (self.root / name).is_file())

    def code(self, suffixes=(".c", ".h", ".def")):
        return [name for name in self.names if name.endswith(suffixes) and
                name.split("/")[0] in FOLDERS + ["tests", "bench"]]

    def text(self, name):
        return (self.root / name).read_text(encoding="utf-8", errors="replace")


class Complaints:
    """Collects failures and remarks; `finish` prints them all and gives the exit code."""

    def __init__(self):
        self.failures = []
        self.remarks = []

    def fail(self, name, line, text):
        self.failures.append(f"{name}:{line}: {text}")

    def remark(self, name, line, text):
        self.remarks.append(f"{name}:{line}: {text}")

    def finish(self):
        for text in self.remarks:
            print("remark", text)
        for text in self.failures:
            print("FAIL", text)
        print(f"{len(self.failures)} failures, {len(self.remarks)} remarks")
        return 1 if self.failures else 0


def run(check):
    """Main of a style test: check(tree, complaints)."""
    complaints = Complaints()
    check(Tree(sys.argv[1] if len(sys.argv) > 1 else "."), complaints)
    sys.exit(complaints.finish())


def blank_code(text):
    """The same text with comments, strings and character constants blanked, line breaks kept."""
    out = []
    at = 0
    while at < len(text):
        two = text[at:at + 2]
        if two == "/*":
            end = text.find("*/", at + 2)
            end = len(text) if end < 0 else end + 2
        elif two == "//":
            end = text.find("\n", at)
            end = len(text) if end < 0 else end
        elif text[at] in "\"'":
            end = at + 1
            while end < len(text) and text[end] != text[at] and text[end] != "\n":
                end += 2 if text[end] == "\\" else 1
            end += 1
        else:
            out.append(text[at])
            at += 1
            continue
        out.append("".join(c if c == "\n" else " " for c in text[at:end]))
        at = end
    return "".join(out)
