#include "tests/process/snapshot_scene.hpp"

#include "proto/limits.hpp"
#include "tests/process/exec_scene.hpp"

#include <boost/json.hpp>
#include <catch2/catch_test_macros.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <fstream>
#include <stdexcept>
#include <string>
#include <utility>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>

namespace rouse::test {

namespace {

/// Where the second version of control groups is mounted.
std::string cgroup_root() {
    std::ifstream mounts("/proc/self/mounts");
    std::string source;
    std::string target;
    std::string type;
    std::string rest;
    while (mounts >> source >> target >> type && std::getline(mounts, rest))
        if (type == "cgroup2") return target;
    throw std::runtime_error("no cgroup v2 is mounted");
}

std::string cgroup_of(pid_t pid) {
    std::ifstream groups(fmt::format("/proc/{}/cgroup", pid));
    std::string line;
    while (std::getline(groups, line))
        if (line.starts_with("0::")) return line.substr(3);
    throw std::runtime_error(fmt::format("process {} has no control group", pid));
}

char state_of(pid_t pid) {
    const std::string stat = text_of(fmt::format("/proc/{}/stat", pid));
    const auto end = stat.rfind(')');
    return end == std::string::npos ? '?' : stat.at(end + 2);
}

/// Moves from the pipe to the socket until that fails; what it writes to a socket without a reader
/// raises no signal.
void splice_all(int from, int to) {
    sigset_t pipe_signal;
    sigemptyset(&pipe_signal);
    sigaddset(&pipe_signal, SIGPIPE);
    (void)pthread_sigmask(SIG_BLOCK, &pipe_signal, nullptr); // cannot fail with these arguments
    constexpr std::size_t most = 1 << 20;
    ssize_t moved = 1;
    while (moved > 0 || (moved < 0 && errno == EAGAIN))
        moved = splice(from, nullptr, to, nullptr, most, 0);
}

} // namespace

proto::Prepared prepare(const Endpoint& endpoint, std::string_view body) {
    constexpr std::chrono::seconds way{2}; // to the agent, and of what it says
    const auto asked = std::chrono::steady_clock::now();
    const HttpAnswer answer = ask(endpoint, "POST", "/v1/snapshot/prepare", body);
    const auto took = std::chrono::steady_clock::now() - asked;
    auto prepared = proto::parse_prepared(answer.body);
    if (!prepared) throw std::runtime_error(answer.head + answer.body);
    if (answer.status != (prepared->state == "prepared" ? 200 : 503))
        throw std::runtime_error(answer.head + answer.body);
    if (took > proto::limits::prepare + way)
        throw std::runtime_error("answered too late: " + answer.body);
    const auto asks = [](const proto::OpenConnection& one) { return one.role == "http"; };
    if (std::ranges::none_of(prepared->open, asks))
        throw std::runtime_error("whoever asks is not open: " + answer.body);
    return std::move(*prepared);
}

proto::Resumed resume(const Endpoint& endpoint, const std::string& lease) {
    const proto::ResumeRequest request{.lease = lease};
    const HttpAnswer answer = ask(endpoint, "POST", "/v1/snapshot/resume",
                                  boost::json::serialize(proto::to_json(request)));
    auto resumed = proto::parse_resumed(answer.body);
    if (!resumed || answer.status != 200) throw std::runtime_error(answer.head + answer.body);
    return std::move(*resumed);
}

const proto::RestoreStep& step_of(const std::vector<proto::RestoreStep>& steps,
                                  std::string_view name) {
    std::string all;
    for (const proto::RestoreStep& step : steps) {
        if (step.name == name) return step;
        all += step.name + " ";
    }
    throw std::runtime_error(fmt::format("no step {} among {}", name, all));
}

boost::json::value document(const Endpoint& endpoint, std::string_view path) {
    const HttpAnswer answer = ask(endpoint, "GET", path);
    if (answer.status != 200) throw std::runtime_error(answer.head + answer.body);
    return proto::parse_json(answer.body).value();
}

bool is_frozen(const Endpoint& endpoint, const std::string& session) {
    const auto pid = static_cast<pid_t>(session_of(endpoint, session).pid);
    const std::string events = text_of(cgroup_root() + cgroup_of(pid) + "/cgroup.events");
    return events.find("frozen 1") != std::string::npos;
}

HeldPipe::HeldPipe(std::filesystem::path path) : path_(std::move(path)) {
    REQUIRE(mkfifo(path_.c_str(), 0600) == 0);
    pipe_ = lab::Descriptor(open(path_.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
    REQUIRE(pipe_.is_open());
    std::array<int, 2> pair{};
    REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair.data()) == 0);
    near_ = lab::Descriptor(pair[0]);
    far_ = lab::Descriptor(pair[1]);
    const std::string much(65536, 'x');
    while (send(near_.get(), much.data(), much.size(), MSG_DONTWAIT | MSG_NOSIGNAL) > 0)
        ;
    while (send(near_.get(), much.data(), 1, MSG_DONTWAIT | MSG_NOSIGNAL) > 0)
        ;
}

HeldPipe::~HeldPipe() {
    release();
}

void HeldPipe::hold(pid_t writer) {
    splicing_ = std::thread(splice_all, pipe_.get(), near_.get());
    wait_until([&] { return state_of(writer) == 'D'; },
               [&] { return fmt::format("the writer is in state {}", state_of(writer)); },
               patience);
}

void HeldPipe::release() {
    far_.reset(); // The splice fails, and lets go.
    if (splicing_.joinable()) splicing_.join();
}

} // namespace rouse::test
