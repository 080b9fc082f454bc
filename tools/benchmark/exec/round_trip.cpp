#include "tools/benchmark/exec/round_trip.hpp"

#include "tools/lab/relay.hpp"

#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <stdexcept>
#include <string_view>
#include <utility>

#include <fcntl.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

namespace rouse::bench {

namespace {

constexpr unsigned warm_ups = 5;
constexpr std::string_view exec_body = R"({"argv":["/bin/true"]})";

/// Reads more of an answer; false at the end of the connection.
bool receive_more(int connection, std::string& answer) {
    std::array<char, 4096> chunk{};
    ssize_t count = 0;
    do // NOLINT(cppcoreguidelines-avoid-do-while): a call that a signal cut short is made again
        count = ::recv(connection, chunk.data(), chunk.size(), 0);
    while (count < 0 && errno == EINTR);
    if (count > 0) answer.append(chunk.data(), static_cast<std::size_t>(count));
    return count > 0;
}

} // namespace

lab::Descriptor connect_blocking(const std::filesystem::path& socket) {
    const lab::Deadline deadline(std::chrono::seconds(10));
    for (;;) {
        if (auto connection = lab::connect_unix(socket)) {
            (void)fcntl(connection->get(), F_SETFL, 0); // cannot fail on a socket of ours
            return std::move(*connection);
        }
        if (deadline.expired())
            throw std::runtime_error(fmt::format("nobody listens at {}", socket.string()));
        lab::wait_to_retry(deadline);
    }
}

std::vector<std::vector<double>> time_candidates(const std::vector<Candidate>& candidates,
                                                 unsigned rounds) {
    using Clock = std::chrono::steady_clock;
    std::vector<std::vector<double>> times(candidates.size());
    for (unsigned round = 0; round < rounds + warm_ups; ++round)
        for (std::size_t i = 0; i < candidates.size(); ++i) {
            const auto start = Clock::now();
            candidates[i].run();
            const std::chrono::duration<double, std::micro> took = Clock::now() - start;
            if (round >= warm_ups) times[i].push_back(took.count());
        }
    return times;
}

void spawn_and_wait(const std::vector<std::string>& argv) {
    std::vector<char*> words;
    for (const std::string& word : argv)
        words.push_back(const_cast<char*>(word.c_str())); // NOLINT: posix_spawn changes nothing
    words.push_back(nullptr);
    pid_t pid = 0;
    int status = 0;
    const int error = ::posix_spawnp(&pid, words[0], nullptr, nullptr, words.data(), environ);
    if (error != 0 || ::waitpid(pid, &status, 0) != pid || status != 0)
        throw std::runtime_error(fmt::format("'{}' did not run to its end", argv.front()));
}

AgentCaller::AgentCaller(Connect connect) : connect_(std::move(connect)) {}

void AgentCaller::run_kept() {
    if (!kept_.is_open()) kept_ = connect_();
    exchange(kept_.get(), true);
}

void AgentCaller::run_fresh() {
    const lab::Descriptor connection = connect_();
    exchange(connection.get(), false);
}

void AgentCaller::exchange(int connection, bool keep) {
    const std::string request =
        fmt::format("POST /v1/exec HTTP/1.1\r\nHost: guest\r\nConnection: {}\r\n"
                    "Content-Length: {}\r\n\r\n{}",
                    keep ? "keep-alive" : "close", exec_body.size(), exec_body);
    const auto sent = ::send(connection, request.data(), request.size(), MSG_NOSIGNAL);
    if (sent != static_cast<ssize_t>(request.size()))
        throw std::runtime_error("the agent takes no request");
    std::string answer;
    // The answer is one document, whose last member is that of stderr.
    while (answer.find("}}") == std::string::npos || answer.find("\"stderr\"") == std::string::npos)
        if (!receive_more(connection, answer)) break;
    if (answer.find("\"code\":0") == std::string::npos)
        throw std::runtime_error("the agent did not run the command: " + answer);
}

void read_to_end(const lab::Descriptor& connection) {
    std::string answer;
    while (receive_more(connection.get(), answer)) {
    }
}

} // namespace rouse::bench
