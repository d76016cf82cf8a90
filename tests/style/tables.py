"""Tables and what is said about them agree: every frame's number is given once and its lengths fit, every folder and
document that is named exists, every hostile line that a test names is in the list, every test program is registered."""
import re

import tree

MESSAGE = re.compile(r"^MESSAGE\((\w+), (\d+), (\d+), (\w+), (\w+), ([^,]+), ([^,]+), \"(.*)\"\)$", re.M)
LINK = re.compile(r"\]\((?!https?:|mailto:|#)([^)#\s]+)")
BACKTICK_PATH = re.compile(r"`((?:base|model|collector|rrd|rules|incidents|engine|notify|runner|web|magpie|script|tests|docs|bench|packaging)"
                           r"/[\w./-]+\.(?:c|h|def|md|py|ts|tsx|conf|magpie))`")
WIDTH = {"u8": 1, "u16": 2, "u32": 4, "i32": 4, "u64": 8, "i64": 8, "f64": 8}


def check_messages(files, complaints):
    numbers, names = {}, set()
    text = files.text("model/message.def")
    for match in MESSAGE.finditer(text):
        name, number = match.group(1), int(match.group(2))
        line = text.count("\n", 0, match.start()) + 1
        if number in numbers:
            complaints.fail("model/message.def", line, f"{name} has the number of {numbers[number]}")
        if name in names:
            complaints.fail("model/message.def", line, f"{name} stands twice")
        numbers[number] = name
        names.add(name)
        if match.group(5).isdigit() and int(match.group(4)) > int(match.group(5)):
            complaints.fail("model/message.def", line, f"{name}: least is more than most")
    written = len(re.findall(r"^MESSAGE\(", text, re.M))
    if not numbers or written != len(numbers):
        complaints.fail("model/message.def", 1, f"{written - len(numbers)} rows are not of the usual form")


def check_documents(files, complaints):
    known = set(files.names)
    folders = {"/".join(name.split("/")[:i]) for name in known for i in range(1, name.count("/") + 1)}
    for name in [n for n in files.names if n.endswith(".md")]:
        text = files.text(name)
        base = name.rsplit("/", 1)[0] + "/" if "/" in name else ""
        for match in LINK.finditer(text):
            target = re.sub(r"[^/]+/\.\./", "", base + match.group(1)).rstrip("/")
            if target not in known and target not in folders:
                complaints.fail(name, text.count("\n", 0, match.start()) + 1, f"link to {match.group(1)}, which is not there")
        if base == "" or base.startswith("docs"):
            for match in BACKTICK_PATH.finditer(text):
                if match.group(1) not in known and not re.search(r"NAME|FOLDER", match.group(1)):
                    complaints.fail(name, text.count("\n", 0, match.start()) + 1, f"{match.group(1)} is not there")


def check_tests(files, complaints):
    """A test program that no meson.build names would never run."""
    for name in files.names:
        match = re.match(r"tests/(\w+)/(?:test_|fuzz_)(\w+)\.c$", name)
        if match and not re.search(rf"'(?:fuzz_|test_)?{match.group(2)}(?:\.c)?'", files.text(f"tests/{match.group(1)}/meson.build")):
            complaints.fail(name, 1, "no meson.build names it, so it never runs")
    for name in files.code((".c", ".h")):
        if name.startswith("tests/"):
            text = files.text(name)
            for match in re.finditer(r"\bhostile (\d+)", text):
                if not 1 <= int(match.group(1)) <= 96:
                    complaints.fail(name, text.count("\n", 0, match.start()) + 1, f"there is no hostile line {match.group(1)}")


def check_functions(files, complaints):
    """Every function that other programs' languages have here is named in the manual."""
    manual = files.text("docs/archive.md")
    for name in ("web/facades/graphite_functions.def", "web/facades/promql_functions.def"):
        functions = re.findall(r'^[A-Z]+\("(\w+)"', files.text(name), re.M)
        for function in functions:
            if f"`{function}`" not in manual:
                complaints.fail(name, 1, f"docs/archive.md does not name {function}")
        if len(functions) < 20:
            complaints.fail(name, 1, "rows are not of the usual form")


def check(files, complaints):
    check_functions(files, complaints)
    check_messages(files, complaints)
    check_documents(files, complaints)
    check_tests(files, complaints)


if __name__ == "__main__":
    tree.run(check)
