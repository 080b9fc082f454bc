#pragma once
// Exec sessions: what is asked for beyond the command, how a client attaches, and what a listing
// says (proto/README.md, "Sessions").

#include "proto/exit_status.hpp"
#include "proto/limits.hpp"

namespace rouse::proto {

/// Of a terminal, in characters; each 1–65535.
struct TerminalSize {
    std::uint32_t rows = 24;
    std::uint32_t columns = 80;

    friend bool operator==(const TerminalSize&, const TerminalSize&) = default;
};

/// Reads `rows` and `columns`, both of which must be there.
void read_terminal_size(Fields& fields, TerminalSize& size);
boost::json::value to_json(const TerminalSize& size);
/// Payload of RESIZE, and body of `POST /v1/sessions/{id}/resize`.
Parsed<TerminalSize> parse_terminal_size(std::string_view payload);

/// What becomes of a session whose controller is gone for longer than its grace.
enum class OnDisconnect { kill, keep };

/// What an ExecRequest says about its session.
struct SessionOptions {
    std::string id;                       ///< 1–64 of [A-Za-z0-9._-]; empty: the guest makes one
    std::optional<TerminalSize> tty;      ///< none: three pipes
    std::chrono::milliseconds timeout{0}; ///< of the command's life; 0: none
    /// Between SIGTERM and SIGKILL once the timeout is over.
    std::chrono::milliseconds kill_grace = limits::kill_grace;
    bool detach = false; ///< answer once it runs; nobody needs to be attached
    OnDisconnect on_disconnect = OnDisconnect::kill;
    std::chrono::milliseconds reattach_grace = limits::reattach_grace;

    friend bool operator==(const SessionOptions&, const SessionOptions&) = default;
};

/// Reads the members of SessionOptions out of an object that may have more. `problems`: the list
/// of `fields`.
void read_session_options(Fields& fields, SessionOptions& options, Problems& problems);
/// Adds those that differ from the defaults.
void add_to_json(boost::json::object& object, const SessionOptions& options);

/// Whether a session may have this name.
bool is_session_name(std::string_view text);
/// Whether `id` may name a session of a client: "main" is the workload, "files-1" and so on are
/// requests for files.
bool is_session_id(std::string_view id);

/// Body of `POST /v1/sessions/{id}/attach`.
struct AttachRequest {
    std::optional<std::uint64_t> out; ///< first byte wanted; none: the oldest that is kept
    std::optional<std::uint64_t> err;
    bool control = true; ///< false: only look

    friend bool operator==(const AttachRequest&, const AttachRequest&) = default;
};

boost::json::value to_json(const AttachRequest& request);
Parsed<AttachRequest> parse_attach_request(std::string_view body);

/// What is kept of one output of a session.
struct KeptRange {
    std::uint64_t oldest = 0; ///< offset of the first byte that is kept
    std::uint64_t next = 0;   ///< offset of the next byte to come
    std::uint64_t lost = 0;   ///< bytes that were thrown away before anybody acknowledged them

    friend bool operator==(const KeptRange&, const KeptRange&) = default;
};

/// One session in a listing. Arguments and environment may be secrets: only the program is named.
struct SessionDocument {
    std::string id;
    std::string
        state; ///< "starting", "running", "exited" or "failed"; of `main` also "waiting", "stopped"
    std::string program;
    std::uint64_t pid = 0; ///< 0 before it runs and when it never did
    bool tty = false;
    bool detached = false;   ///< nobody needs to be attached
    bool controlled = false; ///< a client that may control it is attached
    std::uint64_t readers = 0;
    std::uint64_t age_ms = 0; ///< since it was asked for
    std::uint64_t stdin_received = 0;
    KeptRange out;
    KeptRange err;
    std::optional<ExitStatus> exit;
    std::optional<SpawnFailure> error;

    friend bool operator==(const SessionDocument&, const SessionDocument&) = default;
};

boost::json::value to_json(const SessionDocument& session);
Parsed<SessionDocument> parse_session_document(const boost::json::value& value,
                                               const std::string& path = "$");
/// Answer of `GET /v1/sessions`: `{"sessions": […]}`, oldest first.
Parsed<std::vector<SessionDocument>> parse_session_list(std::string_view body);

} // namespace rouse::proto
