#pragma once
// How far long work has come, for a person at a terminal.

#include <chrono>
#include <cstdint>
#include <string>

namespace rouse::ctl {

/// Shows a count of bytes on standard error, where that is a terminal; else nothing.
class Progress {
public:
    explicit Progress(std::string what);
    Progress(const Progress&) = delete;
    Progress& operator=(const Progress&) = delete;
    Progress(Progress&&) = delete;
    Progress& operator=(Progress&&) = delete;
    /// Ends the line.
    ~Progress();

    void add(std::uint64_t bytes);
    /// Shows the whole count.
    void finish() const;

private:
    void show() const;

    std::string what_;
    bool shown_;
    std::uint64_t bytes_ = 0;
    std::chrono::steady_clock::time_point last_;
};

} // namespace rouse::ctl
