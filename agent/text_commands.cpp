#include "agent/text_commands.hpp"

#include <fmt/format.h>

#include <cstdio>

namespace rouse {

int say_version() {
    fmt::print("rouse {}\n", ROUSE_VERSION);
    return 0;
}

int say_help() {
    fmt::print("{}", usage());
    return 0;
}

int say_wrong(const Arguments& arguments) {
    fmt::print(stderr, "rouse: {}\n\n{}", arguments.wrong, usage());
    return 2;
}

} // namespace rouse
