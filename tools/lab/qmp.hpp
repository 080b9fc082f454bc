// The control connection of QEMU: the QEMU Machine Protocol, JSON lines over a Unix socket.
#pragma once

#include "tools/lab/deadline.hpp"

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include <deque>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

namespace rouse::lab {

/// What a line from QEMU is.
enum class QmpLine { greeting, event, result, error };

/// Classifies one parsed line. Errors: LabError for anything that the protocol does not have.
/// Source: QEMU, docs/interop/qmp-spec.rst.
[[nodiscard]] QmpLine classify(const boost::json::object& line);

/// One QMP session. Not thread-safe. QEMU serves one at a time: a second one waits until the first
/// is destroyed.
class Qmp {
public:
    /// Connects to the socket, retrying until QEMU listens, and leaves the negotiation mode.
    /// Errors: LabError when `deadline` comes first.
    Qmp(const std::filesystem::path& socket, Deadline deadline);
    Qmp(const Qmp&) = delete;
    Qmp& operator=(const Qmp&) = delete;
    ~Qmp();

    /// Runs a command and returns its "return" value. Events that arrive meanwhile are kept.
    /// Errors: LabError with QEMU's description when it refuses, or when `deadline` comes first or
    /// the connection ends.
    boost::json::value execute(std::string_view command, const boost::json::object& arguments,
                               Deadline deadline);

    /// Waits for an event of this name, also among those that arrived earlier; takes it.
    /// Errors: LabError when `deadline` comes first or the connection ends.
    boost::json::object wait_event(std::string_view name, Deadline deadline);

    /// Asks for MIGRATION events; comes before "migrate" and "migrate-incoming".
    void report_migration(Deadline deadline);

    /// Waits until the migration, in either direction, is complete.
    /// Errors: LabError with QEMU's description when it failed, or when `deadline` comes first.
    void wait_migrated(Deadline deadline);

private:
    struct Connection;

    boost::json::object read_line(Deadline deadline);

    std::unique_ptr<Connection> connection_;
    std::deque<boost::json::object> events_;
};

} // namespace rouse::lab
