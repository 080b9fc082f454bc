#include "tools/benchmark/reap/container.hpp"

#include "initramfs/file.hpp"
#include "tools/benchmark/reap/settling.hpp"
#include "tools/benchmark/relay/wire.hpp"
#include "tools/lab/places.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <stdexcept>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

namespace rouse::bench {
namespace {

constexpr std::chrono::seconds step_limit{120};     // for anything that is waited for
constexpr std::chrono::seconds reap_limit{20};      // for all zombies to be gone
constexpr std::chrono::milliseconds look_each{1};   // at the processor time of an init that reaps
constexpr std::chrono::milliseconds idle_limit{25}; // without any, it is done

std::vector<std::string> in_namespace(const std::vector<std::string>& init,
                                      const std::filesystem::path& control) {
    std::vector<std::string> argv{"unshare", "--pid", "--fork", "--mount-proc",
                                  "--kill-child=KILL"};
    if (geteuid() != 0) argv.emplace_back("--map-root-user");
    argv.insert(argv.end(), init.begin(), init.end());
    for (const std::string& word : {lab::build_product("tools/rouse-bench-peer").string(),
                                    std::string("family"), "unix:" + control.string()})
        argv.push_back(word);
    return argv;
}

/// The content of a short file of /proc; empty when its process is gone, which it may be at any
/// time.
std::string read_proc(pid_t pid, const char* name) {
    const lab::Descriptor file(
        open(fmt::format("/proc/{}/{}", pid, name).c_str(), O_RDONLY | O_CLOEXEC));
    std::string text(1024, '\0');
    const ssize_t count = file.is_open() ? read(file.get(), text.data(), text.size()) : 0;
    text.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
    return text;
}

/// The children of a process with their states.
std::vector<std::pair<pid_t, char>> children_of(pid_t parent) {
    std::vector<std::pair<pid_t, char>> children;
    for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
        const std::string name = entry.path().filename();
        pid_t pid = 0;
        if (std::from_chars(name.data(), name.data() + name.size(), pid).ptr !=
            name.data() + name.size())
            continue;
        const auto process = parse_state(read_proc(pid, "stat"));
        if (process && process->parent == parent) children.emplace_back(pid, process->state);
    }
    return children;
}

} // namespace

Container::Container(const std::vector<std::string>& init)
    : directory_(lab::Directory::temporary("reap")) {
    const auto& folder = directory_.path();
    const lab::Descriptor listener = listen_at(folder / "control");
    unshare_ = lab::Process::start(
        {.argv = in_namespace(init, folder / "control"), .log = folder / "log"});
    if (!wait_readable(listener.get(), lab::Deadline(step_limit)))
        fail("its command does not start");
    control_ = accept(listener, lab::Deadline(step_limit));
    const auto children = children_of(unshare_.pid());
    if (children.size() != 1) fail("it is not the child of unshare(1)");
    init_ = children.front().first;
}

void Container::fail(const std::string& what) const {
    throw std::runtime_error(fmt::format("an init in a PID namespace: {}\n{}", what,
                                         initramfs::read_file(directory_.path() / "log")));
}

void Container::ask(const std::string& command) {
    std::string answer;
    try {
        send_all(control_.get(), command + "\n");
        answer = read_line(control_.get(), lab::Deadline(step_limit));
    } catch (const std::runtime_error& error) {
        fail(fmt::format("'{}': {}", command, error.what()));
    }
    if (answer != "done") fail(fmt::format("'{}' was answered '{}'", command, answer));
}

double Container::processor_time() const {
    const auto time = parse_processor_time(read_proc(init_, "schedstat"));
    if (!time) fail("the kernel does not tell its processor time");
    return *time;
}

double Container::zombies() const {
    const auto children = children_of(init_);
    return static_cast<double>(std::ranges::count(children, 'Z', &std::pair<pid_t, char>::second));
}

void Container::pause() {
    if (wait_readable(unshare_.exit_descriptor(), lab::Deadline(look_each))) fail("it has ended");
}

void Container::stop() {
    const lab::Deadline deadline(step_limit);
    if (kill(init_, SIGSTOP) != 0) fail("it cannot be stopped");
    for (;;) {
        const auto process = parse_state(read_proc(init_, "stat"));
        if (process && process->state == 'T') return;
        if (deadline.expired()) fail("it does not stop");
        pause();
    }
}

double Container::settle(double processor_ms) {
    const lab::Deadline deadline(reap_limit);
    Settling settling(Settling::Clock::now(), processor_ms, idle_limit);
    do { // NOLINT(cppcoreguidelines-avoid-do-while): there is nothing to look at before the pause
        pause();
    } while (!settling.look(Settling::Clock::now(), processor_time()) && !deadline.expired());
    return settling.took();
}

Reaping Container::reap_at_once(unsigned count) {
    ask(fmt::format("wait {}", count));
    stop();
    // Nobody looks at the zombies: each that was looked up in /proc is dearer to reap.
    ask("open");
    const double before = processor_time();
    if (kill(init_, SIGCONT) != 0) fail("it does not go on");
    Reaping reaping;
    reaping.wall_ms = settle(before);
    reaping.processor_ms = processor_time() - before;
    reaping.left = zombies();
    return reaping;
}

Reaping Container::reap_one_by_one(unsigned count) {
    const double before = processor_time();
    const auto began = Settling::Clock::now();
    ask(fmt::format("one-by-one {}", count));
    Reaping reaping;
    reaping.wall_ms =
        std::chrono::duration<double, std::milli>(Settling::Clock::now() - began).count();
    (void)settle(before); // the last of them
    reaping.processor_ms = processor_time() - before;
    reaping.left = zombies();
    return reaping;
}

} // namespace rouse::bench
