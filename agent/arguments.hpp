#pragma once
// What the binary was asked to be: PID 1, `rouse run`, `rouse debug` or `rouse files`.

#include "agent/files/files_command.hpp"

#include <string>
#include <vector>

namespace rouse {

/// What tini and dumb-init are told in the same words.
struct RunFlags {
    bool to_group = false;       ///< -g: signals go to the whole process group of the command
    bool subreaper = false;      ///< -s: to be no subreaper is a failure
    int parent_death_signal = 0; ///< -p: that we get when our parent ends; 0: none
    unsigned verbosity = 0;      ///< -v, each
};

struct Arguments {
    enum class Verb { init, run, debug, files, version, help, wrong };
    Verb verb = Verb::wrong;
    std::string wrong;  ///< what is wrong with the command line
    std::string socket; ///< run: the Unix socket that stands for the VM's vsock; empty: none
    std::string config; ///< run: configuration file
    RunFlags run;
    std::vector<std::string> command;
    std::string topic; ///< debug: which document
    bool json = false;
    bool follow = false; ///< debug events: goes on
    files::FilesRequest files;
    bool is_pid1 = false;
};

/// Reads the command line. As PID 1 everything that is not a verb of ours is the kernel's (unknown
/// words of its command line become arguments of init), so it is ignored.
Arguments parse_arguments(int argc, char** argv, bool is_pid1);

/// The usage text.
std::string usage();

} // namespace rouse
