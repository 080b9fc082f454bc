// What the VMM is told in the words of systemd.

#include "agent/agent.hpp"
#include "agent/sys/proc.hpp"

#include <fmt/format.h>

#include <utility>

namespace rouse {

namespace {

/// Where a credential of the machine says it: systemd.system-credentials(7).
constexpr const char* notify_credential = "/run/credentials/@system/vmm.notify_socket";

std::string first_line(const std::string& text) {
    return text.substr(0, text.find_first_of("\r\n"));
}

} // namespace

void Agent::open_vmm_notifier() {
    std::string where = options_.config.supervision.notify_socket;
    std::string source = "notify_socket";
    if (where.empty() && options_.is_vm) {
        if (const sys::Result<std::string> text = sys::read_file(notify_credential))
            where = first_line(*text);
        source = notify_credential;
    }
    if (where.empty()) return;
    proto::Parsed<proto::NotifyAddress> address = proto::parse_notify_address(where);
    if (!address)
        return log_.warn(fmt::format("{}: \"{}\" {}", source, where, address.error().why));
    vmm_.open(std::move(*address));
    tell_vmm_generation(fmt::format("X_ROUSE_VERSION={}\nX_ROUSE_BOOT_ID={}", ROUSE_VERSION,
                                    restore_.identity().boot_id));
}

/// With who this machine is now: a host that restores it knows the answer by the generation.
void Agent::tell_vmm_generation(std::string words) {
    const restore::Identity& identity = restore_.identity();
    if (!words.empty()) words += '\n';
    words +=
        fmt::format("X_ROUSE_GENERATION={}\nX_ROUSE_EPOCH={}", identity.generation, identity.epoch);
    vmm_.say(std::move(words));
}

} // namespace rouse
