"""What the self-test plants: a clean tree, and for each check what it must find."""

import subprocess


def plant(folder, files):
    """Writes the files into a new repository in `folder`, which need not commit them."""
    subprocess.run(["git", "init", "-q", str(folder)], check=True)
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def link_agent(root, flags):
    target = root / "build" / "agent" / "rouse"
    target.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(["c++", "-x", "c++", "-", *flags, "-o", str(target)], check=True,
                   input="int main() { return 0; }\n", text=True, stderr=subprocess.DEVNULL)


def coroutine(line):
    return {"agent/exec/run.cpp": f"void run() {{\n    {line}\n}}\n"}


def fields_page(*rows):
    """tests/README.md with these rows of its table."""
    return "\n".join(["# Tests", "", "## Which test shows what a field does", "",
                      "| field | suite | test |", "|---|---|---|", *rows, ""])


SHOWN = ['| `limits.files` | unit | it is "seen" in one |', "| `env.*` | unit | both are set |",
         "| `disks[].source` | unit | both are set |", "| `argv` | unit | both are set |"]

CLEAN = {
    "meson.build": "project('rouse')\n",
    "README.md": "Runs as /sbin/init; see https://packages.debian.org/.\n",
    ".git/apt/sources.list": "deb http://mirror.example.net/debian bookworm main\n",
    "proto/frame.hpp": "#pragma once\n// A frame.\n",
    "proto/frame.cpp": '#include "proto/frame.hpp"\n\n#include <string>\n',
    "agent/sys/wait.cpp": "void reap() {\n    waitid(P_ALL, 0, nullptr, WEXITED);\n}\n",
    "agent/sys/spawn.cpp": "void spawn() {\n    clone3(nullptr, 0);\n}\n",
    "agent/io/relay.hpp": "// A relay: sleep(1) and waitpid() are words of this comment.\n#pragma once\n"
                          '#include "proto/frame.hpp"\n\n#include <boost/asio/io_context.hpp>\n',
    "agent/exec/run.cpp": '#include "agent/exec/run.hpp"\n\n'
                          '#include "agent/io/relay.hpp"\n\n'
                          'const char* why() {\n    return "fork() and sleep(1), TODO(#12)";\n}\n'
                          "constexpr int n = 1'000'000;\n"
                          "awaitable<void> run(int table[], int i) {\n"
                          "    std::sort(a, b, [&](int x, int y) { return x < y; });\n"
                          "    table[i] = 0;\n"
                          "    auto got = co_await read();\n"
                          "    co_spawn(io, []() -> awaitable<void> { co_return; });\n"
                          "}\n",
    "agent/main.cpp": '#include "agent/exec/run.hpp"\n',
    "agent/README.md": '## Invariants\n1. All is well: "all is well and\nstays so".\n\n## Words\n',
    "tests/a.cpp": 'TEST_CASE("all is well "\n          "and stays so",\n          "[a]") {}\n',
    "tests/unit/fields.cpp": 'TEST_CASE("it is \\"seen\\" "\n          "in one",\n'
                             '          "[a]") {}\n\nTEST_CASE("both are set") {}\n',
    "tests/README.md": fields_page(*SHOWN),
    "proto/config.schema.json": """{"properties": {
        "argv": {"type": "array", "items": {"type": "string"}},
        "env": {"type": "object", "additionalProperties": {"type": "string"}},
        "limits": {"additionalProperties": false, "properties": {"files": {"type": "integer"}}},
        "disks": {"items": {"properties": {"source": {"type": "string"}}}}}}""",
    "agent/exec/run.hpp": "#pragma once\n// Runs.\n",
    "tools/test": "#!/bin/bash\necho $HOME/work /sbin/home\n",
}

