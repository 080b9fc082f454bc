#include "agent/boot/sysctls.hpp"

#include "agent/sys/proc.hpp"
#include "proto/guest_config.hpp"
#include "proto/text.hpp"

namespace rouse::boot {

std::string interface_of_sysctl(std::string_view name) {
    const std::string path = proto::sysctl_path(name);
    std::string_view rest = path;
    const std::string_view net = proto::split_off(rest, '/');
    const std::string_view family = proto::split_off(rest, '/');
    const std::string_view table = proto::split_off(rest, '/');
    const std::string_view interface = proto::split_off(rest, '/');
    if (net != "net" || (family != "ipv4" && family != "ipv6") ||
        (table != "conf" && table != "neigh") || rest.empty())
        return {};
    if (interface == "all" || interface == "default") return {};
    return std::string(interface);
}

Report set_sysctls(const std::map<std::string, std::string>& sysctls, const std::string& interface,
                   const std::string& root) {
    Report report;
    for (const auto& [name, value] : sysctls) {
        if (interface_of_sysctl(name) != interface) continue;
        const std::string path = root + "/" + proto::sysctl_path(name);
        report.add("sysctl " + name, sys::write_file(path, value + "\n"));
    }
    return report;
}

} // namespace rouse::boot
