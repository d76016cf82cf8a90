"""Sizes as STYLE has them: functions up to 50 lines (never above 70), up to 5 parameters, files up to 600 lines,
headers up to 150, no mutable variable visible to others. What pinches is a remark, what breaks a limit fails."""
import re

import tree

FUNCTION_AIM, FUNCTION_MOST = 50, 70
FILE_MOST, HEADER_MOST = 600, 150
PARAMETERS_MOST = 5
TABLE_SUFFIXES = (".def",)

FUNCTION = re.compile(r"^(?!typedef|struct [\w]+ \{|enum|union|#|\}|\s)([^;{}=]*?\b(\w+)\(([^;{}]*)\))\s*\n\{$", re.M)
VARIABLE = re.compile(r"^(?!\s|#|typedef|extern|struct \w+ \{|enum|union|\}|return)(static\s+)?"
                      r"([A-Za-z_][\w\s\*]*?[\s\*])(\w+)(\[[^\]]*\])*\s*(=|;)", re.M)


def parameter_count(text):
    depth = count = 0
    text = text.strip()
    if text in ("", "void"):
        return 0
    for c in text:
        depth += (c == "(") - (c == ")")
        count += c == "," and depth == 0
    return count + 1


def check_functions(complaints, name, text):
    for match in FUNCTION.finditer(text):
        start = text.count("\n", 0, match.end()) + 1
        end = text.find("\n}", match.end())
        lines = text.count("\n", match.end(), end) if end > 0 else 0
        where = text.count("\n", 0, match.start()) + 1
        if lines > FUNCTION_MOST:
            complaints.fail(name, where, f"{match.group(2)}() has {lines} lines, at most {FUNCTION_MOST}")
        elif lines > FUNCTION_AIM:
            complaints.remark(name, where, f"{match.group(2)}() has {lines} lines, the aim is {FUNCTION_AIM}")
        del start


def check_parameters(complaints, name, text):
    """Own functions only: a callback's shape is given by its library."""
    for match in FUNCTION.finditer(text):
        where = text.count("\n", 0, match.start()) + 1
        count = parameter_count(match.group(3))
        if count > PARAMETERS_MOST:
            complaints.remark(name, where, f"{match.group(2)}() has {count} parameters, the aim is {PARAMETERS_MOST}")


def check_variables(complaints, name, text):
    for match in VARIABLE.finditer(text):
        kind = match.group(2)
        where = text.count("\n", 0, match.start()) + 1
        if "const" in kind.split("*")[-1].split() or ("const" in kind and "*" not in kind):
            continue
        if "(" in match.group(0) or kind.split() in (["struct"], ["enum"], ["union"]):
            continue
        if match.group(1):
            if name != "base/log.c":
                complaints.remark(name, where, f"{match.group(3)}: a file-local variable that changes")
        elif name.endswith(".c"):
            complaints.fail(name, where, f"{match.group(3)}: a variable that changes and is visible to others")


def check(files, complaints):
    for name in files.code():
        text = files.text(name)
        lines = text.count("\n")
        most = HEADER_MOST if name.endswith(".h") else FILE_MOST
        if lines > most and not name.endswith(TABLE_SUFFIXES):
            complaints.fail(name, 1, f"{lines} lines, at most {most}")
        blank = tree.blank_code(text)
        if name.endswith(TABLE_SUFFIXES):
            continue
        check_functions(complaints, name, blank)
        if not name.startswith(("tests/", "bench/")):
            check_parameters(complaints, name, blank)
            check_variables(complaints, name, blank)


if __name__ == "__main__":
    tree.run(check)
