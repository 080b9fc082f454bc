#pragma once
// Says what happens, one line each, on the console or standard error. Never blocks: a line that
// does not fit now is dropped and counted.

#include "agent/sys/console.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>

namespace rouse {

class Log {
public:
    /// The console of PID 1; without one, lines are only counted.
    static Log on_console();
    /// Standard error of `rouse run`.
    static Log on_standard_error();

    void info(std::string_view message);
    void warn(std::string_view message);
    void error(std::string_view message);

    /// Bytes of somebody else, as they are; returns how many the console took.
    std::size_t pass(std::string_view bytes);

    /// Bytes that the console took and that have not left the machine yet.
    [[nodiscard]] std::size_t unsent() const { return console_ ? console_->unsent() : 0; }

    /// Gets each line too, for the record; `level` is "info", "warning" or "error". Empty: nobody.
    void
    set_observer(std::function<void(std::string_view level, std::string_view message)> observer);

    /// Lines that were cut or lost.
    [[nodiscard]] std::uint64_t dropped() const;

private:
    explicit Log(sys::Result<sys::Console> console);
    void line(std::string_view level, std::string_view message);

    std::optional<sys::Console> console_;
    std::function<void(std::string_view, std::string_view)> observer_;
    std::uint64_t unsaid_ = 0; ///< lines for which there was no console
};

} // namespace rouse
