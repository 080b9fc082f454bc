#pragma once
// A program on a terminal of its own, as a person would run it.

#include "tests/support/command.hpp"
#include "tests/support/connection.hpp"

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>
#include <termios.h>

namespace rouse::test {

/// Its three streams are a new terminal, whose session it leads. Killed when it is destroyed.
/// Errors of the system: std::runtime_error.
class PtyProcess {
public:
    /// Starts `argv`, whose first word is a path, with `environment` added to ours.
    explicit PtyProcess(std::vector<std::string> argv, Environment environment = {},
                        unsigned short rows = 24, unsigned short columns = 80);
    PtyProcess(const PtyProcess&) = delete;
    PtyProcess& operator=(const PtyProcess&) = delete;
    ~PtyProcess();

    /// Types on its keyboard.
    void type(std::string_view keys);
    /// Waits until its screen shows `text` behind what was found before. Throws after `limit`, with
    /// all that it showed.
    void expect(std::string_view text, std::chrono::milliseconds limit = patience);
    /// Everything it has shown.
    [[nodiscard]] const std::string& shown() const { return shown_; }

    /// The terminal's mode now.
    [[nodiscard]] termios mode() const;
    /// Waits until keys are passed on raw, or no longer.
    void wait_raw(bool raw) const;
    void resize(unsigned short rows, unsigned short columns) const;
    void signal(int number) const;

    /// Waits for its end; as waitpid(2) tells it. Throws after `limit`.
    [[nodiscard]] int finish(std::chrono::milliseconds limit = patience);

private:
    bool read_some(int timeout_ms);

    lab::Descriptor master_;
    lab::Descriptor slave_; ///< keeps the terminal while nobody else has it open
    pid_t pid_ = 0;
    std::string shown_;
    std::size_t found_ = 0; ///< behind what expect() has found
};

} // namespace rouse::test
