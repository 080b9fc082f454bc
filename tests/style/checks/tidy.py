"""clang-tidy, which is Clang as a second compiler as well: its warnings are errors.

Nearly all the time of clang-tidy goes into the headers of Boost: 8 s for a translation unit that
uses Asio, of which our own lines take one. So up to 24 units that compile alike are put one after
the other into one. The price: a missing include or a leaking `using` inside such a batch stays
unseen here; the release build, which compiles each unit by itself, sees it. The analyzer does not follow calls into the standard library's templates, which doubles
its time on code with JSON and finds nothing of ours. Where names collide the batch is halved until
it compiles. What is found in a batch is looked at once more in its unit alone, so that no unit is
accused of what the putting together brought about. What was found clean is remembered by its
content, for every checkout of this machine, beside what tools/provision keeps.
"""

import hashlib
import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

TOOL = "clang-tidy-16"
COMPILER = "clang++-16"
DATABASES = ("build-asan/compile_commands.json", "build/compile_commands.json")
BATCH = 24
LIMIT_SECONDS = 900
_FINDING = re.compile(r"^(?P<path>[^\s:]+):(?P<line>\d+):(?P<column>\d+): (?:warning|error): "
                      r"(?P<what>.*)", re.M)
_KEPT = re.compile(r"-(I|isystem|D|U|W(?!no-)|std=)")


class Unit:
    """One translation unit of ours: its path, and how it is compiled."""

    def __init__(self, tree, entry):
        directory = Path(entry["directory"])
        words = entry.get("arguments") or shlex.split(entry["command"])
        self.name = os.path.relpath((directory / entry["file"]).resolve(), tree.root)
        # "-w" marks a third party's sources that we compile; they are not ours to tidy.
        # The one C program is a peer of a measurement; the checks are those of C++.
        self.ours = (self.name.endswith(".cpp") and not self.name.startswith("..")
                     and "-w" not in words)
        self.flags = tuple(_flags(words, directory, tree.root))
        self.extra_checks = _extra_checks(tree, self.name)

    def kind(self):
        """Units of one kind can share a batch."""
        return (self.flags, self.extra_checks)

    def key(self, tree, tool_version):
        """Changes whenever the answer could: our content, the settings, the tool, Boost.

        The same in every checkout: where it stands says nothing about the code.
        """
        digest = hashlib.sha256()
        flags = [flag.replace(str(tree.root), ".") for flag in self.flags]
        parts = [tool_version, self.name, *flags, self.extra_checks, tree.text(".clang-tidy")]
        parts.append(Path(__file__).read_text())
        parts += [tree.text(name) for name in sorted(tree.closure(self.name))]
        boost = Path("/usr/include/boost/version.hpp")
        parts.append(boost.read_text() if boost.is_file() else "")
        for part in parts:
            digest.update(part.encode() + b"\0")
        return digest.hexdigest()


def _flags(words, directory, root):
    """The flags that matter to Clang, with absolute include paths; -isystem may stand alone.

    Of our own folders that is the root, which everything is included from: what Meson adds for each
    target would only keep units of different targets apart.
    """
    waiting = iter(words[1:])
    for word in waiting:
        if word in ("-I", "-isystem", "-D", "-U"):
            word += next(waiting, "")
        if not _KEPT.match(word) or word.startswith(("-Werror", "-Wl,", "-Wp,")):
            continue
        path = re.match(r"(-I|-isystem)(.*)", word)
        if path:
            folder = Path(os.path.normpath(directory / path.group(2)))
            if folder != root and folder.is_relative_to(root):
                continue
            word = f"{path.group(1)}{folder}"
        yield word


def _sources(entry):
    """The file of an entry; of a unity build's file, the files that Meson put into it."""
    file = Path(entry["directory"], entry["file"])
    if not re.search(r"-unity\d+\.cpp$", file.name):
        return [entry["file"]]
    return re.findall(r'^#include\s*[<"](.*)[>"]', file.read_text(), re.M)


def _extra_checks(tree, name):
    """The Checks of the nearest .clang-tidy below the top, which inherits from the top's.

    They are written folded (`Checks: >-` and indented lines); anything else is an error, since
    checks that are silently not applied say nothing about the code.
    """
    for folder in Path(name).parents:
        if folder != Path(".") and (tree.root / folder / ".clang-tidy").is_file():
            text = (tree.root / folder / ".clang-tidy").read_text()
            folded = re.search(r"^Checks: >-\n((?:[ ]+\S.*\n)+)", text, re.M)
            if not folded:
                raise ValueError(f"{folder}/.clang-tidy: Checks are not written folded")
            return "".join(folded.group(1).split())
    return ""


def units(tree):
    found = {}
    for database in DATABASES:
        path = tree.root / database
        if not path.is_file():
            continue
        for entry in json.loads(path.read_text()):
            for source in _sources(entry):
                unit = Unit(tree, {**entry, "file": source})
                if unit.ours and unit.name in tree.files():
                    found.setdefault(unit.name, unit)
    return [found[name] for name in sorted(found)]