PLANTS = {
    "an include goes down the layers, never up or sideways": [
        {"agent/sys/a.cpp": '#include "agent/io/relay.hpp"\n'},
        {"agent/supervise/a.cpp": '#include "agent/io/relay.hpp"\n'},
        {"agent/output/a.cpp": '#include "agent/exec/run.hpp"\n'},
        {"agent/output/a.cpp": '#include "../exec/run.hpp"\n'},
        {"proto/a.cpp": '#include "agent/io/relay.hpp"\n'},
        {"tools/a.cpp": '#include "agent/io/relay.hpp"\n'},
        {"agent/a.cpp": '#include "tests/a.hpp"\n', "tests/a.hpp": "// A.\n#pragma once\n"},
        {"agent/attic/a.cpp": "\n"},
        {"agent/a.cpp": '#include "agent/nowhere.hpp"\n'},
    ],
    "Asio first appears in layer 2": [
        {"agent/sys/a.cpp": "#include <boost/asio/buffer.hpp>\n"},
        {"proto/a.cpp": "#include <boost/beast/http.hpp>\n"},
    ],
    "at most 4 translation units of the agent use Beast": [
        {"agent/exec/http.hpp": "// HTTP.\n#pragma once\n#include <boost/beast/http.hpp>\n",
         **{f"agent/exec/{n}.cpp": '#include "agent/exec/http.hpp"\n' for n in "abcde"}},
    ],
    "no coroutine is spawned with a bare detached": [
        coroutine("co_spawn(io, relay(), detached);"),
        coroutine("co_spawn(io, relay(), boost::asio::detached);"),
    ],
    "no capturing lambda is a coroutine": [
        coroutine("co_spawn(io, [&]() -> awaitable<void> { co_await relay(); }, done);"),
        coroutine("auto later = [this, fd = std::move(fd)] { if (fd) { co_return; } };"),
    ],
    "no lambda of the agent captures everything by value": [coroutine("auto f = [=] { };")],
    "no lock lives beside a coroutine": [
        coroutine("std::lock_guard lock(mutex_); co_await relay();"),
    ],
    "no structured binding takes the result of co_await": [
        coroutine("auto [error, n] = co_await read();"),
        coroutine("const auto& [error,\n n] =\n co_await read();"),
    ],
    "nothing sleeps but the lab": [
        coroutine("sleep(1);"),
        {"tests/unit/a.cpp": "void f() { std::this_thread::sleep_for(1s); }\n"},
    ],
    "only agent/sys/wait.cpp waits for processes": [coroutine("::waitpid(-1, &status, 0);")],
    "only agent/sys/spawn*.cpp forks": [coroutine("if (fork() == 0) { }"),
                                        coroutine("syscall(SYS_clone3, &args, sizeof args);")],
    "the agent makes no name service calls": [coroutine('getpwnam("root");')],
    "numbers are read by from_chars": [coroutine("int n = std::stoi(text);"),
                                       coroutine("int n = atoi(text);")],
    "nothing includes an umbrella header": [
        {"agent/exec/run.cpp": "#include <boost/asio.hpp>\n"},
        {"tests/unit/a.cpp": "#include <catch2/catch_all.hpp>\n"},
    ],
    "a file has at most 300 lines": [
        {"tools/long.cpp": "\n" * 301},
        {"tools/long": "#!/bin/sh\n" + "\n" * 300},
        {"tools/long.cpp": "// Longer than 300 lines: for ever.\n" + "\n" * 400},
    ],
    "a header says what it is for and guards itself with pragma once": [
        {"proto/a.hpp": "// A.\nint a();\n"},
        {"proto/a.hpp": "// A.\n#include <string>\n#pragma once\n"},
        {"proto/a.hpp": "#pragma once\nint a();\n"},
    ],
    "a source file includes its own header first": [
        {"proto/frame.cpp": '#include <string>\n\n#include "proto/frame.hpp"\n'},
    ],
    "the top level holds only what belongs there": [{"notes.txt": "n\n"}, {"docs/a.md": "a\n"}],
    "work that is left carries the number of its issue": [
        coroutine("// TODO later"), {"README.md": "FIXME: say more\n"},
    ],
    "every invariant names a test that is there": [
        {"agent/README.md": '## Invariants\n1. All is well: "nothing is".\n\n## Words\n'},
        {"agent/README.md": "## Invariants\n1. All is well.\n\n## Words\n"},
    ],
    "every field of the configuration has a test that shows what it does": [
        {"tests/README.md": fields_page(*SHOWN[:-1])},
        {"tests/README.md": fields_page(*SHOWN, "| `colour` | unit | both are set |")},
        {"tests/README.md": fields_page(*SHOWN[:-1], "| `argv` | unit | both are |")},
        {"tests/README.md": fields_page(*SHOWN[:-1], "| `argv` | vm | both are set |")},
        {"tests/README.md": fields_page(*SHOWN, "| argv | unit | both are set |")},
        {"tests/README.md": "# Tests\n"},
        {"proto/config.schema.json": '{"properties": {"umask": {"type": "string"}}}'},
        {"tests/unit/fields.cpp": 'TEST_CASE("both are set") {}\n'},
    ],
    "no file names a path of somebody's machine": [
        {"README.md": "cd /home/me/rouse\n"}, {"tools/test": "#!/bin/sh\ncd /work/elsewhere\n"},
        {"tools/test": "#!/bin/sh\ncat /root/.profile\n"},
    ],
    "no file names a package host of somebody's machine": [
        {"tools/provision": "#!/bin/sh\ncurl http://mirror.example.net/x\n"},
    ],
    "shell scripts parse": [{"tools/test": "#!/bin/bash\nif true; then\n"}],
    "clang-format has nothing to change": [coroutine("int  n=1;")],
}
