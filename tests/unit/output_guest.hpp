// The output service with everything that it needs, and a workload's ends of its pipes.
#pragma once

#include "agent/output/output_service.hpp"
#include "agent/sys/descriptor.hpp"
#include "tests/support/run_until.hpp"
#include "tests/support/temporary_directory.hpp"
#include "tests/unit/output_host.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>

namespace rouse::test {

/// The bytes of a stream from an offset on: no period that a frame or a page could hide.
inline std::string bytes_of(const std::string& stream, std::uint64_t from, std::size_t count) {
    // Made once: a thousand schedules ask for the same bytes.
    static std::map<std::string, std::string> made;
    std::string& bytes = made[stream];
    for (std::uint64_t place = bytes.size(); place < from + count; ++place)
        bytes += static_cast<char>(
            ((place + (stream == "stdout" ? 0 : 7919)) * 0x9E3779B97F4A7C15U) >> 56U);
    return bytes.substr(from, count);
}

class OutputGuest {
public:
    /// Deadlines short enough for a test; change what matters before start().
    OutputGuest() {
        (void)std::signal(SIGPIPE, SIG_IGN); // As the agent does.
        options.host = io::UnixAddress{host_path().string()};
        options.first_back_off = std::chrono::milliseconds(1);
        options.last_back_off = std::chrono::milliseconds(4);
        options.drain_deadline = std::chrono::milliseconds(30);
        // What a test is not about must not lose bytes on a slow machine.
        options.stdout_policy = output::DropPolicy::block;
        options.stderr_policy = output::DropPolicy::block;
    }
    OutputGuest(const OutputGuest&) = delete;
    OutputGuest& operator=(const OutputGuest&) = delete;
    ~OutputGuest() {
        tasks.cancel();
        if (!run_until(io, [this] { return tasks.size() == 0; }))
            std::terminate(); // A task that cannot be cancelled is a bug.
    }

    void start() {
        service.emplace(io.get_executor(), tasks, registry, memory, options, callbacks());
        sys::Result<output::WorkloadPipes> made = service->open(::getuid(), ::getgid());
        if (!made) throw std::runtime_error(made.error().message());
        ends["stdout"] = std::move(made->out);
        ends["stderr"] = std::move(made->err);
        // The workload blocks; a test in the same thread must not.
        for (auto& [name, end] : ends)
            if (!sys::set_nonblocking(end.get())) throw std::runtime_error("set_nonblocking");
    }

    output::OutputCallbacks callbacks() {
        return {.warn = [this](const std::string& line) { warnings.push_back(line); },
                .event =
                    [this](const std::string& type, const boost::json::object& body) {
                        ++events[type];
                        if (type == "output_dropped") lost += number(body, "count");
                    },
                .console =
                    [this](std::string_view bytes) {
                        console += bytes;
                        return bytes.size();
                    }};
    }

    static std::uint64_t number(const boost::json::object& body, const char* key) {
        return body.at(key).to_number<std::uint64_t>();
    }

    void connect(std::uint64_t epoch) {
        service->connect({.boot_id = "boot",
                          .generation = "generation",
                          .parent_generation = {},
                          .epoch = epoch,
                          .link_key = "00112233445566778899aabbccddeeff"});
    }

    /// Writes up to `count` bytes; returns how many the pipe took.
    std::size_t write(const std::string& stream, std::size_t count) {
        const std::string bytes = bytes_of(stream, written[stream], count);
        const sys::Result<sys::Moved> moved = sys::write_some(ends[stream].get(), bytes);
        if (!moved) throw std::runtime_error(moved.error().message());
        written[stream] += moved->bytes;
        return moved->bytes;
    }

    /// Writes all of it, running the loop and `meanwhile` while the pipe is full.
    template <typename Meanwhile>
    bool write_all(const std::string& stream, std::size_t count, Meanwhile meanwhile) {
        std::size_t left = count;
        return until([&] {
            left -= write(stream, std::min<std::size_t>(left, 65536));
            meanwhile();
            return left == 0;
        });
    }

    /// Runs the loop until `done`, which may also play the host; false after `limit`.
    template <typename Done>
    bool until(Done done, std::chrono::seconds limit = std::chrono::seconds(10)) {
        const auto deadline = std::chrono::steady_clock::now() + limit;
        while (!done()) {
            if (std::chrono::steady_clock::now() > deadline) return false;
            io.restart();
            if (io.poll() == 0) (void)io.run_one_for(std::chrono::milliseconds(1));
        }
        return true;
    }

    [[nodiscard]] std::filesystem::path host_path() const { return directory.path() / "host"; }
    [[nodiscard]] output::RelayStatus status(const std::string& stream) const {
        return service->status().at(stream == "stdout" ? 0 : 1);
    }
    [[nodiscard]] std::string all_of(const std::string& stream) {
        return bytes_of(stream, 0, written[stream]);
    }

    TemporaryDirectory directory;
    boost::asio::io_context io{1};
    std::vector<std::string> escaped;
    io::TaskGroup tasks{io.get_executor(),
                        [this](const std::string& task, const std::string& what) {
                            escaped.push_back(task + ": " + what);
                        }};
    io::ConnectionRegistry registry;
    io::MemoryBudget memory{proto::limits::retention_total};
    output::OutputOptions options;
    std::optional<output::OutputService> service;
    std::map<std::string, sys::UniqueFd> ends;
    std::map<std::string, std::uint64_t> written;
    std::map<std::string, unsigned> events;
    std::uint64_t lost = 0; ///< bytes that events have said to be lost
    std::string console;
    std::vector<std::string> warnings;
};

/// The workload ends, the host is kind.
inline void finish(OutputGuest& guest, OutputHost& host) {
    guest.ends.clear();
    REQUIRE(guest.until([&] {
        host.serve();
        return guest.status("stdout").state == "finished" &&
               guest.status("stderr").state == "finished";
    }));
}

/// Both streams are connected and welcomed by `host`.
inline bool welcomed(OutputGuest& guest, OutputHost& host) {
    return guest.until([&] {
        host.serve();
        return guest.status("stdout").state == "streaming" &&
               guest.status("stderr").state == "streaming";
    });
}

/// All that was written so far is at `host`.
inline bool arrives(OutputGuest& guest, OutputHost& host, const std::string& stream) {
    return guest.until([&] {
        host.serve();
        return host.stream(stream).bytes.size() == guest.written[stream];
    });
}

} // namespace rouse::test
