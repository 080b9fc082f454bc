#include "tools/benchmark/question.hpp"

#include "tools/lab/places.hpp"
#include "tools/lab/process.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <stdexcept>

#include <poll.h>

namespace rouse::bench {
namespace {

constexpr std::chrono::seconds answer_limit{30};
constexpr std::size_t at_once = 10;

} // namespace

host::HttpAnswer question(const std::string& target, host::HttpQuestion asked) {
    boost::asio::io_context io{1};
    host::Dialer dialer(io.get_executor(), host::parse_target(target).value());
    std::optional<host::Outcome<host::HttpAnswer>> answer;
    boost::asio::co_spawn(
        io, host::http_ask(dialer, std::move(asked), host::Clock::now() + answer_limit),
        [&](const std::exception_ptr&, host::Outcome<host::HttpAnswer> said) {
            answer.emplace(std::move(said));
        });
    io.run();
    if (!answer || !*answer) throw std::runtime_error("the agent does not answer");
    return std::move(**answer);
}

std::vector<double> parallel_execs(const std::string& target) {
    using Clock = std::chrono::steady_clock;
    const auto began = Clock::now();
    std::vector<lab::Process> running;
    for (std::size_t i = 0; i < at_once; ++i)
        running.push_back(lab::Process::start(
            {.argv = {lab::build_product("tools/rousectl"), "-H", target, "exec", "--", "true"}}));
    std::vector<double> times;
    while (!running.empty()) {
        std::vector<pollfd> ends;
        for (const lab::Process& one : running)
            ends.push_back({.fd = one.exit_descriptor(), .events = POLLIN, .revents = 0});
        if (poll(ends.data(), ends.size(), static_cast<int>(answer_limit.count()) * 1000) <= 0)
            throw std::runtime_error("commands in parallel do not end");
        const std::chrono::duration<double, std::milli> took = Clock::now() - began;
        std::erase_if(running, [&](lab::Process& one) {
            const auto ended = one.status();
            if (!ended) return false;
            if (ended->shell_code() != 0)
                throw std::runtime_error(
                    fmt::format("a command in parallel ended with {}", ended->text()));
            times.push_back(took.count());
            return true;
        });
    }
    return times;
}

} // namespace rouse::bench
