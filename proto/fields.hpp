#pragma once
// Reads the members of one JSON object into typed values. Every error carries the JSON path of the
// value that is wrong; keys that nobody asked for are reported, not swallowed.

#include "proto/problem.hpp"

#include <boost/json.hpp>

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rouse::proto {

/// What reading a document found. `unknown` are keys that no version of ours knows: a warning in a
/// configuration, nothing at all on the wire, where the peer may be newer.
struct Problems {
    std::vector<Problem> errors;
    std::vector<Problem> unknown;
    /// Where set: gets the paths of all members that the readers of the document know.
    std::vector<std::string>* known = nullptr;
};

/// Borrows the value and the list; both outlive it. A missing member leaves the target untouched.
class Fields {
public:
    /// Reports an error when `value` is not an object, and then behaves like an empty one.
    Fields(const boost::json::value& value, std::string path, Problems& problems);

    void read(std::string_view key, std::string& target);
    void read(std::string_view key, bool& target);
    void read(std::string_view key, std::vector<std::string>& target);
    void read(std::string_view key, std::vector<std::uint64_t>& target);
    /// A JSON null empties the target.
    void read(std::string_view key, std::optional<std::string>& target);
    void read(std::string_view key, std::map<std::string, std::string>& target);
    /// Whole numbers between `low` and `high`, both included.
    void read(std::string_view key, std::uint64_t& target, std::uint64_t low = 0,
              std::uint64_t high = UINT64_MAX);
    void read(std::string_view key, std::uint32_t& target, std::uint32_t low = 0,
              std::uint32_t high = UINT32_MAX);
    void read(std::string_view key, std::int64_t& target);
    /// A JSON null empties the target. Whole numbers between `low` and `high`, both included.
    void read(std::string_view key, std::optional<std::uint64_t>& target, std::uint64_t low = 0,
              std::uint64_t high = UINT64_MAX);
    /// Milliseconds as a whole number.
    void read(std::string_view key, std::chrono::milliseconds& target);

    /// The member as it is, or null. Counts as known.
    const boost::json::value* raw(std::string_view key);
    /// The members of `value`, which is the member `key` of this object; the same list of problems.
    [[nodiscard]] Fields member(std::string_view key, const boost::json::value& value) const;
    /// Reports an error when the member is missing.
    void require(std::string_view key);
    /// Reports an error at a member (or at this object, for an empty key).
    void fail(std::string_view key, std::string why);
    [[nodiscard]] std::string path_of(std::string_view key) const;

    /// Reports the members that nobody read.
    void finish();

private:
    const boost::json::value* typed(std::string_view key, bool (*is)(const boost::json::value&),
                                    std::string_view expected);

    const boost::json::object* object_ = nullptr;
    std::string path_;
    Problems* problems_;
    std::vector<std::string> known_;
};

/// Parses JSON text. The problem says at which byte it went wrong. At most 32 levels deep, and no
/// member twice.
Parsed<boost::json::value> parse_json(std::string_view text);

/// `value`, or the first error of `problems`: for documents where one error is enough.
template <typename T>
Parsed<T> value_or_first(T value, const Problems& problems) {
    if (!problems.errors.empty()) return problems.errors.front();
    return value;
}

} // namespace rouse::proto
