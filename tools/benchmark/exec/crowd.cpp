#include "tools/benchmark/exec/crowd.hpp"

#include "initramfs/file.hpp"
#include "tools/host/dialer.hpp"
#include "tools/host/http_client.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <fmt/format.h>

#include <charconv>
#include <chrono>
#include <optional>
#include <stdexcept>
#include <string>

namespace rouse::bench {

namespace {

constexpr std::chrono::seconds crowd_limit{30};

/// One question, in a loop of its own.
host::HttpAnswer question(const std::string& target, host::HttpQuestion asked) {
    boost::asio::io_context io{1};
    host::Dialer dialer(io.get_executor(), host::parse_target(target).value());
    std::optional<host::Outcome<host::HttpAnswer>> answer;
    boost::asio::co_spawn(
        io, host::http_ask(dialer, std::move(asked), host::Clock::now() + crowd_limit),
        [&](const std::exception_ptr&, host::Outcome<host::HttpAnswer> said) {
            answer.emplace(std::move(said));
        });
    io.run();
    if (!answer || !*answer) throw std::runtime_error("the agent does not answer");
    return std::move(**answer);
}

double anonymous_kibibytes(pid_t pid) {
    const std::string status = initramfs::read_file(fmt::format("/proc/{}/status", pid));
    const auto at = status.find("RssAnon:");
    const auto digits = status.find_first_of("0123456789", at);
    double kibibytes = 0;
    if (at == std::string::npos || digits == std::string::npos)
        throw std::runtime_error("no RssAnon of the agent");
    std::from_chars(status.data() + digits, status.data() + status.size(), kibibytes);
    return kibibytes;
}

} // namespace

double memory_of_crowd(const std::filesystem::path& socket, pid_t pid, unsigned count) {
    const std::string target = "unix:" + socket.string();
    const double before = anonymous_kibibytes(pid);
    for (unsigned i = 0; i < count; ++i) {
        const auto answer = question(
            target,
            {.method = "POST",
             .path = "/v1/exec",
             .body = fmt::format(R"({{"argv":["sleep","600"],"id":"crowd-{}","detach":true}})", i),
             .upgrade = {}});
        if (answer.status != 202)
            throw std::runtime_error("session refused: " + host::describe_answer(answer));
    }
    const double grown = anonymous_kibibytes(pid) - before;
    for (unsigned i = 0; i < count; ++i)
        (void)question(target, {.method = "POST",
                                .path = fmt::format("/v1/sessions/crowd-{}/signal", i),
                                .body = R"({"signal":9})",
                                .upgrade = {}}); // one that has ended by itself is fine
    return grown / count;
}

} // namespace rouse::bench
