#pragma once
// `rouse files create|extract|stat [--as NAME] [--json] PATH`: the applet behind `/v1/files`. It
// runs in a process of its own, as the user who is meant: disks are slow, and it is the kernel that
// decides what that user may do.

#include <string>
#include <vector>

namespace rouse::files {

struct FilesRequest {
    enum class Verb { create, extract, stat };
    Verb verb = Verb::create;
    std::string path;
    std::string as;    ///< another name for the entry at the top; empty: its own
    bool json = false; ///< what is said on standard error is for a program
};

/// Reads the words behind `files`. A text says what is wrong with them.
struct ParsedFiles {
    FilesRequest request;
    std::string wrong; ///< empty: nothing
};
ParsedFiles parse_files_arguments(const std::vector<std::string>& words);

/// Runs it: the archive on standard output (create) or input (extract), the document of a file on
/// standard output (stat). Warnings and the reason of a failure go to standard error, with `json`
/// as lines `{"warning": {…}}` and `{"error": {…}}`; extract then tells its tally on standard
/// output. Returns the exit status: 0, or 1 when it failed.
int files_command(const FilesRequest& request);

} // namespace rouse::files
