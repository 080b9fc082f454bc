#pragma once
// What the applet says on its standard error, for the program that started it. Bounded.

#include "agent/files/failure.hpp"

#include <boost/json/array.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace rouse::files {

class Complaints {
public:
    /// Takes the next bytes.
    void add(std::string_view bytes);

    /// Why it failed, when it said so.
    [[nodiscard]] const std::optional<Failure>& failure() const { return failure_; }
    /// The last line that is none of ours: a loader's, or a sanitizer's.
    [[nodiscard]] const std::string& stray() const { return stray_; }
    /// The first 100 warnings, `{"message", "path"}` each.
    [[nodiscard]] const boost::json::array& warnings() const { return warnings_; }
    /// All of them.
    [[nodiscard]] std::uint64_t warned() const { return warned_; }

private:
    void take(std::string_view line);

    std::string line_; ///< that is not complete yet
    std::optional<Failure> failure_;
    std::string stray_;
    boost::json::array warnings_;
    std::uint64_t warned_ = 0;
};

} // namespace rouse::files
