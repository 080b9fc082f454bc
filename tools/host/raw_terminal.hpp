#pragma once
// A terminal that passes every key on as a byte while a session's own terminal is on the other
// side.

#include "proto/session.hpp"
#include "tools/host/async.hpp"

#include <optional>

#include <termios.h>

namespace rouse::host {

/// Puts a terminal to raw mode as long as it lives. Borrows the descriptor.
class RawTerminal {
public:
    /// Fails with the reason when `fd` is no terminal or refuses.
    static Outcome<RawTerminal> open(int fd);

    RawTerminal(RawTerminal&& other) noexcept;
    RawTerminal& operator=(RawTerminal&&) = delete;
    RawTerminal(const RawTerminal&) = delete;
    RawTerminal& operator=(const RawTerminal&) = delete;
    /// Restores the terminal, also from the background.
    ~RawTerminal() { restore(); }

    void restore();

private:
    RawTerminal(int fd, const termios& before) : fd_(fd), before_(before) {}

    int fd_; ///< -1: restored, or moved away
    termios before_;
};

[[nodiscard]] bool is_terminal(int fd);

/// Its size; nothing when it is no terminal or does not know.
std::optional<proto::TerminalSize> terminal_size(int fd);

} // namespace rouse::host
