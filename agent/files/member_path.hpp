#pragma once
// Where a member of an archive goes, by its name alone. No I/O.

#include "agent/files/failure.hpp"
#include "agent/files/place.hpp"
#include "agent/files/tar_entry.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace rouse::files {

/// A name below the root, such as "a/b"; empty for the root itself.
Outcome<std::string> clean_name(std::string_view name);

/// Gives the one entry at an archive's top another name, in the names of members and of hard links,
/// when there is one to give.
class Renamer {
public:
    explicit Renamer(const Destination& destination)
        : name_(destination.name), wanted_(destination.wanted) {}

    /// The name below the root. Errors: "bad_archive" for names that are refused, and for a second
    /// entry at the top where there may be only one; "conflict" when the first one is a directory
    /// and must not be, or the other way round.
    Outcome<std::string> place(const TarEntry& entry);
    /// The same for the file that a hard link is another name of.
    Outcome<std::string> link_target(const TarEntry& entry) const;

private:
    [[nodiscard]] std::string renamed(const std::string& clean) const;

    std::optional<std::string> name_;
    Wanted wanted_ = Wanted::anything;
    std::optional<std::string> top_; ///< the first part of all names; empty: they begin with "./"
};

} // namespace rouse::files
