#include "tools/lab/process.hpp"

#include "tools/lab/error.hpp"
#include "tools/lab/spawn.hpp"

#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <sstream>
#include <string_view>

#include <fcntl.h>
#include <poll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace rouse::lab {
namespace {

constexpr std::string_view default_path = "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:"
                                          "/sbin";

/// The file that a shell would run for `name`.
std::string find_program(const std::string& name) {
    if (name.find('/') != std::string::npos) return name;
    const char* path = std::getenv("PATH");
    std::istringstream directories(fmt::format("{}:{}", path != nullptr ? path : "", default_path));
    for (std::string directory; std::getline(directories, directory, ':');) {
        std::string candidate = fmt::format("{}/{}", directory, name);
        if (access(candidate.c_str(), X_OK) == 0) return candidate;
    }
    throw LabError(fmt::format("cannot find the program '{}'; tools/provision vm installs what "
                               "virtual machines need",
                               name));
}

Descriptor open_or_throw(const std::filesystem::path& file, int flags) {
    Descriptor opened(open(file.c_str(), flags | O_CLOEXEC, 0644));
    if (!opened.is_open())
        throw LabError(fmt::format("cannot open '{}': {}", file.string(), errno_text(errno)));
    return opened;
}

std::vector<std::string>
environment_with(const std::vector<std::pair<std::string, std::string>>& additions) {
    std::vector<std::string> result;
    for (char** entry = environ; *entry != nullptr; ++entry) {
        const std::string_view text(*entry);
        bool replaced = false;
        for (const auto& [name, value] : additions)
            replaced = replaced || text.starts_with(name + "=");
        if (!replaced) result.emplace_back(text);
    }
    for (const auto& [name, value] : additions)
        result.push_back(fmt::format("{}={}", name, value));
    return result;
}

std::vector<char*> pointers(std::vector<std::string>& strings) {
    std::vector<char*> result;
    result.reserve(strings.size() + 1);
    for (auto& text : strings)
        result.push_back(text.data());
    result.push_back(nullptr);
    return result;
}

/// The child's report: the errno of its exec, or nothing when exec succeeded.
std::optional<int> read_report(int descriptor) {
    int error = 0;
    ssize_t count = 0;
    do {
        count = read(descriptor, &error, sizeof error);
    } while (count < 0 && errno == EINTR);
    if (count == static_cast<ssize_t>(sizeof error)) return error;
    return std::nullopt;
}

struct StandardStreams {
    Descriptor input;
    Descriptor log;
    int output = STDOUT_FILENO;
    int error = STDERR_FILENO;
};

StandardStreams open_streams(const ProcessOptions& options) {
    StandardStreams streams;
    streams.input = open_or_throw("/dev/null", O_RDONLY);
    if (!options.log.empty()) {
        streams.log = open_or_throw(options.log, O_WRONLY | O_CREAT | O_APPEND);
        streams.output = streams.error = streams.log.get();
    }
    if (options.standard_output >= 0) streams.output = options.standard_output;
    if (options.standard_error >= 0) streams.error = options.standard_error;
    return streams;
}

} // namespace

std::string errno_text(int error_number) {
    return strerror(error_number);
}

std::string ExitStatus::text() const {
    if (signal != 0) return fmt::format("signal {} ({})", signal, strsignal(signal));
    return fmt::format("exit status {}", code);
}

Process Process::start(const ProcessOptions& options) {
    const std::string program = find_program(options.argv.at(0));
    std::vector<std::string> arguments = options.argv;
    std::vector<std::string> environment = environment_with(options.environment);
    const StandardStreams streams = open_streams(options);
    std::array<int, 2> report{};
    if (pipe2(report.data(), O_CLOEXEC) != 0)
        throw LabError(fmt::format("cannot make a pipe: {}", errno_text(errno)));
    const Descriptor reader(report[0]);
    // The child puts its standard streams onto 0 to 2; the report must not be there.
    Descriptor writer(fcntl(report[1], F_DUPFD_CLOEXEC, 10));
    close(report[1]);
    const std::vector<char*> argv_pointers = pointers(arguments);
    const std::vector<char*> environment_pointers = pointers(environment);
    const SpawnPlan plan{.program = program.c_str(),
                         .argv = argv_pointers.data(),
                         .environment = environment_pointers.data(),
                         .input = streams.input.get(),
                         .output = streams.output,
                         .error = streams.error,
                         .report = writer.get(),
                         .parent = getpid()};
    const pid_t pid = fork();
    if (pid == 0) become(plan);
    if (pid < 0) throw LabError(fmt::format("cannot start '{}': {}", program, errno_text(errno)));
    Process process(pid, Descriptor(static_cast<int>(syscall(SYS_pidfd_open, pid, 0U))));
    writer.reset();
    if (const auto error = read_report(reader.get()))
        throw LabError(fmt::format("cannot run '{}': {}", program, errno_text(*error)));
    if (!process.pidfd_.is_open())
        throw LabError(fmt::format("cannot watch '{}': {}", program, errno_text(errno)));
    return process;
}

Process& Process::operator=(Process&& other) noexcept {
    if (this != &other) {
        kill_and_reap();
        pid_ = std::exchange(other.pid_, 0);
        pidfd_ = std::move(other.pidfd_);
        status_ = other.status_;
    }
    return *this;
}

Process::Process(Process&& other) noexcept
    : pid_(std::exchange(other.pid_, 0)), pidfd_(std::move(other.pidfd_)), status_(other.status_) {}

Process::~Process() {
    kill_and_reap();
}

void Process::kill_and_reap() noexcept {
    if (pid_ == 0) return;
    kill(pid_, SIGKILL);
    while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
    pid_ = 0;
}

std::optional<ExitStatus> Process::status() {
    if (status_ || pid_ == 0) return status_;
    int raw = 0;
    const pid_t reaped = waitpid(pid_, &raw, WNOHANG);
    if (reaped != pid_) return std::nullopt;
    pid_ = 0;
    status_ = WIFSIGNALED(raw) ? ExitStatus{.code = 0, .signal = WTERMSIG(raw)}
                               : ExitStatus{.code = WEXITSTATUS(raw), .signal = 0};
    return status_;
}

std::optional<ExitStatus> Process::wait(Deadline deadline) {
    for (;;) {
        if (auto ended = status(); ended || pid_ == 0) return ended;
        pollfd ended{.fd = pidfd_.get(), .events = POLLIN, .revents = 0};
        if (poll(&ended, 1, deadline.poll_timeout()) == 0 && deadline.expired()) return status();
    }
}

void Process::signal(int number) {
    if (pid_ != 0) kill(pid_, number);
}

void Process::stop(std::chrono::milliseconds grace) {
    signal(SIGTERM);
    if (!wait(Deadline(grace)) && pid_ != 0) {
        signal(SIGKILL);
        (void)wait(Deadline(std::chrono::seconds(10))); // SIGKILL cannot be refused
    }
}

} // namespace rouse::lab
