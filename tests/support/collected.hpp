#pragma once
// What `rousectl collect` received: its files, and the collector itself.
//
//   DIR/NAME/events.jsonl                  one event a line
//   DIR/NAME/GENERATION/stdout  stderr     the bytes
//   DIR/NAME/GENERATION/stdout.json  …     {"start", "end", "eos", "gaps", …}

#include "tests/support/command.hpp"
#include "tests/support/connection.hpp"

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rouse::test {

using Event = boost::json::object;

/// The files of the one machine below a collector's directory. They may not exist yet.
class Collected {
public:
    explicit Collected(std::filesystem::path directory) : directory_(std::move(directory)) {}
    /// Those of the machine of this name, where the collector serves many.
    Collected(std::filesystem::path directory, std::string name)
        : directory_(std::move(directory)), name_(std::move(name)) {}

    /// Every event so far, in order.
    [[nodiscard]] std::vector<Event> events() const;

    /// The first event of this type that `condition` accepts, waited for. Throws std::runtime_error
    /// with all events after `limit`.
    [[nodiscard]] Event wait_event(
        std::string_view type,
        const std::function<bool(const Event&)>& condition = [](const Event&) { return true; },
        std::chrono::milliseconds limit = patience) const;

    /// The generations that sent output, by name.
    [[nodiscard]] std::vector<std::string> generations() const;

    /// Where a file of a generation is, or would be.
    [[nodiscard]] std::filesystem::path file(const std::string& generation,
                                             std::string_view name) const;

    /// The bytes of a stream; empty while there are none.
    [[nodiscard]] std::string bytes(const std::string& generation, std::string_view stream) const;
    /// `count` of them from position `from` on, or as many as there are.
    [[nodiscard]] std::string part(const std::string& generation, std::string_view stream,
                                   std::uint64_t from, std::size_t count) const;
    [[nodiscard]] std::uint64_t size(const std::string& generation, std::string_view stream) const;

    /// What is said about a stream; an empty object while there is nothing.
    [[nodiscard]] boost::json::value record(const std::string& generation,
                                            std::string_view stream) const;

    /// Waits until the end of a stream was consumed, and returns the record.
    [[nodiscard]] boost::json::value wait_end(const std::string& generation,
                                              std::string_view stream,
                                              std::chrono::milliseconds limit = patience) const;

private:
    /// The one directory below ours, or that of our name; it may not be there yet.
    [[nodiscard]] std::filesystem::path machine() const;

    std::filesystem::path directory_;
    std::string name_;
};

/// A running `rousectl collect`.
class Collector {
public:
    /// Starts it and returns when it listens. `more`: further arguments. `environment`: added to
    /// ours.
    Collector(const std::string& target, const std::filesystem::path& directory,
              std::vector<std::string> more = {}, Environment environment = {});

    [[nodiscard]] const Collected& collected() const { return collected_; }

    [[nodiscard]] pid_t pid() { return command_.process().pid(); }

    /// Stops it in the middle of whatever it does: it has accepted and does not read.
    void freeze();
    void thaw();

    /// Kills it with SIGKILL.
    void kill();

    /// Ends it by SIGTERM; what it said.
    Said stop();

private:
    Collected collected_;
    std::optional<std::filesystem::file_time_type> before_; ///< of the socket of an earlier one
    Command command_;
};

} // namespace rouse::test
