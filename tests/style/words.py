"""Words that have no place in the repository: paths of one machine, addresses of package registries, private keys,
the signatures that tools like to leave."""
import re

import tree

BANNED = [
    ("path of one machine", r"(?<![\w.\"'(=-])/(?:home|Users|root|work|mnt)/[\w-]+"),
    ("package registry", r"\b(?:registry|npm|pypi|artifactory|mirror)[\w-]*\.[\w.-]*(?:org|com|net|io|internal|corp)\b"),
    ("signature of a tool", r"co-authored-by|generated (?:with|by) (?:an? )?(?:AI|assistant|model)\b"),
    ("private key", r"-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----"),
]
BINARY = (".png", ".jpg", ".gif", ".ico", ".woff2", ".rrd", ".gz", ".pdf")


def check(files, complaints):
    for name in files.names:
        if name.endswith(BINARY) or name == "tests/style/words.py":
            continue
        for number, line in enumerate(files.text(name).split("\n"), 1):
            for what, pattern in BANNED:
                found = re.search(pattern, line, re.I)
                if found:
                    complaints.fail(name, number, f"{what}: {found.group(0)}")
        if name.endswith("package-lock.json") and '"resolved"' in files.text(name):
            complaints.fail(name, 1, "the lock file names where packages come from")


if __name__ == "__main__":
    tree.run(check)
