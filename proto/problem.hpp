#pragma once
// What is wrong with a document or a frame: where, and why, in words for the person who wrote it.

#include <boost/assert/source_location.hpp>
#include <boost/system/result.hpp>

#include <stdexcept>
#include <string>
#include <utility>

namespace rouse::proto {

struct Problem {
    std::string where; ///< JSON path such as `$.workload.argv[2]`, or the name of a frame field.
    std::string why;

    // A constructor of its own: an aggregate could be made from one string by C++20's parentheses,
    // and Parsed<std::string> could not tell a value from a problem.
    Problem() = default;
    Problem(std::string place, std::string reason)
        : where(std::move(place)), why(std::move(reason)) {}

    /// "where: why", as it is printed and sent.
    [[nodiscard]] std::string message() const { return where.empty() ? why : where + ": " + why; }
    friend bool operator==(const Problem&, const Problem&) = default;
};

/// A value, or the first problem that kept it from being read.
template <typename T>
using Parsed = boost::system::result<T, Problem>;

/// Lets Parsed<T>::value() throw; found by argument-dependent lookup (Boost.System documentation).
[[noreturn]] inline void throw_exception_from_error(const Problem& problem,
                                                    const boost::source_location&) {
    throw std::runtime_error(problem.message());
}

} // namespace rouse::proto
