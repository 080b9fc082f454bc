#include "tests/support/pty_process.hpp"

#include "tests/support/wait.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <stdexcept>

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace rouse::test {
namespace {

[[noreturn]] void pty_failed(const char* what) {
    throw std::runtime_error(fmt::format("{}: {}", what, std::strerror(errno)));
}

/// Signals at their defaults, a session of its own, and `terminal` as its three streams: a leader
/// that opens a terminal gets it as its controlling one.
class PtySpawn {
public:
    explicit PtySpawn(const std::string& terminal) {
        sigset_t none;
        sigset_t all;
        ::sigemptyset(&none);
        ::sigfillset(&all);
        ::posix_spawnattr_init(&attributes_);
        ::posix_spawnattr_setsigmask(&attributes_, &none);
        ::posix_spawnattr_setsigdefault(&attributes_, &all);
        ::posix_spawnattr_setflags(&attributes_,
                                   static_cast<short>(POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK |
                                                      POSIX_SPAWN_SETSIGDEF));
        ::posix_spawn_file_actions_init(&actions_);
        ::posix_spawn_file_actions_addopen(&actions_, 0, terminal.c_str(), O_RDWR, 0);
        ::posix_spawn_file_actions_adddup2(&actions_, 0, 1);
        ::posix_spawn_file_actions_adddup2(&actions_, 0, 2);
    }
    PtySpawn(const PtySpawn&) = delete;
    PtySpawn& operator=(const PtySpawn&) = delete;
    ~PtySpawn() {
        ::posix_spawn_file_actions_destroy(&actions_);
        ::posix_spawnattr_destroy(&attributes_);
    }

    pid_t start(std::vector<std::string>& argv, std::vector<std::string>& environment) {
        std::vector<char*> words = pointers(argv);
        std::vector<char*> variables = pointers(environment);
        pid_t pid = 0;
        errno = ::posix_spawn(&pid, argv.front().c_str(), &actions_, &attributes_, words.data(),
                              variables.data());
        if (errno != 0) pty_failed(argv.front().c_str());
        return pid;
    }

private:
    static std::vector<char*> pointers(std::vector<std::string>& words) {
        std::vector<char*> result;
        for (std::string& word : words)
            result.push_back(word.data());
        result.push_back(nullptr);
        return result;
    }

    posix_spawnattr_t attributes_{};
    posix_spawn_file_actions_t actions_{};
};

std::vector<std::string> whole_environment(const Environment& added) {
    std::vector<std::string> all;
    for (char** variable = environ; *variable != nullptr; ++variable) {
        const std::string_view text(*variable);
        const bool replaced = std::any_of(added.begin(), added.end(), [&](const auto& one) {
            return text.starts_with(one.first + "=");
        });
        if (!replaced) all.emplace_back(text);
    }
    for (const auto& [name, value] : added)
        all.push_back(name + "=" + value);
    return all;
}

} // namespace

PtyProcess::PtyProcess(std::vector<std::string> argv, Environment environment, unsigned short rows,
                       unsigned short columns)
    : master_(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC)) {
    if (!master_.is_open() || ::grantpt(master_.get()) != 0 || ::unlockpt(master_.get()) != 0)
        pty_failed("a terminal");
    std::array<char, 64> name{};
    if (::ptsname_r(master_.get(), name.data(), name.size()) != 0) pty_failed("ptsname");
    slave_ = lab::Descriptor(::open(name.data(), O_RDWR | O_NOCTTY | O_CLOEXEC));
    if (!slave_.is_open()) pty_failed(name.data());
    resize(rows, columns);
    std::vector<std::string> variables = whole_environment(environment);
    pid_ = PtySpawn(name.data()).start(argv, variables);
}

PtyProcess::~PtyProcess() {
    if (pid_ == 0) return;
    (void)::kill(pid_, SIGKILL); // ours, and not reaped yet
    (void)::waitpid(pid_, nullptr, 0);
}

void PtyProcess::type(std::string_view keys) {
    while (!keys.empty()) {
        const ssize_t count = ::write(master_.get(), keys.data(), keys.size());
        if (count < 0 && errno != EINTR) pty_failed("typing");
        if (count > 0) keys.remove_prefix(static_cast<std::size_t>(count));
    }
}

bool PtyProcess::read_some(int timeout_ms) {
    pollfd asked{.fd = master_.get(), .events = POLLIN, .revents = 0};
    if (::poll(&asked, 1, timeout_ms) <= 0) return false;
    std::array<char, 4096> buffer{};
    const ssize_t count = ::read(master_.get(), buffer.data(), buffer.size());
    if (count > 0) shown_.append(buffer.data(), static_cast<std::size_t>(count));
    return count > 0;
}

void PtyProcess::expect(std::string_view text, std::chrono::milliseconds limit) {
    const lab::Deadline deadline(limit);
    for (;;) {
        const std::size_t at = shown_.find(text, found_);
        if (at != std::string::npos) {
            found_ = at + text.size();
            return;
        }
        if (deadline.expired())
            throw std::runtime_error(fmt::format("'{}' was not shown, but: '{}'", text, shown_));
        (void)read_some(deadline.poll_timeout()); // the next turn tells
    }
}

termios PtyProcess::mode() const {
    termios mode{};
    if (::tcgetattr(slave_.get(), &mode) != 0) pty_failed("tcgetattr");
    return mode;
}

void PtyProcess::wait_raw(bool raw) const {
    wait_until([&] { return ((mode().c_lflag & ICANON) == 0) == raw; },
               [&] { return fmt::format("the terminal does not get {}", raw ? "raw" : "cooked"); },
               patience);
}

void PtyProcess::resize(unsigned short rows, unsigned short columns) const {
    const winsize size{.ws_row = rows, .ws_col = columns, .ws_xpixel = 0, .ws_ypixel = 0};
    if (::ioctl(slave_.get(), TIOCSWINSZ, &size) != 0) pty_failed("TIOCSWINSZ");
}

void PtyProcess::signal(int number) const {
    if (pid_ != 0) (void)::kill(pid_, number); // it may have ended just now
}

int PtyProcess::finish(std::chrono::milliseconds limit) {
    int status = 0;
    wait_until(
        [&] {
            // A terminal that nobody reads would hold it up.
            while (read_some(0)) {
            }
            return ::waitpid(pid_, &status, WNOHANG) == pid_;
        },
        [&] { return fmt::format("it does not end; it showed '{}'", shown_); }, limit);
    pid_ = 0;
    while (read_some(0)) {
    }
    return status;
}

} // namespace rouse::test
