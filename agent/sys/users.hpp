#pragma once
// Users and groups, read from their files by hand: the name service of a static C library would
// load shared objects at run time.

#include "agent/sys/result.hpp"

#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

namespace rouse::sys {

struct User {
    uid_t uid = 0;
    gid_t gid = 0;
    std::vector<gid_t> groups; ///< supplementary groups
    std::string name;          ///< empty for a uid that has no entry
    std::string home = "/";
    std::string shell = "/bin/sh";
};

struct UserFiles {
    std::string passwd = "/etc/passwd";
    std::string group = "/etc/group";
};

/// Resolves `name|uid[:group|gid]`; empty means root. As OCI images mean it: without a group, the
/// user's own group and supplementary groups apply; with one, there are no supplementary groups. A
/// uid without an entry gets gid 0 and home `/`. A name wins over a number. Missing or malformed
/// files are as good as empty ones; root is always known.
/// Errors: ENOENT for a name that is nowhere; EINVAL for a number out of range or a missing part;
/// those of reading the files otherwise. Source: passwd(5), group(5), OCI image-spec config.md.
Result<User> find_user(std::string_view text, const UserFiles& files = {});

/// Resolves the name of a group or its number; a name wins. Errors: as find_user().
Result<gid_t> find_group(std::string_view text, const UserFiles& files = {});

} // namespace rouse::sys
