#include "tools/lab/rig.hpp"

#include "tools/lab/descriptor.hpp"
#include "tools/lab/error.hpp"
#include "tools/lab/kvm_probe.hpp"

#include <fmt/format.h>

#include <cerrno>

#include <fcntl.h>

namespace rouse::lab {

std::string_view rig_name(Rig rig) {
    return rig == Rig::kvm ? "kvm" : "tcg";
}

Rig parse_rig(std::string_view name) {
    if (name == "kvm") return Rig::kvm;
    if (name == "tcg") return Rig::tcg;
    throw LabError(fmt::format("unknown rig '{}': tcg or kvm", name));
}

RigChoice choose_rig() {
    const Descriptor vhost(open("/dev/vhost-vsock", O_RDWR | O_CLOEXEC));
    if (!vhost.is_open()) return {Rig::tcg, fmt::format("/dev/vhost-vsock: {}", errno_text(errno))};
    const std::string problem = kvm_problem();
    if (!problem.empty()) return {Rig::tcg, fmt::format("no usable KVM: {}", problem)};
    return {Rig::kvm, "KVM and vhost-vsock work"};
}

} // namespace rouse::lab
