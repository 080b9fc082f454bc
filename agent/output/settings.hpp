#pragma once
// What the output service is told once (options, callbacks) and at each epoch (identity).

#include "agent/io/address.hpp"
#include "agent/output/relay_book.hpp"
#include "agent/output/send_path.hpp"

#include <boost/json/object.hpp>

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace rouse::output {

struct OutputOptions {
    io::Address host;        ///< where the host's output port is
    RelayBook::Options book; ///< of both streams, but for the policy
    DropPolicy stdout_policy = DropPolicy::drop;
    DropPolicy stderr_policy = DropPolicy::drop;
    SendPath send = SendPath::splice;
    bool console = false; ///< show on the console what no host takes
    std::chrono::milliseconds connect_timeout = proto::limits::connect_else;
    std::chrono::milliseconds welcome_timeout = proto::limits::stall_redial;
    /// Earlier than that: the host is told that it owes an answer.
    std::chrono::milliseconds welcome_doubt = proto::limits::answer_doubt;
    std::chrono::milliseconds drain_deadline = proto::limits::drain_deadline_workload;
    std::chrono::milliseconds first_back_off{50};
    std::chrono::milliseconds last_back_off{1000};
    /// Without a host for this long, only output, the exit or a request make it dial again.
    std::chrono::milliseconds quiet_after = proto::limits::redial_quiet;
    /// A relay that could move and does not for this long has lost a wake-up.
    std::chrono::milliseconds watch_patience = proto::limits::relay_watch;
    /// Nobody listens: the console takes over.
    std::chrono::milliseconds console_after = proto::limits::write_timeout;
};

/// Who the guest is, in the words of proto::OutputHello.
struct OutputIdentity {
    std::string boot_id;
    std::string generation;
    std::optional<std::string> parent_generation;
    std::uint64_t epoch = 0;
    std::string link_key;
};

/// Never empty; called from the loop, must not block.
struct OutputCallbacks {
    /// One line for a person, with the stream's name in it.
    std::function<void(const std::string& line)> warn;
    /// Something that a host or `rouse debug events` wants to know; the body names the stream.
    std::function<void(const std::string& type, boost::json::object body)> event;
    /// Bytes of the workload for the console; returns how many it took without waiting. May be
    /// empty where no console is asked for.
    std::function<std::size_t(std::string_view bytes)> console = {};
};

} // namespace rouse::output
