"""The layers of the agent: an include goes down, never up and never sideways."""

import re

LAYERS = {
    "proto": 0,
    "agent/sys": 1,
    "agent/io": 2,
    "agent/supervise": 2,
    "agent/boot": 3,
    "agent/debug": 3,
    "agent/exec": 3,
    "agent/files": 3,
    "agent/output": 3,
    "agent/restore": 3,
    "agent/workload": 3,
    "agent": 4,
}
BEAST_BUDGET = 4  # translation units of the agent; each costs 15 to 20 s and 0.9 GB to compile


def room(name):
    """The directory that stands for a layer: agent/sys, agent, proto, tools, tests, initramfs.

    What a room keeps in directories of its own belongs to it; "impl" holds third-party sources.
    """
    parts = name.split("/")[:-1]
    if "impl" in parts:
        return "impl"
    return "/".join(parts[:2]) if parts[0] == "agent" else parts[0]


def may_include(source, target):
    if source == target or source == "tests":
        return True
    if source in LAYERS:
        return target in LAYERS and LAYERS[target] < LAYERS[source]
    if source == "impl":
        return False
    # The lab builds guest images with the library of initramfs/.
    return target == "proto" or (source, target) == ("tools", "initramfs")


def layers(tree):
    problems = []
    for name in tree.cpp():
        source = room(name)
        if source.startswith("agent") and source not in LAYERS:
            problems.append(f"{name}: {source} is not a layer")
        for line, quoted, included in tree.includes(name):
            target = tree.resolve(name, included) if quoted else None
            if quoted and not target:
                problems.append(f"{name}:{line}: there is no {included}")
            elif target and not may_include(source, room(target)):
                problems.append(f"{name}:{line}: {source} may not include {target}")
    return problems


def asio_from_layer_two(tree):
    """proto/ does no I/O and agent/sys/ is one kernel facility per file: neither knows a loop."""
    return [f"{name}:{line}: {included} below layer 2"
            for name in tree.cpp("proto/", "agent/sys/") if room(name) != "impl"
            for line, _, included in tree.includes(name)
            if re.match(r"boost/(asio|beast)\b", included)]


def beast_budget(tree):
    users = [name for name in tree.cpp("agent/") if name.endswith(".cpp")
             and any(included.startswith("boost/beast")
                     for member in tree.closure(name)
                     for _, _, included in tree.includes(member))]
    if len(users) <= BEAST_BUDGET:
        return []
    return [f"{len(users)} of them, {BEAST_BUDGET} allowed: " + ", ".join(users)]


CHECKS = [
    ("an include goes down the layers, never up or sideways", layers),
    ("Asio first appears in layer 2", asio_from_layer_two),
    (f"at most {BEAST_BUDGET} translation units of the agent use Beast", beast_budget),
]
