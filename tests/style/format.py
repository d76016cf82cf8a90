"""clang-format agrees with every source file (the configuration is in .clang-format)."""
import shutil
import subprocess
import sys

import tree


def check(files, complaints):
    names = files.code((".c", ".h"))
    for first in range(0, len(names), 40):
        done = subprocess.run(["clang-format", "--dry-run", "-Werror", *names[first:first + 40]],
                              cwd=files.root, capture_output=True, text=True, check=False)
        seen = set()
        for line in done.stderr.splitlines():
            parts = line.split(":", 2)
            if "[-Wclang-format-violations]" in line and parts[0] not in seen:
                seen.add(parts[0])
                complaints.fail(parts[0], parts[1], "not as clang-format writes it")
        if done.returncode and not seen:
            complaints.fail(names[first], 0, done.stderr.strip() or "clang-format failed")


if __name__ == "__main__":
    if not shutil.which("clang-format"):
        print("clang-format is not installed")
        sys.exit(77)
    tree.run(check)
