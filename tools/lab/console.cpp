#include "tools/lab/console.hpp"

#include <fmt/format.h>

#include <array>
#include <fstream>
#include <iterator>

#include <poll.h>
#include <sys/inotify.h>

namespace rouse::lab {
namespace {

/// The length of the escape sequence that `text` starts with (it starts with ESC).
std::size_t escape_length(std::string_view text) {
    if (text.size() < 2) return text.size();
    if (text[1] != '[') return 2;
    std::size_t length = 2;
    // Parameters and intermediates lie below '@'; the first character from there on ends it.
    while (length < text.size() && (text[length] < '@' || text[length] > '~'))
        ++length;
    return std::min(length + 1, text.size());
}

/// Returns when the watch saw something, the machine ended, or a second passed: should the watch be
/// refused (their number is limited), the caller still looks again.
void wait_for_change(int watch, int ended_descriptor, Deadline deadline) {
    std::array<pollfd, 2> ready{pollfd{.fd = watch, .events = POLLIN, .revents = 0},
                                pollfd{.fd = ended_descriptor, .events = POLLIN, .revents = 0}};
    (void)poll(ready.data(), ready.size(), deadline.poll_timeout(std::chrono::seconds(1)));
    std::array<char, 4096> events{};
    while (read(watch, events.data(), events.size()) > 0) {
    }
}

} // namespace

std::string plain_text(std::string_view raw) {
    std::string plain;
    plain.reserve(raw.size());
    for (std::size_t at = 0; at < raw.size();) {
        if (raw[at] == '\x1b') {
            at += escape_length(raw.substr(at));
            continue;
        }
        if (raw[at] != '\r' && raw[at] != '\0') plain.push_back(raw[at]);
        ++at;
    }
    return plain;
}

std::string Console::text() const {
    std::ifstream in(file_, std::ios::binary);
    const std::string raw{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
    return plain_text(raw);
}

std::string Console::tail(std::size_t lines) const {
    std::string all = text();
    while (!all.empty() && all.back() == '\n')
        all.pop_back();
    if (all.empty()) return "  | (nothing was printed)\n";
    std::size_t start = all.size();
    for (std::size_t seen = 0; start > 0; --start)
        if (all[start - 1] == '\n' && ++seen == lines) break;
    std::string result;
    while (start <= all.size()) {
        const std::size_t end = std::min(all.find('\n', start), all.size());
        result += fmt::format("  | {}\n", all.substr(start, end - start));
        start = end + 1;
    }
    return result;
}

ConsoleWait Console::wait(std::string_view wanted, int ended_descriptor, Deadline deadline) const {
    // Watching begins before the first look, so nothing printed in between is missed.
    const Descriptor watch = watch_directory();
    for (;;) {
        pollfd machine{.fd = ended_descriptor, .events = POLLIN, .revents = 0};
        const bool ended = poll(&machine, 1, 0) > 0;
        if (text().find(wanted) != std::string::npos) return ConsoleWait::found;
        if (ended) return ConsoleWait::machine_ended;
        if (deadline.expired()) return ConsoleWait::deadline;
        wait_for_change(watch.get(), ended_descriptor, deadline);
    }
}

void Console::wait_change(std::chrono::milliseconds longest) const {
    const Descriptor watch = watch_directory();
    wait_for_change(watch.get(), -1, Deadline(longest));
}

Descriptor Console::watch_directory() const {
    // The directory is watched, since the file may not exist yet.
    Descriptor watch(inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
    (void)inotify_add_watch(watch.get(), file_.parent_path().c_str(), IN_MODIFY | IN_CREATE);
    return watch;
}

} // namespace rouse::lab
