"""Includes follow the picture of the folders (STYLE, section 1): a folder knows only those listed for it,
and each library has the few files that may know it."""
import fnmatch
import re

import tree

BELOW = {
    "base": [],
    "model": ["base"],
    "collector": ["base", "model"],
    "rrd": ["base", "model"],
    "rules": ["base", "model"],
    "incidents": ["base", "model", "rules"],
    "engine": ["base", "model", "rules", "incidents"],
    "notify": ["base", "model", "incidents"],
    "runner": ["base", "model", "notify"],
    "web": ["base", "model", "rules", "incidents"],
    "magpie": ["base", "model", "collector", "rrd", "rules", "incidents", "engine", "notify", "runner", "web"],
}

# header (as a pattern) -> files that may include it
LIBRARIES = {
    "rrd*.h": ["rrd/*"],
    "curl/*": ["base/httpclient*"],
    "uv.h": ["base/loop.c", "base/timer.c", "base/worker.c", "base/httpclient.c", "base/spawn.c"],
    "vapi/*": ["collector/services/varnish_stat.c"],
    "microhttpd.h": ["web/*"],
    "archive.h": ["web/tarball.c"],
    "archive_entry.h": ["web/tarball.c"],
    "sqlite3.h": ["incidents/store_sqlite.c", "incidents/store_sqlite_copy.c"],
    "ares.h": ["base/resolve.c"],
    "gnutls/*": ["base/tls*", "base/hash*", "base/crypto*"],
}

INCLUDE = re.compile(r'^\s*#\s*include\s+(?:"([^"]+)"|<([^>]+)>)', re.M)
TESTS = {"tests", "bench"}


def check_project_include(complaints, name, line, target, tree_names):
    folder = name.split("/")[0]
    other = target.split("/")[0]
    if "/" not in target:
        if folder not in TESTS and target not in GENERATED:
            complaints.fail(name, line, f'"{target}": includes of Magpie name their folder')
        return
    if other in TESTS:
        if folder not in TESTS:
            complaints.fail(name, line, f'"{target}": code does not include tests')
        return
    if other not in BELOW:
        complaints.fail(name, line, f'"{target}": no such folder')
    elif folder in BELOW and other != folder and other not in BELOW[folder]:
        complaints.fail(name, line, f'"{target}": {folder}/ may include {", ".join(BELOW[folder]) or "nothing"} only')
    elif folder in TESTS and name.count("/") == 2:
        own = name.split("/")[1]
        if own in BELOW and other != own and other not in BELOW[own]:
            complaints.fail(name, line, f'"{target}": the tests of {own}/ see what {own}/ sees')


GENERATED = {"version.h"}


def check_library_include(complaints, name, line, target):
    if name.split("/")[0] in TESTS:
        return
    for pattern, allowed in LIBRARIES.items():
        if fnmatch.fnmatch(target, pattern) and not any(fnmatch.fnmatch(name, a) for a in allowed):
            complaints.fail(name, line, f"<{target}>: only {', '.join(allowed)} may include this")


def check(files, complaints):
    for name in files.code():
        text = files.text(name)
        for match in INCLUDE.finditer(text):
            line = text.count("\n", 0, match.start()) + 1
            if match.group(1):
                check_project_include(complaints, name, line, match.group(1), files.names)
            else:
                check_library_include(complaints, name, line, match.group(2))


if __name__ == "__main__":
    tree.run(check)
