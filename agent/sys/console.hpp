#pragma once
// Standard descriptors of PID 1, and lines for the person at the console.

#include "agent/sys/result.hpp"
#include "agent/sys/unique_fd.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace rouse::sys {

/// Occupies descriptors 0, 1 and 2 where the kernel could open no console: whatever is opened next
/// would become the workload's stdin otherwise. /dev/null if it exists yet, else a directory that
/// can be neither read nor written. Call it before anything else.
Result<> occupy_stdio();

/// Where lines for people go. Never blocks: a line that the device does not take is cut or dropped,
/// and counted.
class Console {
public:
    /// /dev/console, or where stderr leads when the agent is not PID 1's console owner. Opened
    /// anew: O_NONBLOCK on a description that the workload shares would change the workload's.
    /// Without /dev/console, lines go to the kernel's log, as errors, which its own consoles show
    /// even when they are to be quiet; it takes no bytes of others.
    /// Errors: those of open(2).
    static Result<Console> open();
    static Result<Console> open_stderr();

    /// Writes the line, cut after 1 KiB, and a newline.
    void write_line(std::string_view line);

    /// Writes as much as the device takes now, as it is; returns how many bytes that was.
    std::size_t write_bytes(std::string_view bytes);

    /// Bytes that were written and have not left the machine; 0 where the device has none, or does
    /// not say. Source: ioctl_tty(2), TIOCOUTQ.
    [[nodiscard]] std::size_t unsent() const;

    /// Lines that were cut or lost.
    [[nodiscard]] std::uint64_t dropped() const { return dropped_; }

private:
    explicit Console(UniqueFd fd) : fd_(std::move(fd)) {}

    static Result<Console> open_kernel_log();

    UniqueFd fd_;
    std::uint64_t dropped_ = 0;
    bool is_kernel_log_ = false;
    bool in_a_line_ = false; ///< a line was left unfinished, so the next begins with a newline
};

} // namespace rouse::sys
