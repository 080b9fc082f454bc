#include "agent/log.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string>

namespace rouse {

namespace {

/// Control characters of a message are not for the console's terminal.
std::string printable(std::string_view message) {
    std::string text(message);
    std::replace_if(
        text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < ' '; }, ' ');
    return text;
}

} // namespace

Log::Log(sys::Result<sys::Console> console) {
    if (console) console_ = std::move(*console);
}

Log Log::on_console() {
    return Log(sys::Console::open());
}

Log Log::on_standard_error() {
    return Log(sys::Console::open_stderr());
}

void Log::info(std::string_view message) {
    line("info", message);
}

void Log::warn(std::string_view message) {
    line("warning", message);
}

void Log::error(std::string_view message) {
    line("error", message);
}

void Log::set_observer(
    std::function<void(std::string_view level, std::string_view message)> observer) {
    observer_ = std::move(observer);
}

std::size_t Log::pass(std::string_view bytes) {
    return console_ ? console_->write_bytes(bytes) : 0;
}

std::uint64_t Log::dropped() const {
    return unsaid_ + (console_ ? console_->dropped() : 0);
}

void Log::line(std::string_view level, std::string_view message) {
    const std::string_view mark = level == "info" ? "" : level;
    if (console_)
        console_->write_line(
            fmt::format("rouse: {}{}{}", mark, mark.empty() ? "" : ": ", printable(message)));
    else
        ++unsaid_;
    if (observer_) observer_(level, message);
}

} // namespace rouse
