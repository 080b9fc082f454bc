"""The shape of files and of the tree."""

import re
import subprocess
from pathlib import PurePath

CODE = (".cpp", ".hpp", ".c", ".py", ".sh")
TOP_LEVEL = {"meson.build", "agent", "proto", "tests", "initramfs", "tools", "LICENSE", "README.md"}
LINES, HARD_LINES = 300, 400

_HOST = re.compile(r"\w+://(?:[^/\s@]*@)?([\w.-]+)")


def is_script(tree, name):
    return (tree.text(name) or "").startswith("#!")


def length(tree):
    problems = []
    for name in tree.files():
        if not (name.endswith(CODE) or is_script(tree, name)):
            continue
        lines = tree.text(name).count("\n")
        # A rule may be broken where a comment says why.
        excused = "Longer than 300 lines:" in tree.text(name) and lines <= HARD_LINES
        if lines > LINES and not excused:
            problems.append(f"{name}: {lines} lines")
    return problems


def header_form(tree):
    problems = []
    for name in tree.cpp():
        if not name.endswith(".hpp"):
            continue
        directives = re.findall(r"^[ \t]*#.*", tree.code(name), re.M)
        if not directives or directives[0].strip() != "#pragma once":
            problems.append(f"{name}: its first directive is not #pragma once")
        if not re.match(r"(#pragma once\s*)?//", tree.text(name)):
            problems.append(f"{name}: it does not begin with what it is for")
    return problems


def own_header_first(tree):
    problems = []
    for name in tree.cpp():
        own = str(PurePath(name).with_suffix(".hpp"))
        if not name.endswith(".cpp") or own not in tree.files():
            continue
        includes = tree.includes(name)
        first = tree.resolve(name, includes[0][2]) if includes and includes[0][1] else None
        if first != own:
            problems.append(f"{name}: its first include is not {own}")
    return problems


def top_level(tree):
    names = {name.split("/")[0] for name in tree.files()}
    return [f"{name} does not belong at the top" for name in sorted(names)
            if name not in TOP_LEVEL and not name.startswith(".")]


def promises(tree):
    """Work that is left carries the number of its issue."""
    wanted = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b(?!\s*\(#\d+\))")
    return [f"{name}:{number}: {line.strip()[:60]}" for name in _text_files(tree)
            for number, line in enumerate(tree.text(name).splitlines(), 1) if wanted.search(line)]


def named_tests(tree):
    """The tests that the invariants of agent/README.md name are there."""
    section = re.search(r"^## Invariants$(.*?)^## ", tree.text("agent/README.md") or "", re.M | re.S)
    if not section:
        return ["agent/README.md: it has no invariants"]
    code = "".join(tree.text(name) for name in tree.cpp() if name.startswith("tests/"))
    known = {re.sub(r'"\s*"', "", name)
             for name in re.findall(r'TEST_CASE\(\s*"((?:[^"]|"\s*")*)",', code)}
    named = re.findall(r'"([^"]+)"', section.group(1).replace("\n", " "))
    problems = [f"agent/README.md: no test is named '{name}'" for name in named if name not in known]
    return problems if named else ["agent/README.md: its invariants name no test"]


def machine_paths(tree):
    wanted = re.compile(r"(?<![\w.}$/-])/(work\b|home/\w+|root/[\w.])")
    own = str(tree.root)
    return [f"{name}:{number}: {line.strip()[:60]}" for name in _text_files(tree)
            for number, line in enumerate(tree.text(name).splitlines(), 1)
            if wanted.search(line) or (len(own) > 5 and own in line)]


def package_hosts(tree):
    """The mirror comes from the machine's configuration; its name does not belong in the tree."""
    hosts = set()
    for path in tree.apt.glob("**/*"):
        if path.is_file() and path.suffix in (".list", ".sources", ".conf", ""):
            hosts.update(_HOST.findall(path.read_text("utf-8", "replace")))
    secret = {host for host in hosts if "." in host and not re.match(r"127\.|.*debian\.org$", host)}
    return [f"{name}: names a package host of this machine" for name in _text_files(tree)
            if any(host in tree.text(name) for host in secret)]


def _text_files(tree):
    # The style checks themselves must be able to name what they look for.
    return [name for name in tree.files()
            if tree.text(name) is not None and not name.startswith("tests/style/")]


def shell_parses(tree):
    problems = []
    for name in tree.files():
        shebang = re.match(r"#!\S*/(?:env )?(bash|sh|ash)\b", tree.text(name) or "")
        if not shebang and not name.endswith(".sh"):
            continue
        shell = "sh" if shebang and shebang.group(1) != "bash" else "bash"
        done = subprocess.run([shell, "-n", str(tree.root / name)], capture_output=True, text=True)
        if done.returncode != 0:
            problems.append(f"{name}: {done.stderr.strip()[:200]}")
    return problems


CHECKS = [
    (f"a file has at most {LINES} lines", length),
    ("a header says what it is for and guards itself with pragma once", header_form),
    ("a source file includes its own header first", own_header_first),
    ("the top level holds only what belongs there", top_level),
    ("work that is left carries the number of its issue", promises),
    ("every invariant names a test that is there", named_tests),
    ("no file names a path of somebody's machine", machine_paths),
    ("no file names a package host of somebody's machine", package_hosts),
    ("shell scripts parse", shell_parses),
]
