#include "agent/sys/users.hpp"

#include "agent/sys/proc.hpp"
#include "proto/text.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <limits>
#include <optional>

namespace rouse::sys {

namespace {

/// A uid or gid. The largest number is "leave as it is" to the kernel and names nobody.
std::optional<std::uint32_t> number(std::string_view text) {
    std::uint32_t value = 0;
    const char* const end = text.data() + text.size();
    const auto [last, error] = std::from_chars(text.data(), end, value);
    if (error != std::errc() || last != end || text.empty()) return std::nullopt;
    if (value == std::numeric_limits<std::uint32_t>::max()) return std::nullopt;
    return value;
}

bool all_digits(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

struct PasswdEntry {
    std::string_view name;
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
    std::string_view home;
    std::string_view shell;
};

/// name:password:uid:gid:gecos:home:shell
std::optional<PasswdEntry> parse_passwd(std::string_view line) {
    std::array<std::string_view, 7> fields;
    for (std::string_view& field : fields)
        field = proto::split_off(line, ':');
    const auto uid = number(fields[2]);
    const auto gid = number(fields[3]);
    if (fields[0].empty() || !uid || !gid) return std::nullopt;
    return PasswdEntry{
        .name = fields[0], .uid = *uid, .gid = *gid, .home = fields[5], .shell = fields[6]};
}

struct GroupEntry {
    std::string_view name;
    std::uint32_t gid = 0;
    std::string_view members;
};

/// name:password:gid:member,member
std::optional<GroupEntry> parse_group(std::string_view line) {
    std::array<std::string_view, 4> fields;
    for (std::string_view& field : fields)
        field = proto::split_off(line, ':');
    const auto gid = number(fields[2]);
    if (fields[0].empty() || !gid) return std::nullopt;
    return GroupEntry{.name = fields[0], .gid = *gid, .members = fields[3]};
}

bool has_member(std::string_view members, std::string_view name) {
    while (!members.empty())
        if (proto::split_off(members, ',') == name) return true;
    return false;
}

/// The first entry that `matches`; lines that are not entries are passed over.
template <typename Entry, typename Matches>
std::optional<Entry> find(std::string_view text, std::optional<Entry> (*parse)(std::string_view),
                          Matches matches) {
    while (!text.empty()) {
        const std::optional<Entry> entry = parse(proto::split_off(text, '\n'));
        if (entry && matches(*entry)) return entry;
    }
    return std::nullopt;
}

std::optional<PasswdEntry> find_passwd(std::string_view text, std::string_view wanted) {
    auto entry = find(text, &parse_passwd, [&](const auto& e) { return e.name == wanted; });
    const auto uid = number(wanted);
    if (!entry && uid)
        entry = find(text, &parse_passwd, [&](const auto& e) { return e.uid == *uid; });
    return entry;
}

std::vector<gid_t> groups_of(std::string_view text, std::string_view name, gid_t primary) {
    std::vector<gid_t> groups{primary};
    if (name.empty()) return groups;
    while (!text.empty()) {
        const std::optional<GroupEntry> entry = parse_group(proto::split_off(text, '\n'));
        if (!entry || !has_member(entry->members, name)) continue;
        if (std::find(groups.begin(), groups.end(), entry->gid) == groups.end())
            groups.push_back(entry->gid);
    }
    return groups;
}

/// An image without the file has no entries; that is not an error.
Result<std::string> text_of(const std::string& path) {
    Result<std::string> text = read_file(path, 16 * 1024 * 1024);
    if (!text && (text.error() == error_from(ENOENT) || text.error() == error_from(ENOTDIR)))
        return std::string();
    return text;
}

Result<User> resolve_user(std::string_view wanted, std::string_view passwd) {
    User user;
    if (const auto entry = find_passwd(passwd, wanted)) {
        user.uid = entry->uid;
        user.gid = entry->gid;
        user.name = entry->name;
        if (!entry->home.empty()) user.home = entry->home;
        if (!entry->shell.empty()) user.shell = entry->shell;
        return user;
    }
    const auto uid = number(wanted);
    if (!uid && wanted != "root") return error_from(all_digits(wanted) ? EINVAL : ENOENT);
    user.uid = uid.value_or(0);
    if (user.uid == 0) user.name = "root";
    return user;
}

Result<gid_t> resolve_group(std::string_view wanted, std::string_view groups) {
    const auto entry = find(groups, &parse_group, [&](const auto& e) { return e.name == wanted; });
    if (entry) return entry->gid;
    const auto gid = number(wanted);
    if (!gid) return error_from(all_digits(wanted) ? EINVAL : ENOENT);
    return *gid;
}

} // namespace

Result<User> find_user(std::string_view text, const UserFiles& files) {
    const Result<std::string> passwd = text_of(files.passwd);
    if (!passwd) return passwd.error();
    const Result<std::string> group = text_of(files.group);
    if (!group) return group.error();

    const bool with_group = text.find(':') != std::string_view::npos;
    std::string_view rest = text.empty() ? "root" : text;
    const std::string_view user_part = proto::split_off(rest, ':');
    if (user_part.empty() || (with_group && rest.empty())) return error_from(EINVAL);

    Result<User> user = resolve_user(user_part, *passwd);
    if (!user) return user;
    if (!with_group) {
        user->groups = groups_of(*group, user->name, user->gid);
        return user;
    }
    const Result<gid_t> gid = resolve_group(rest, *group);
    if (!gid) return gid.error();
    user->gid = *gid;
    user->groups = {};
    return user;
}

Result<gid_t> find_group(std::string_view text, const UserFiles& files) {
    const Result<std::string> group = text_of(files.group);
    if (!group) return group.error();
    if (text.empty()) return error_from(EINVAL);
    return resolve_group(text, *group);
}

} // namespace rouse::sys
