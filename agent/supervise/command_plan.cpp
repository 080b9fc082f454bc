#include "agent/supervise/command_plan.hpp"

#include "proto/kernel_names.hpp"

#include <fmt/format.h>

#include <algorithm>

#include <unistd.h>

namespace rouse::supervise {

namespace {

bool has_null(std::string_view text) {
    return text.find('\0') != std::string_view::npos;
}

/// JSON can carry what a system call cannot: it would be cut short without a word.
std::optional<std::string> what_is_wrong(const proto::Command& command) {
    if (command.argv.empty()) return "argv is empty";
    if (has_null(command.cwd)) return "cwd contains a zero byte";
    if (std::any_of(command.argv.begin(), command.argv.end(), has_null))
        return "argv contains a zero byte";
    for (const auto& [name, value] : command.env)
        if (name.empty() || name.find('=') != std::string::npos || has_null(name) ||
            has_null(value))
            return fmt::format("env has a name or value that is impossible: \"{}\"", name);
    return std::nullopt;
}

std::map<std::string, std::string> environment(const proto::Command& command,
                                               const sys::User& user) {
    std::map<std::string, std::string> env = command.env;
    // insert() leaves what the command brought.
    env.insert({{"HOME", user.home}, {"PATH", std::string(default_path)}, {"SHELL", user.shell}});
    if (!user.name.empty()) env.insert({{"USER", user.name}, {"LOGNAME", user.name}});
    return env;
}

/// Where execvp(3) would look. An empty element of PATH is the working directory.
std::vector<std::string> candidates(const std::string& program, std::string_view path) {
    if (program.empty() || program.find('/') != std::string::npos) return {program};
    std::vector<std::string> paths;
    for (;;) {
        const std::size_t end = path.find(':');
        const std::string_view directory = path.substr(0, end);
        paths.push_back(fmt::format("{}/{}", directory.empty() ? "." : directory, program));
        if (end == std::string_view::npos) return paths;
        path.remove_prefix(end + 1);
    }
}

std::uint64_t capability_mask(const std::vector<std::string>& names) {
    std::uint64_t mask = 0;
    for (const std::string& name : names) {
        if (name == "ALL") return sys::CapabilityMasks::all;
        // The document was checked, so there is a number.
        if (const std::optional<unsigned> number = proto::capability_number(name))
            mask |= std::uint64_t{1} << *number;
    }
    return mask;
}

sys::SpawnAttributes spawn_attributes(const proto::ProcessAttributes& wanted) {
    sys::SpawnAttributes attributes;
    for (const auto& [name, limit] : wanted.rlimits)
        if (const std::optional<int> resource = proto::resource_number(name))
            attributes.rlimits.push_back(
                {.resource = *resource, .soft = limit.soft, .hard = limit.hard});
    attributes.capabilities = {.drop = capability_mask(wanted.capabilities.drop),
                               .add = capability_mask(wanted.capabilities.add)};
    attributes.no_new_privs = wanted.no_new_privs;
    if (wanted.umask) attributes.umask = static_cast<int>(*wanted.umask);
    attributes.oom_score_adj = static_cast<int>(wanted.oom_score_adj);
    return attributes;
}

sys::SpawnPlan plan_for(const proto::Command& command, const sys::User& user) {
    const auto env = environment(command, user);
    sys::SpawnPlan plan;
    plan.programs = candidates(command.argv.front(), env.at("PATH"));
    plan.argv = command.argv;
    for (const auto& [name, value] : env)
        plan.env.push_back(fmt::format("{}={}", name, value));
    plan.cwd = command.cwd.empty() ? user.home : command.cwd;
    if (command.cwd.empty()) plan.cwd_fallback = "/";
    if (!command.user.empty() || !command.attributes.groups.empty())
        plan.user = sys::Credentials{.uid = user.uid, .gid = user.gid, .groups = user.groups};
    plan.attributes = spawn_attributes(command.attributes);
    return plan;
}

/// Adds the groups that the command names to those of its user.
std::optional<proto::SpawnFailure> add_groups(const proto::Command& command, sys::User& user,
                                              const sys::UserFiles& files) {
    for (const std::string& name : command.attributes.groups) {
        const sys::Result<gid_t> gid = sys::find_group(name, files);
        if (!gid) {
            proto::SpawnFailure failure = make_failure("groups", gid.error(), name);
            if (gid.error() == sys::error_from(ENOENT))
                failure.message = fmt::format("\"{}\": there is no such group", name);
            return failure;
        }
        if (std::find(user.groups.begin(), user.groups.end(), *gid) == user.groups.end())
            user.groups.push_back(*gid);
    }
    return std::nullopt;
}

} // namespace

std::variant<sys::SpawnPlan, proto::SpawnFailure> make_plan(const proto::Command& command,
                                                            const sys::UserFiles& files) {
    if (const auto wrong = what_is_wrong(command))
        return proto::SpawnFailure{
            .stage = "request", .error = EINVAL, .message = *wrong, .path = ""};
    const std::string wanted = command.user.empty() ? std::to_string(::geteuid()) : command.user;
    sys::Result<sys::User> user = sys::find_user(wanted, files);
    if (user) {
        if (auto failure = add_groups(command, *user, files)) return *failure;
        return plan_for(command, *user);
    }
    proto::SpawnFailure failure = make_failure("user", user.error(), command.user);
    if (user.error() == sys::error_from(ENOENT))
        failure.message = fmt::format("\"{}\": there is no such user or group", command.user);
    return failure;
}

proto::SpawnFailure make_failure(std::string stage, const sys::error_code& error,
                                 std::string path) {
    const std::string message =
        path.empty() ? error.message() : fmt::format("\"{}\": {}", path, error.message());
    return {.stage = std::move(stage),
            .error = static_cast<std::uint64_t>(error.value()),
            .message = message,
            .path = std::move(path)};
}

} // namespace rouse::supervise
