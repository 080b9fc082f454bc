#include "proto/kernel_names.hpp"

#include <algorithm>
#include <array>

#include <sys/resource.h>

namespace rouse::proto {

namespace {

struct Resource {
    std::string_view name;
    int number;
};

constexpr std::array<Resource, 16> resources = {{
    {"as", RLIMIT_AS},
    {"core", RLIMIT_CORE},
    {"cpu", RLIMIT_CPU},
    {"data", RLIMIT_DATA},
    {"fsize", RLIMIT_FSIZE},
    {"locks", RLIMIT_LOCKS},
    {"memlock", RLIMIT_MEMLOCK},
    {"msgqueue", RLIMIT_MSGQUEUE},
    {"nice", RLIMIT_NICE},
    {"nofile", RLIMIT_NOFILE},
    {"nproc", RLIMIT_NPROC},
    {"rss", RLIMIT_RSS},
    {"rtprio", RLIMIT_RTPRIO},
    {"rttime", RLIMIT_RTTIME},
    {"sigpending", RLIMIT_SIGPENDING},
    {"stack", RLIMIT_STACK},
}};

/// By number. Source: linux/capability.h, which an older build machine may have an older one of.
constexpr std::array<std::string_view, 41> capability_names = {
    "CHOWN",
    "DAC_OVERRIDE",
    "DAC_READ_SEARCH",
    "FOWNER",
    "FSETID",
    "KILL",
    "SETGID",
    "SETUID",
    "SETPCAP",
    "LINUX_IMMUTABLE",
    "NET_BIND_SERVICE",
    "NET_BROADCAST",
    "NET_ADMIN",
    "NET_RAW",
    "IPC_LOCK",
    "IPC_OWNER",
    "SYS_MODULE",
    "SYS_RAWIO",
    "SYS_CHROOT",
    "SYS_PTRACE",
    "SYS_PACCT",
    "SYS_ADMIN",
    "SYS_BOOT",
    "SYS_NICE",
    "SYS_RESOURCE",
    "SYS_TIME",
    "SYS_TTY_CONFIG",
    "MKNOD",
    "LEASE",
    "AUDIT_WRITE",
    "AUDIT_CONTROL",
    "SETFCAP",
    "MAC_OVERRIDE",
    "MAC_ADMIN",
    "SYSLOG",
    "WAKE_ALARM",
    "BLOCK_SUSPEND",
    "AUDIT_READ",
    "PERFMON",
    "BPF",
    "CHECKPOINT_RESTORE",
};

} // namespace

std::vector<std::string_view> resource_names() {
    std::vector<std::string_view> names;
    for (const Resource& resource : resources)
        names.push_back(resource.name);
    return names;
}

std::optional<int> resource_number(std::string_view name) {
    for (const Resource& resource : resources)
        if (resource.name == name) return resource.number;
    return std::nullopt;
}

std::optional<unsigned> capability_number(std::string_view name) {
    const auto* const found = std::find(capability_names.begin(), capability_names.end(), name);
    if (found == capability_names.end()) return std::nullopt;
    return static_cast<unsigned>(found - capability_names.begin());
}

std::string capability_name(unsigned number) {
    return number < capability_names.size() ? std::string(capability_names.at(number))
                                            : std::to_string(number);
}

} // namespace rouse::proto