def batches(waiting):
    """Neighbours together, since they include much the same; the largest batches first."""
    kinds = {}
    for unit in waiting:
        kinds.setdefault(unit.kind(), []).append(unit)
    made = [members[start:start + BATCH] for members in kinds.values()
            for start in range(0, len(members), BATCH)]
    return sorted(made, key=len, reverse=True)


class Finding:
    def __init__(self, name, line, column, what):
        self.name, self.what = name, what
        self.words = f"{name}:{line}:{column}: {what}"


class Together:
    """Sources put one after the other into one file, and the way back to them."""

    def __init__(self, tree, members):
        self.tree, self.members, self.starts = tree, members, []
        self.file = tempfile.NamedTemporaryFile("w", suffix=".cpp", prefix="tidy-")
        line = 1
        for unit in members:
            text = tree.text(unit.name)
            text += "" if text.endswith("\n") else "\n"
            # A program has one main; here there may be several, so each gets a name of its own.
            self.file.write(f"#define main main_{line}\n")
            line += 1
            self.starts.append((line, unit.name))
            self.file.write(f"{text}#undef main\n")
            line += text.count("\n") + 1
        self.file.flush()
        folders = [f"-iquote{tree.root / Path(unit.name).parent}" for unit in members]
        # -Wshadow is GCC's to find: here one unit's names would be shadowed by another's.
        self.flags = [*members[0].flags, *folders, "-ferror-limit=0", "-Wno-unknown-warning-option",
                      "-Wno-shadow", "-Xclang", "-analyzer-config",
                      "-Xclang", "c++-stdlib-inlining=false,max-nodes=40000"]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()

    def _run(self, *command):
        return subprocess.run(command, cwd=self.tree.root, capture_output=True, text=True,
                              timeout=LIMIT_SECONDS)

    def compiles(self):
        return self._run(COMPILER, "-fsyntax-only", "-w", *self.flags, self.file.name).returncode == 0

    def tidy(self):
        done = self._run(TOOL, "--quiet", f"--config-file={self.tree.root / '.clang-tidy'}",
                         f"--checks={self.members[0].extra_checks}", self.file.name, "--",
                         *self.flags)
        found = list(_findings(self.tree, done.stdout, self.file.name, self.starts))
        if done.returncode != 0 and not _FINDING.search(done.stdout):
            said = (done.stdout + done.stderr).strip()[-300:]
            found = [Finding(self.members[0].name, 0, 0, said)]
        return found


def _findings(tree, output, together, starts):
    for line in output.splitlines():
        match = _FINDING.match(line)
        if not match:
            continue
        path, number, what = match["path"], int(match["line"]), match["what"]
        if path == together:
            start, name = max(item for item in starts if item[0] <= number)
            number -= start - 1
        else:
            name = os.path.relpath(path, tree.root)
        # What the analyzer sees inside Asio's coroutines is Asio's, and false (STYLE: M8).
        if name.startswith("..") and "[clang-analyzer-" in what:
            continue
        yield Finding(name, number, match["column"], what)


def _tidy(tree, members, remember):
    """Findings in a batch; halves it when only the putting together keeps it from compiling."""
    with Together(tree, members) as together:
        if len(members) == 1 or together.compiles():
            found = together.tidy()
        else:
            middle = len(members) // 2
            return [finding for half in (members[:middle], members[middle:])
                    for finding in _tidy(tree, half, remember)]
    names = {unit.name for unit in members}
    if len(members) > 1:
        accused = {finding.name for finding in found}
        found = [finding for finding in found if finding.name not in names]
        for unit in members:
            if unit.name in accused:
                found += _tidy(tree, [unit], remember)
    accused = {finding.name for finding in found}
    if accused <= names:  # nothing in a header, which all of them share
        remember([unit for unit in members if unit.name not in accused])
    return found


def _cache():
    """The folder of remembered answers: $ROUSE_CACHE/tidy, as in tools/lab/suites.sh."""
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path(os.environ.get("HOME", "/tmp"), ".cache"))
    folder = Path(os.environ.get("ROUSE_CACHE") or home / "rouse") / "tidy"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def tidy(tree):
    todo = units(tree)
    if not todo:
        return ["no compile_commands.json names a file of ours"]
    version = subprocess.run([TOOL, "--version"], capture_output=True, text=True, check=True).stdout
    cache = _cache()
    keys = {unit.name: unit.key(tree, version) for unit in todo}
    waiting = [unit for unit in todo if not (cache / keys[unit.name]).exists()]
    total, finished = len(waiting), 0

    def remember(members):
        for unit in members:
            (cache / keys[unit.name]).touch()

    problems = set()
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        work = {pool.submit(_tidy, tree, members, remember): members for members in batches(waiting)}
        for future, members in work.items():
            problems.update(finding.words for finding in future.result())
            finished += len(members)
            print(f"... clang-tidy [{finished}/{total}]", file=sys.stderr, flush=True)
    return sorted(problems)


CHECKS = [("clang-tidy and Clang's warnings find nothing", tidy)]
