#pragma once
// Documents of `POST /v1/exec`.

#include "proto/exit_status.hpp"
#include "proto/process_attributes.hpp"
#include "proto/session.hpp"

namespace rouse::proto {

/// What to run, and as whom. The workload of the configuration has the same form.
struct Command {
    std::vector<std::string> argv;          ///< argv[0] without a slash is looked up in PATH
    std::map<std::string, std::string> env; ///< added to the guest's defaults; wins over them
    std::string cwd;                        ///< empty: the user's home, or /
    std::string user;                       ///< `name|uid[:group|gid]`; empty: root
    ProcessAttributes attributes = {};

    friend bool operator==(const Command&, const Command&) = default;
};

/// Reads the members of a Command out of an object that may have more.
void read_command(Fields& fields, Command& command);
/// Adds the members that are not empty.
void add_to_json(boost::json::object& object, const Command& command);

struct ExecRequest {
    Command command;
    std::string stdin_bytes; ///< plain exec only; the stream form sends DATA frames on stream 0
    SessionOptions session;

    friend bool operator==(const ExecRequest&, const ExecRequest&) = default;
};

boost::json::value to_json(const ExecRequest& request);
/// Reads the body of a request. Unknown keys are errors: a misspelt limit must not be ignored.
Parsed<ExecRequest> parse_exec_request(std::string_view body);

/// One captured stream of a plain exec.
struct Captured {
    std::string bytes;
    std::uint64_t truncated = 0; ///< bytes beyond the limit that were read and thrown away

    friend bool operator==(const Captured&, const Captured&) = default;
};

/// The answer of a plain exec. Without `exit` nothing ran, and `error` says why.
struct ExecResult {
    std::optional<ExitStatus> exit;
    std::optional<SpawnFailure> error;
    Captured out;
    Captured err;

    friend bool operator==(const ExecResult&, const ExecResult&) = default;
};

boost::json::value to_json(const ExecResult& result);
Parsed<ExecResult> parse_exec_result(std::string_view body);

/// Bytes as `{"text": …}` where they are UTF-8 and `{"base64": …}` where not.
boost::json::object bytes_to_json(std::string_view bytes);
/// Reads either form.
Parsed<std::string> bytes_from_json(const boost::json::value& value, const std::string& path);

} // namespace rouse::proto
