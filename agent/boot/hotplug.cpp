#include "agent/boot/hotplug.hpp"

#include "agent/sys/directory.hpp"
#include "agent/sys/proc.hpp"
#include "proto/limits.hpp"

#include <algorithm>

namespace rouse::boot {

namespace {

/// "cpu1" of "cpu", but neither "cpufreq" nor "cpu".
bool is_device(std::string_view name, std::string_view kind) {
    if (!name.starts_with(kind) || name.size() == kind.size()) return false;
    name.remove_prefix(kind.size());
    return name.find_first_not_of("0123456789") == std::string_view::npos;
}

bool says(const std::string& file, std::string_view word) {
    const sys::Result<std::string> text = sys::read_file(file);
    return text && text->substr(0, text->find('\n')) == word;
}

/// Writes `word` where the file says `before`. The kernel may be doing the same by itself, and then
/// refuses: what is as it should be by then is nothing that was done.
void switch_on(Report& report, const std::string& name, const std::string& file,
               std::string_view before, const std::string& word) {
    if (!says(file, before)) return;
    const sys::Result<> written = sys::write_file(file, word);
    if (written || says(file, before)) report.add(name, written);
}

/// The first CPU has no such file where it cannot be taken away.
void bring_cpu_online(Report& report, const std::string& name, const std::string& devices) {
    const std::string file = devices + "/cpu/" + name + "/online";
    if (is_device(name, "cpu")) switch_on(report, name, file, "0", "1");
}

const char* memory_word(const proto::HotplugConfig& hotplug) {
    return hotplug.movable ? "online_movable" : "online";
}

void bring_memory_online(Report& report, const std::string& name,
                         const proto::HotplugConfig& hotplug, const std::string& devices) {
    const std::string file = devices + "/memory/" + name + "/state";
    if (is_device(name, "memory")) switch_on(report, name, file, "offline", memory_word(hotplug));
}

/// What a directory that is not there holds is nothing: such a kernel has no hotplug.
std::vector<std::string> devices_in(const std::string& directory) {
    const sys::Result<std::vector<std::string>> names = sys::list_directory(directory);
    return names ? *names : std::vector<std::string>();
}

} // namespace

Report bring_online(const proto::HotplugConfig& hotplug, const std::string& devices) {
    Report report;
    if (hotplug.cpus)
        for (const std::string& name : devices_in(devices + "/cpu"))
            bring_cpu_online(report, name, devices);
    if (!hotplug.memory) return report;
    // A kernel that refuses is no worse off: each block is announced, and brought online by us.
    (void)sys::write_file(devices + "/memory/auto_online_blocks", memory_word(hotplug));
    for (const std::string& name : devices_in(devices + "/memory"))
        bring_memory_online(report, name, hotplug, devices);
    return report;
}

Report bring_online(const sys::Uevent& event, const proto::HotplugConfig& hotplug,
                    const std::string& devices) {
    Report report;
    if (!brings_cpu_or_memory(event)) return report;
    const std::string name = event.path.substr(event.path.rfind('/') + 1);
    const std::string_view kind = event.value("SUBSYSTEM");
    if (kind == "cpu" && hotplug.cpus) bring_cpu_online(report, name, devices);
    if (kind == "memory" && hotplug.memory) bring_memory_online(report, name, hotplug, devices);
    return report;
}

bool brings_cpu_or_memory(const sys::Uevent& event) {
    const std::string_view kind = event.value("SUBSYSTEM");
    return event.action == "add" && (kind == "cpu" || kind == "memory");
}

} // namespace rouse::boot
