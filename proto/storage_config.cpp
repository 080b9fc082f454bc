#include "proto/storage_config.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

namespace rouse::proto {

namespace json = boost::json;

namespace {

using namespace std::string_view_literals;

constexpr std::array device_prefixes = {
    std::pair{"LABEL="sv, DeviceKey::label}, std::pair{"UUID="sv, DeviceKey::uuid},
    std::pair{"PARTUUID="sv, DeviceKey::part_uuid}, std::pair{"SERIAL="sv, DeviceKey::serial}};

constexpr std::string_view device_wanted =
    "must be a path, or begin with LABEL=, UUID=, PARTUUID= or SERIAL=";

/// Absolute, without "." and "..", so that it means the same for everyone.
bool is_absolute_path(std::string_view path) {
    if (!path.starts_with('/') || path.find('\0') != std::string_view::npos) return false;
    while (!path.empty()) {
        path.remove_prefix(1);
        const std::string_view part = path.substr(0, path.find('/'));
        if (part.empty() || part == "." || part == "..") return false;
        path.remove_prefix(part.size());
    }
    return true;
}

bool is_type(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
               c == '_' || c == '.' || c == '-';
    });
}

void read_type(Fields& fields, std::string& type) {
    fields.read("type", type);
    if (!is_type(type)) fields.fail("type", "must be the name of a file system");
}

void read_options(Fields& fields, std::string_view key, std::string& options) {
    fields.read(key, options);
    if (options.find_first_of(" \t\n\0"sv) != std::string::npos)
        fields.fail(key, "must be options with commas between, without blanks");
}

/// What a mount of `type` begins with.
void check_source(Fields& fields, const std::string& source, std::string_view type) {
    if (type == "tmpfs") return;
    if (is_tagged_type(type)) {
        if (source.empty()) fields.fail("source", "must be the tag of the host's directory");
    } else if (type == "bind") {
        if (!is_absolute_path(source)) fields.fail("source", "must be an absolute path");
    } else if (!parse_device_name(source)) {
        fields.fail("source", std::string(device_wanted));
    }
}

void read_wait(Fields& fields, std::chrono::milliseconds& wait) {
    fields.read("wait_ms", wait);
}

VolumeConfig read_volume(Fields& fields) {
    VolumeConfig volume;
    fields.read("source", volume.source);
    fields.require("target");
    fields.read("target", volume.target);
    read_type(fields, volume.type);
    read_options(fields, "options", volume.options);
    fields.read("read_only", volume.read_only);
    fields.read("optional", volume.optional);
    read_wait(fields, volume.wait);
    if (!is_absolute_path(volume.target))
        fields.fail("target", "must be an absolute path, and not /");
    check_source(fields, volume.source, volume.type);
    return volume;
}

SwapConfig read_one_swap(Fields& fields) {
    constexpr std::uint64_t highest = 32767; // swapon(2), SWAP_FLAG_PRIO_MASK
    SwapConfig swap;
    fields.require("source");
    fields.read("source", swap.source);
    fields.read("priority", swap.priority, 0, highest);
    read_wait(fields, swap.wait);
    if (!parse_device_name(swap.source)) fields.fail("source", std::string(device_wanted));
    return swap;
}

template <typename T>
void read_list(Fields& fields, std::string_view key, std::vector<T>& list,
               T (*read_one)(Fields& fields)) {
    const json::value* value = fields.raw(key);
    if (value == nullptr) return;
    if (!value->is_array()) return fields.fail(key, "must be an array");
    if (value->get_array().size() > limits::volumes)
        return fields.fail(key, fmt::format("must have at most {} elements", limits::volumes));
    list.clear();
    for (const json::value& element : value->get_array()) {
        Fields members = fields.member(fmt::format("{}[{}]", key, list.size()), element);
        list.push_back(read_one(members));
        members.finish();
    }
}

} // namespace

std::optional<DeviceName> parse_device_name(std::string_view text) {
    for (const auto& [prefix, key] : device_prefixes)
        if (text.starts_with(prefix) && text.size() > prefix.size())
            return DeviceName{.key = key, .value = std::string(text.substr(prefix.size()))};
    if (!is_absolute_path(text)) return std::nullopt;
    return DeviceName{.key = DeviceKey::path, .value = std::string(text)};
}

bool is_tagged_type(std::string_view type) {
    return type == "virtiofs" || type == "9p";
}

void read_root(Fields& fields, RootConfig& root) {
    const json::value* value = fields.raw("root");
    if (value == nullptr) return;
    Fields members = fields.member("root", *value);
    members.read("source", root.source);
    read_type(members, root.type);
    read_options(members, "options", root.options);
    members.read("read_only", root.read_only);
    members.read("overlay", root.overlay);
    read_options(members, "overlay_options", root.overlay_options);
    read_wait(members, root.wait);
    // The command line says source and type one by one: the tag of a type that comes later is none
    // of a device yet.
    if (root.type == "tmpfs" || root.type == "bind")
        members.fail("type", "must be the file system of a device, virtiofs or 9p");
    else if (root.source.find('\0') != std::string::npos)
        members.fail("source", std::string(device_wanted));
    if (!root.overlay.empty() && root.overlay != "tmpfs" && !parse_device_name(root.overlay))
        members.fail("overlay", "must be tmpfs or a device: " + std::string(device_wanted));
    members.finish();
}

void read_volumes(Fields& fields, std::vector<VolumeConfig>& volumes) {
    read_list(fields, "volumes", volumes, &read_volume);
}

void read_swap(Fields& fields, std::vector<SwapConfig>& swap) {
    read_list(fields, "swap", swap, &read_one_swap);
}

} // namespace rouse::proto
