#pragma once
// One line of a benchmark: what was measured, what is to be reached, and whether it was. And what
// was measured beside it, for people to compare.

#include <boost/json/array.hpp>

#include <string>
#include <vector>

namespace rouse::bench {

inline constexpr double mebibyte = 1024.0 * 1024.0;

/// What `Row::reach` means.
enum class Aim {
    at_most,
    at_least,
    none, ///< only reported
};

struct Row {
    std::string bench; ///< "size", "boot", "relay", …
    std::string what;
    double value = 0;
    std::string unit;
    double reach = 0;     ///< in the same unit; 0 without an aim
    std::string compared; ///< what `reach` comes from, for people
    std::string detail;   ///< how it was measured
    Aim aim = Aim::at_most;

    /// Measured by reach; 0 without an aim, and where nothing at all is allowed.
    [[nodiscard]] double ratio() const;
    [[nodiscard]] bool met() const;
};

/// One thing that was measured of several candidates.
struct Panel {
    struct Bar {
        std::string label;
        double value = 0;
    };

    std::string title;
    std::string unit;
    std::string better; ///< "lower" or "higher"
    std::vector<Bar> bars;
};

/// What one benchmark found.
struct Report {
    std::vector<Row> rows;
    std::vector<Panel> panels;
};

/// The middle one; the mean of the two in the middle of an even number. `values` is not empty.
[[nodiscard]] double median(std::vector<double> values);

/// The smallest value that at least `percent` of all do not exceed. `values` is not empty, and
/// 0 < `percent` <= 100.
[[nodiscard]] double percentile(std::vector<double> values, double percent);

/// Tables for people.
[[nodiscard]] std::string table(const std::vector<Row>& rows);
[[nodiscard]] std::string table(const std::vector<Panel>& panels);

/// The same for programs.
[[nodiscard]] boost::json::array to_json(const std::vector<Row>& rows);
[[nodiscard]] boost::json::array to_json(const std::vector<Panel>& panels);

} // namespace rouse::bench
