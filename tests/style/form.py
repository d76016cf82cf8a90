"""The form of a source file: its story first, base/banned.h last, one header guard, no prefix of a library, no
trailing blanks, no unfinished business."""
import re

import tree

LIBRARY_PREFIX = re.compile(r"^(?!\s|#)(?:[\w\s\*]*[\s\*])?((?:rrd_|json_|curl_|uv_|g_|MHD_|sqlite3_)\w+)\([^;{}]*\)\s*\n\{$", re.M)
ROLE_MAINS = ("rrd_role_main",)  # the mains of roles are named after their role
INCLUDE = re.compile(r'^#include ["<]([^">]+)[">]', re.M)
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
STORY_LEAST = 30  # characters


def story_of(text):
    """The file's story: a block comment that stands alone before the first code of its own, between the includes
    or behind them. Empty if there is none."""
    body = re.sub(r"^#\s*(include|if|endif|define|else|elif|undef|pragma).*(\\\n.*)*$", "", text, flags=re.M).lstrip()
    match = re.match(r"/\*(.*?)\*/", body, re.S)
    return match.group(1) if match else ""


def check_source(complaints, name, text):
    includes = INCLUDE.findall(text)
    if not includes or includes[-1] != "base/banned.h":
        later = [include for include in includes[includes.index("base/banned.h") + 1:]
                 if not include.endswith(".def")] if "base/banned.h" in includes else ["-"]
        if later:
            complaints.fail(name, 1, 'the last include is not "base/banned.h"')
    if len(story_of(text).strip()) < STORY_LEAST:
        complaints.fail(name, 1, "does not begin with its story (a comment before the first code)")
    for match in LIBRARY_PREFIX.finditer(text):
        if match.group(1) == "rrd_role_main":  # the mains of roles are named after their role
            continue
        line = text.count("\n", 0, match.start()) + 1
        complaints.fail(name, line, f"{match.group(1)}() has a library's prefix")


def check(files, complaints):
    for name in files.code():
        text = files.text(name)
        if name.endswith(".h") and "#pragma once" not in text.split("\n")[:3]:
            complaints.fail(name, 1, "does not begin with #pragma once")
        if name.endswith(".c") and not name.startswith(("tests/", "bench/")):
            check_source(complaints, name, text)
        for number, line in enumerate(text.split("\n"), 1):
            if line != line.rstrip():
                complaints.fail(name, number, "blanks at the end of the line")
            if UNFINISHED.search(line):
                complaints.fail(name, number, "unfinished business")
        if not text.endswith("\n"):
            complaints.fail(name, 1, "no line break at the end")


if __name__ == "__main__":
    tree.run(check)
