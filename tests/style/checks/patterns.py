"""Words that do not belong in C++ of ours, or only in one place."""

import re

from .tree import line_of

EVERYWHERE = ("agent/", "proto/", "tools/", "tests/", "initramfs/")


def never(pattern, *prefixes, but=None):
    """A check that finds `pattern` in code below the prefixes, except in files matching `but`."""
    wanted, allowed = re.compile(pattern), re.compile(but or r"(?!)")

    def check(tree):
        return [f"{name}:{line_of(tree.code(name), found.start())}: {found.group().strip()}"
                for name in tree.cpp(*(prefixes or EVERYWHERE)) if not allowed.search(name)
                for found in wanted.finditer(tree.code(name))]
    return check


def never_included(pattern, *prefixes):
    wanted = re.compile(pattern)

    def check(tree):
        return [f"{name}:{line}: <{included}>" for name in tree.cpp(*(prefixes or EVERYWHERE))
                for line, _, included in tree.includes(name) if wanted.fullmatch(included)]
    return check


def _closing(code, start):
    """The position after the brace that closes the one at `start`."""
    depth = 0
    for position in range(start, len(code)):
        depth += {"{": 1, "}": -1}.get(code[position], 0)
        if depth == 0:
            return position + 1
    return len(code)


# A capture list that is not empty, then parameters, specifiers and a return type, then the body.
_LAMBDA = re.compile(r"(?<![\w\])\[])\[(?!\[)[^\[\]]*[^\s\[\]][^\[\]]*\]\s*(?:\([^{};]*\))?[^{};()]*\{")


def capturing_coroutine_lambdas(tree):
    """The frame keeps a reference to the lambda, which is gone at the first suspension."""
    problems = []
    for name in tree.cpp(*EVERYWHERE):
        code = tree.code(name)
        for found in _LAMBDA.finditer(code):
            body = code[found.end() - 1:_closing(code, found.end() - 1)]
            if re.search(r"\bco_(await|return|yield)\b", body):
                problems.append(f"{name}:{line_of(code, found.start())}: make it a named function")
    return problems


def locks_beside_coroutines(tree):
    """A lock held across co_await blocks the loop; a file that has both invites it."""
    return [f"{name}: a lock and co_await in one file" for name in tree.cpp("agent/")
            if re.search(r"\bstd::(lock_guard|unique_lock|scoped_lock)\b", tree.code(name))
            and re.search(r"\bco_await\b", tree.code(name))]


CHECKS = [
    ("no coroutine is spawned with a bare detached",
     never(r"\basio::detached\b|,\s*detached\s*\)")),
    ("no capturing lambda is a coroutine", capturing_coroutine_lambdas),
    ("no lambda of the agent captures everything by value", never(r"\[=[\],]", "agent/")),
    ("no lock lives beside a coroutine", locks_beside_coroutines),
    # GCC 15 leaks the hidden object; GCC 12 destroys temporaries of the expression twice.
    ("no structured binding takes the result of co_await",
     never(r"\bauto\s*&{0,2}\s*\[[^\]]*\]\s*=\s*co_await\b")),
    # The lab may: it has no loop to block and waits for programs that announce nothing.
    ("nothing sleeps but the lab",
     never(r"\b(sleep|usleep|nanosleep|clock_nanosleep|sleep_for|sleep_until)\s*\(",
           but=r"^tools/lab/")),
    ("only agent/sys/wait.cpp waits for processes",
     never(r"\b(waitpid|waitid|wait3|wait4)\s*\(", "agent/", but=r"^agent/sys/wait\.cpp$")),
    ("only agent/sys/spawn*.cpp forks",
     never(r"\b(v?fork|clone3?|posix_spawnp?)\s*\(|\bSYS_clone3?\b", "agent/",
           but=r"^agent/sys/spawn\w*\.cpp$")),
    # Static glibc would load shared objects for these at run time.
    ("the agent makes no name service calls",
     never(r"\b(getpwnam|getpwuid|getgrnam|getgrgid|getgrouplist|initgroups|getaddrinfo|"
           r"gethostbyname)(_r)?\s*\(", "agent/")),
    ("numbers are read by from_chars", never(r"\b(std::sto[a-z]+|ato[ifl]l?|strtou?ll?)\s*\(")),
    ("nothing includes an umbrella header",
     never_included(r"boost/(asio|beast)\.hpp|bits/stdc\+\+\.h|catch2/catch_all\.hpp")),
]
