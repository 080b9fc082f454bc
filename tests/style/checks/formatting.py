"""clang-format decides layout."""

import re
import subprocess

TOOL = "clang-format-16"


def formatted(tree):
    names = tree.cpp()
    if not names:
        return []
    done = subprocess.run([TOOL, "--dry-run", "-Werror", *names], cwd=tree.root,
                          capture_output=True, text=True)
    if done.returncode == 0:
        return []
    found = re.findall(r"^(\S+?):(\d+):\d+: error", done.stderr, re.M)
    lines = {}
    for name, line in found:
        lines.setdefault(name, line)
    return [f"{name}:{line}: {TOOL} -i changes it" for name, line in lines.items()] \
        or [done.stderr.strip()[:300]]


CHECKS = [("clang-format has nothing to change", formatted)]
