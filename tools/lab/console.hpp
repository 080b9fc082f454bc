// The serial console of a virtual machine, which QEMU writes into a file.
#pragma once

#include "tools/lab/deadline.hpp"
#include "tools/lab/descriptor.hpp"

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>

namespace rouse::lab {

/// How waiting for a text ended.
enum class ConsoleWait { found, machine_ended, deadline };

/// Reads the console file of one machine. Borrows nothing; the file may not exist yet.
class Console {
public:
    explicit Console(std::filesystem::path file) : file_(std::move(file)) {}

    [[nodiscard]] const std::filesystem::path& file() const { return file_; }

    /// Everything printed so far, without terminal control sequences and carriage returns.
    [[nodiscard]] std::string text() const;

    /// The last `lines` lines, each behind "  | ", for an error message.
    [[nodiscard]] std::string tail(std::size_t lines = 25) const;

    /// Waits until `wanted` was printed. `ended_descriptor` becomes readable when the machine ends
    /// (borrowed; -1 for none); what was printed up to then still counts.
    [[nodiscard]] ConsoleWait wait(std::string_view wanted, int ended_descriptor,
                                   Deadline deadline) const;

    /// Returns when something may have been printed, at the latest after `longest`.
    void wait_change(std::chrono::milliseconds longest) const;

private:
    [[nodiscard]] Descriptor watch_directory() const;

    std::filesystem::path file_;
};

/// `raw` without escape sequences and carriage returns: firmware clears the screen, and a terminal
/// that shows the rest must not do the same.
[[nodiscard]] std::string plain_text(std::string_view raw);

} // namespace rouse::lab
