#include "proto/process_attributes.hpp"

#include "proto/kernel_names.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace rouse::proto {

namespace json = boost::json;

namespace {

std::optional<std::uint64_t> amount(const json::value& value) {
    if (value.is_string() && value.get_string() == "unlimited") return ResourceLimit::unlimited;
    if (value.is_uint64()) return value.get_uint64();
    if (value.is_int64() && value.get_int64() >= 0)
        return static_cast<std::uint64_t>(value.get_int64());
    return std::nullopt;
}

void read_amount(Fields& fields, std::string_view key, std::uint64_t& target) {
    const json::value* value = fields.raw(key);
    if (value == nullptr) return fields.fail(key, "is missing");
    const std::optional<std::uint64_t> read = amount(*value);
    if (!read) return fields.fail(key, "must be a whole number or \"unlimited\"");
    target = *read;
}

ResourceLimit read_limit(Fields& fields, const std::string& key, const json::value& value) {
    if (const auto both = amount(value)) return {.soft = *both, .hard = *both};
    ResourceLimit limit;
    if (!value.is_object()) {
        fields.fail(key, "must be a whole number, \"unlimited\", or an object of soft and hard");
        return limit;
    }
    Fields members = fields.member(key, value);
    read_amount(members, "soft", limit.soft);
    read_amount(members, "hard", limit.hard);
    members.finish();
    if (limit.soft > limit.hard) members.fail("soft", "must not be above hard");
    return limit;
}

void read_rlimits(Fields& fields, std::map<std::string, ResourceLimit>& rlimits) {
    const json::value* value = fields.raw("rlimits");
    if (value == nullptr) return;
    Fields members = fields.member("rlimits", *value);
    if (!value->is_object()) return;
    for (const auto& [name, limit] : value->get_object()) {
        const std::string key(name);
        if (!resource_number(key)) {
            members.fail(key, "is not a resource that has a limit");
            continue;
        }
        rlimits[key] = read_limit(members, key, limit);
    }
}

/// "cap_net_raw", "NET_RAW" → "NET_RAW".
std::string canonical_capability(std::string_view text) {
    std::string name(text);
    std::transform(name.begin(), name.end(), name.begin(),
                   [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
    return name.starts_with("CAP_") ? name.substr(4) : name;
}

void read_capability_list(Fields& fields, std::string_view key, std::vector<std::string>& names) {
    fields.read(key, names);
    for (std::size_t i = 0; i < names.size(); ++i) {
        const std::string name = canonical_capability(names[i]);
        if (name != "ALL" && !capability_number(name))
            fields.fail(fmt::format("{}[{}]", key, i),
                        fmt::format("\"{}\" is not a capability", names[i]));
        names[i] = name;
    }
}

void read_capabilities(Fields& fields, CapabilityChange& capabilities) {
    const json::value* value = fields.raw("capabilities");
    if (value == nullptr) return;
    Fields members = fields.member("capabilities", *value);
    read_capability_list(members, "drop", capabilities.drop);
    read_capability_list(members, "add", capabilities.add);
    members.finish();
}

void read_groups(Fields& fields, std::vector<std::string>& groups) {
    const json::value* value = fields.raw("groups");
    if (value == nullptr) return;
    if (!value->is_array()) return fields.fail("groups", "must be an array of names and numbers");
    std::vector<std::string> read;
    for (const json::value& element : value->get_array()) {
        // The largest number is "leave as it is" to the kernel and names nobody.
        const std::optional<std::uint64_t> number =
            element.is_string() ? std::nullopt : amount(element);
        if (element.is_string() && !element.get_string().empty())
            read.push_back(json::value_to<std::string>(element));
        else if (number && *number < UINT32_MAX)
            read.push_back(std::to_string(*number));
        else
            return fields.fail(fmt::format("groups[{}]", read.size()),
                               "must be the name of a group or its number");
    }
    groups = std::move(read);
}

void read_umask(Fields& fields, std::optional<std::uint32_t>& umask) {
    std::optional<std::string> text;
    fields.read("umask", text);
    if (!text) return;
    std::uint32_t value = 0;
    const char* const end = text->data() + text->size();
    const auto [last, error] = std::from_chars(text->data(), end, value, 8);
    if (error != std::errc() || last != end || value > 0777)
        return fields.fail("umask", R"(must be octal digits from "0" to "777")");
    umask = value;
}

json::value to_json(std::uint64_t limit) {
    return limit == ResourceLimit::unlimited ? json::value("unlimited") : json::value(limit);
}

json::object to_json(const std::map<std::string, ResourceLimit>& rlimits) {
    json::object object;
    for (const auto& [name, limit] : rlimits)
        object[name] = limit.soft == limit.hard ? to_json(limit.soft)
                                                : json::value{{"soft", to_json(limit.soft)},
                                                              {"hard", to_json(limit.hard)}};
    return object;
}

json::object to_json(const CgroupLimits& cgroup) {
    json::object object;
    const auto add = [&](std::string_view key, const std::optional<std::uint64_t>& limit) {
        if (limit) object[key] = *limit;
    };
    add("memory_max", cgroup.memory_max);
    add("memory_high", cgroup.memory_high);
    add("memory_swap_max", cgroup.memory_swap_max);
    add("pids_max", cgroup.pids_max);
    add("cpu_max_us", cgroup.cpu_max_us);
    add("cpu_period_us", cgroup.cpu_period_us);
    add("cpu_weight", cgroup.cpu_weight);
    add("io_weight", cgroup.io_weight);
    return object;
}

json::object to_json(const CapabilityChange& capabilities) {
    json::object object;
    if (!capabilities.drop.empty()) object["drop"] = json::value_from(capabilities.drop);
    if (!capabilities.add.empty()) object["add"] = json::value_from(capabilities.add);
    return object;
}

} // namespace

void read_cgroup_limits(Fields& fields, std::string_view key, CgroupLimits& cgroup) {
    const json::value* value = fields.raw(key);
    if (value == nullptr) return;
    // A page is the least that can be charged, and what the kernel rounds to.
    constexpr std::uint64_t page = 4096;
    constexpr std::uint64_t most_bytes = INT64_MAX;
    constexpr std::uint64_t most_pids = 4'194'304; // PID_MAX_LIMIT
    constexpr std::uint64_t least_us = 1000;       // kernel/sched/core.c, min_cfs_quota_period
    constexpr std::uint64_t longest_us = 1'000'000;
    constexpr std::uint64_t most_weight = 10'000;
    Fields members = fields.member(key, *value);
    members.read("memory_max", cgroup.memory_max, page, most_bytes);
    members.read("memory_high", cgroup.memory_high, page, most_bytes);
    members.read("memory_swap_max", cgroup.memory_swap_max, 0, most_bytes);
    members.read("pids_max", cgroup.pids_max, 1, most_pids);
    members.read("cpu_max_us", cgroup.cpu_max_us, least_us, longest_us * 1024);
    members.read("cpu_period_us", cgroup.cpu_period_us, least_us, longest_us);
    members.read("cpu_weight", cgroup.cpu_weight, 1, most_weight);
    members.read("io_weight", cgroup.io_weight, 1, most_weight);
    members.finish();
    if (cgroup.cpu_period_us && !cgroup.cpu_max_us)
        members.fail("cpu_period_us", "means nothing without cpu_max_us");
}

void read_process_attributes(Fields& fields, ProcessAttributes& attributes) {
    read_groups(fields, attributes.groups);
    read_rlimits(fields, attributes.rlimits);
    read_cgroup_limits(fields, "cgroup", attributes.cgroup);
    read_capabilities(fields, attributes.capabilities);
    fields.read("no_new_privs", attributes.no_new_privs);
    read_umask(fields, attributes.umask);
    fields.read("oom_score_adj", attributes.oom_score_adj);
    if (attributes.oom_score_adj < -1000 || attributes.oom_score_adj > 1000)
        fields.fail("oom_score_adj", "must be a whole number from -1000 to 1000");
}

void add_to_json(json::object& object, const ProcessAttributes& attributes) {
    if (!attributes.groups.empty()) object["groups"] = json::value_from(attributes.groups);
    if (!attributes.rlimits.empty()) object["rlimits"] = to_json(attributes.rlimits);
    if (attributes.cgroup != CgroupLimits{}) object["cgroup"] = to_json(attributes.cgroup);
    if (attributes.capabilities != CapabilityChange{})
        object["capabilities"] = to_json(attributes.capabilities);
    if (attributes.no_new_privs) object["no_new_privs"] = true;
    if (attributes.umask) object["umask"] = fmt::format("{:03o}", *attributes.umask);
    if (attributes.oom_score_adj != 0) object["oom_score_adj"] = attributes.oom_score_adj;
}

} // namespace rouse::proto
