"""Proof by readelf that the agent is what a guest can run with nothing beside it."""

import re
import subprocess

AGENT = "build/agent/rouse"


def _readelf(tree, option):
    """What readelf says, or None when there is no binary to ask."""
    path = tree.root / AGENT
    if not path.is_file():
        return None
    return subprocess.run(["readelf", "-W", option, str(path)], check=True, capture_output=True,
                          text=True).stdout


def proof(option, prove):
    """A check that hands the output of `readelf option` to `prove`, which yields problems."""
    def check(tree):
        said = _readelf(tree, option)
        if said is None:
            return [f"there is no {AGENT}"]
        return [f"{AGENT}: {problem}" for problem in prove(said)]
    return check


def no_interpreter(segments):
    if re.search(r"^\s*INTERP\b", segments, re.M):
        yield "it asks for a dynamic linker"


def static_pie(dynamic):
    if re.search(r"\(NEEDED\)", dynamic):
        yield "it needs shared libraries"
    if not re.search(r"\(FLAGS_1\).*\bPIE\b", dynamic):
        yield "it is not position-independent"


def relocations_read_only(segments):
    if not re.search(r"^\s*GNU_RELRO\b", segments, re.M):
        yield "no RELRO segment"


def bound_now(dynamic):
    if not re.search(r"BIND_NOW|\(FLAGS_1\).*\bNOW\b", dynamic):
        yield "not linked with -z now"


def memory_rights(segments):
    stack = re.search(r"^\s*GNU_STACK\s.*", segments, re.M)
    if not stack:
        yield "no GNU_STACK segment, so the stack is executable"
    for line in re.findall(r"^\s*(?:LOAD|GNU_STACK)\s.*", segments, re.M):
        if re.search(r"\bRWE\b", line):
            yield "writable and executable: " + line.split()[0]


def stripped(sections):
    if re.search(r"\.symtab\b", sections):
        yield "it has a symbol table"
    if re.search(r"\.debug_info\b", sections):
        yield "it has debugging information"


CHECKS = [
    ("the agent has no interpreter", proof("-l", no_interpreter)),
    ("the agent is static and position-independent", proof("-d", static_pie)),
    ("the agent's relocations are read-only", proof("-l", relocations_read_only)),
    ("the agent binds its symbols at start", proof("-d", bound_now)),
    ("the agent has no memory both writable and executable", proof("-l", memory_rights)),
    ("the agent is stripped", proof("-S", stripped)),
]
