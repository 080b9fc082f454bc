// rouse: PID 1 of a microVM, `rouse run`, `rouse debug` and `rouse files`.

#include "agent/arguments.hpp"
#include "agent/debug/debug_command.hpp"
#include "agent/files/files_command.hpp"
#include "agent/init.hpp"
#include "agent/run.hpp"
#include "agent/text_commands.hpp"

#include <unistd.h>

int main(int argc, char** argv) {
    using rouse::Arguments;
    const Arguments arguments = rouse::parse_arguments(argc, argv, ::getpid() == 1);
    switch (arguments.verb) {
    case Arguments::Verb::init:
        rouse::init(); // does not return: the VM ends instead
    case Arguments::Verb::run:
        return rouse::run(arguments);
    case Arguments::Verb::debug:
        return rouse::debug::debug_command({.topic = arguments.topic,
                                            .socket = arguments.socket,
                                            .json = arguments.json,
                                            .follow = arguments.follow});
    case Arguments::Verb::files:
        return rouse::files::files_command(arguments.files);
    case Arguments::Verb::version:
        return rouse::say_version();
    case Arguments::Verb::help:
        return rouse::say_help();
    case Arguments::Verb::wrong:
        return rouse::say_wrong(arguments);
    }
    return 0;
}
