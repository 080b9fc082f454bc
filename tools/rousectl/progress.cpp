#include "tools/rousectl/progress.hpp"

#include "tools/host/raw_terminal.hpp"
#include "tools/rousectl/session.hpp"

#include <fmt/format.h>

#include <array>
#include <utility>

#include <unistd.h>

namespace rouse::ctl {
namespace {

using namespace std::chrono_literals;

constexpr auto show_each = 200ms;

std::string size_text(std::uint64_t bytes) {
    constexpr std::array units{"B", "KiB", "MiB", "GiB", "TiB"};
    constexpr double step = 1024;
    auto value = static_cast<double>(bytes);
    std::size_t unit = 0;
    for (; value >= step && unit + 1 < units.size(); ++unit)
        value /= step;
    return unit == 0 ? fmt::format("{} B", bytes) : fmt::format("{:.1f} {}", value, units[unit]);
}

} // namespace

Progress::Progress(std::string what)
    : what_(std::move(what)), shown_(host::is_terminal(STDERR_FILENO)),
      last_(std::chrono::steady_clock::now()) {}

Progress::~Progress() {
    if (shown_) (void)print(STDERR_FILENO, "\n"); // nowhere else to go
}

void Progress::finish() const {
    if (shown_) show();
}

void Progress::add(std::uint64_t bytes) {
    bytes_ += bytes;
    const auto now = std::chrono::steady_clock::now();
    if (!shown_ || now - last_ < show_each) return;
    last_ = now;
    show();
}

void Progress::show() const {
    // What stood there before was never longer than the spaces.
    (void)print(STDERR_FILENO,
                fmt::format("\r{}: {}    ", what_, size_text(bytes_))); // nowhere else to go
}

} // namespace rouse::ctl
