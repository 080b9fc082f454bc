#pragma once
// What a path given to `create`, `extract` or `stat` means: the rules of `docker cp`, decided here
// and nowhere else.
//
//   create PATH        one entry, named like the last part of PATH, with all that is below it.
//                      A symbolic link is packed as a link.
//   create PATH/       the same as PATH/. : the contents of the directory, links followed; their
//                      names begin with "./"
//   --as NAME          the entry, or the directory of the contents, is named NAME
//
//   extract PATH       PATH is a directory, or a link to one: the archive goes into it.
//                      PATH is another file: the archive's one entry, no directory, takes its
//                      place; where PATH is a link, that of its target.
//                      PATH is nothing: the archive's one entry gets this name in the directory
//                      that PATH names, which must exist. "./" and what is below counts as one
//                      entry that is a directory.
//   extract PATH/      PATH must be a directory, or nothing and the archive's entry a directory.
//   --as NAME          the archive's one entry is called NAME

#include "agent/files/failure.hpp"
#include "agent/sys/beneath.hpp"
#include "agent/sys/unique_fd.hpp"

#include <optional>
#include <string>

namespace rouse::files {

/// What create() packs: one file in an open directory.
struct Source {
    sys::UniqueFd directory;
    std::string leaf; ///< "." for the contents of `directory`
    std::string name; ///< in the archive
};

/// `as` may be empty. Errors: those of opening the directories on the way; "conflict" when the
/// contents of something else than a directory are wanted.
Outcome<Source> find_source(const std::string& path, const std::string& as);

enum class Wanted { anything, directory, no_directory };

/// Where extract() unpacks: below an open directory.
struct Destination {
    sys::UniqueFd root;
    sys::Within within = sys::Within::beneath;
    /// Set: the archive has one entry at its top, which gets this name.
    std::optional<std::string> name;
    Wanted wanted = Wanted::anything; ///< of that entry
};

/// `as` may be empty. Errors: "not_found" when even the directory around `path` is not there;
/// those of opening it.
Outcome<Destination> find_destination(const std::string& path, const std::string& as);

/// Whether `name` is one part of a path: not empty, no slash, neither "." nor "..".
bool is_leaf(std::string_view name);

} // namespace rouse::files
