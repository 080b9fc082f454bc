#include "agent/boot/find_device.hpp"

#include "agent/sys/uevents.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <optional>

#include <sys/stat.h>

namespace rouse::boot {

namespace {

using Clock = std::chrono::steady_clock;

char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool equal_without_case(std::string_view a, std::string_view b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [](char x, char y) { return lower(x) == lower(y); });
}

std::string_view prefix_of(proto::DeviceKey key) {
    switch (key) {
    case proto::DeviceKey::path:
        return "";
    case proto::DeviceKey::label:
        return "LABEL=";
    case proto::DeviceKey::uuid:
        return "UUID=";
    case proto::DeviceKey::part_uuid:
        return "PARTUUID=";
    case proto::DeviceKey::serial:
        return "SERIAL=";
    }
    return "";
}

bool exists(const std::string& path) {
    struct stat status {};
    return ::stat(path.c_str(), &status) == 0;
}

/// "vda (ext4, label root, uuid 1234)", for the person who looks for another one.
std::string described(const sys::BlockDevice& device, const sys::DeviceContent& content) {
    std::vector<std::string> facts;
    facts.push_back(content.type.empty() ? "no file system" : content.type);
    if (!content.label.empty()) facts.push_back("label " + content.label);
    if (!content.uuid.empty()) facts.push_back("uuid " + content.uuid);
    if (!content.part_uuid.empty()) facts.push_back("partuuid " + content.part_uuid);
    if (!device.serial.empty()) facts.push_back("serial " + device.serial);
    return fmt::format("{} ({})", device.name, fmt::join(facts, ", "));
}

/// One look at everything that is there.
class Look {
public:
    Look(const proto::DeviceName& name, const DevicePlaces& places) {
        if (name.key == proto::DeviceKey::path) {
            if (exists(name.value)) path_ = name.value;
            return;
        }
        const auto devices = sys::block_devices(places.classes, places.devices);
        if (!devices) return;
        for (const sys::BlockDevice& device : *devices)
            if (device.sectors != 0 && path_.empty()) consider(name, device);
    }

    [[nodiscard]] const std::string& path() const { return path_; }

private:
    void consider(const proto::DeviceName& name, const sys::BlockDevice& device) {
        // One that cannot be read may still have the serial that is asked for.
        const sys::Result<sys::DeviceContent> content = name.key == proto::DeviceKey::serial
                                                            ? sys::DeviceContent()
                                                            : sys::device_content(device.path);
        if (is_meant(name, device, content ? *content : sys::DeviceContent())) path_ = device.path;
    }

    std::string path_;
};

std::string what_is_there(const DevicePlaces& places) {
    const auto devices = sys::block_devices(places.classes, places.devices);
    std::vector<std::string> there;
    if (devices)
        for (const sys::BlockDevice& device : *devices) {
            if (device.sectors == 0) continue;
            const auto content = sys::device_content(device.path);
            there.push_back(content
                                ? described(device, *content)
                                : fmt::format("{} ({})", device.name, content.error().message()));
        }
    if (there.empty()) return "there is no block device at all; its driver may be missing";
    return fmt::format("there is {}", fmt::join(there, ", "));
}

/// Waits until a block device has come or changed; false when none does before the deadline.
bool wait_for_news(sys::UeventSocket& events, Clock::time_point deadline) {
    for (;;) {
        const auto event = events.next(deadline);
        if (!event) return event.error() == sys::error_from(ENOBUFS); // some were lost: look
        if (!event->has_value()) return false;
        if ((*event)->value("SUBSYSTEM") == "block" && (*event)->action != "remove") return true;
    }
}

bool may_appear(const proto::DeviceName& name, const DevicePlaces& places) {
    return name.key != proto::DeviceKey::path || name.value.starts_with(places.devices + "/");
}

} // namespace

bool is_meant(const proto::DeviceName& name, const sys::BlockDevice& device,
              const sys::DeviceContent& content) {
    if (name.value.empty()) return false; // or it would mean every device that says nothing
    switch (name.key) {
    case proto::DeviceKey::path:
        return device.path == name.value;
    case proto::DeviceKey::label:
        return content.label == name.value;
    case proto::DeviceKey::uuid:
        return equal_without_case(content.uuid, name.value);
    case proto::DeviceKey::part_uuid:
        return equal_without_case(content.part_uuid, name.value);
    case proto::DeviceKey::serial:
        return device.serial == name.value;
    }
    return false;
}

DeviceSearch find_device(const proto::DeviceName& name, std::chrono::milliseconds wait,
                         const DevicePlaces& places) {
    const std::string text = fmt::format("{}{}", prefix_of(name.key), name.value);
    if (!may_appear(name, places)) {
        if (exists(name.value)) return {.path = name.value, .why = ""};
        return {.path = "", .why = text + " is not there"};
    }
    // Opened before the first look, so that what comes in between is heard.
    auto events = sys::UeventSocket::open();
    const Clock::time_point deadline = Clock::now() + wait;
    for (;;) {
        const Look look(name, places);
        if (!look.path().empty()) return {.path = look.path(), .why = ""};
        if (!events)
            return {.path = "",
                    .why = fmt::format("{} is not there, and nothing tells of devices that come "
                                       "later: {}; {}",
                                       text, events.error().message(), what_is_there(places))};
        if (!wait_for_news(*events, deadline))
            return {.path = "",
                    .why = fmt::format("{} has not appeared within {} ms; {}", text, wait.count(),
                                       what_is_there(places))};
    }
}

} // namespace rouse::boot
