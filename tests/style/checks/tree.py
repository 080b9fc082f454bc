"""The tree that is checked: its files, and C++ text without comments or strings."""

import os
import re
import subprocess
from functools import lru_cache
from pathlib import Path

CPP = (".cpp", ".hpp")

# A number first, since 1'000 is not the start of a character; then what is to be blanked out.
_TOKEN = re.compile(
    r"""(?P<keep>\b\d[\w']*)
      | (?P<raw>R"(?P<tag>[^()\s\\]{0,16})\(.*?\)(?P=tag)")
      | (?P<text>"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')
      | (?P<comment>//[^\n]*|/\*.*?\*/)""",
    re.S | re.X,
)


def _blank(text):
    return re.sub(r"[^\n]", " ", text)


class Tree:
    def __init__(self, root):
        self.root = Path(root).resolve()
        self.apt = Path("/etc/apt")  # where this machine says which package mirror it uses

    @lru_cache(maxsize=None)
    def files(self):
        """Every file that is or would be committed, as a relative path with forward slashes."""
        # The checkout may belong to somebody else than the root who runs the tests.
        listing = subprocess.run(
            ["git", "-c", "safe.directory=*", "-C", str(self.root), "ls-files", "-z",
             "--cached", "--others", "--exclude-standard"],
            check=True, capture_output=True, text=True).stdout
        names = sorted(set(filter(None, listing.split("\0"))))
        return tuple(name for name in names if (self.root / name).is_file())

    def cpp(self, *prefixes):
        """C++ files below any of the prefixes; all of them when none is given."""
        return [name for name in self.files()
                if name.endswith(CPP) and (not prefixes or name.startswith(prefixes))]

    @lru_cache(maxsize=None)
    def text(self, name):
        """The content of a file, or None when it is not text."""
        data = (self.root / name).read_bytes()
        return None if b"\0" in data else data.decode("utf-8", "replace")

    @lru_cache(maxsize=None)
    def code(self, name):
        """C++ with comments and strings blanked out: positions and line numbers stay."""
        def replace(match):
            return match.group() if match.group("keep") else _blank(match.group())
        return _TOKEN.sub(replace, self.text(name))

    @lru_cache(maxsize=None)
    def includes(self, name):
        """The includes of a C++ file in order: (line, is it quoted, what it names)."""
        def replace(match):
            return _blank(match.group()) if match.group("comment") else match.group()
        text = _TOKEN.sub(replace, self.text(name))
        found = re.finditer(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', text, re.M)
        return [(line_of(text, item.start(1)), item.group(1) == '"', item.group(2))
                for item in found]

    def resolve(self, name, included):
        """The file of ours that a quoted include means, or None."""
        for candidate in (Path(name).parent / included, Path(included), Path("tools") / included):
            if (self.root / candidate).is_file():
                return os.path.normpath(candidate)
        return None

    @lru_cache(maxsize=None)
    def closure(self, name):
        """A file and every file of ours that it includes, directly or not."""
        seen, waiting = {name}, [name]
        while waiting:
            current = waiting.pop()
            for _, quoted, included in self.includes(current):
                target = self.resolve(current, included) if quoted else None
                if target and target not in seen:
                    seen.add(target)
                    waiting.append(target)
        return frozenset(seen)


def line_of(text, position):
    return text.count("\n", 0, position) + 1
