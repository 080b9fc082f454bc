// How this machine can run a guest.
#pragma once

#include <string>
#include <string_view>

namespace rouse::lab {

enum class Rig {
    tcg, // emulated processor, vsock by the vhost-device-vsock daemon and a hybrid Unix socket
    kvm, // KVM and the kernel's vhost-vsock
};

/// "tcg" or "kvm".
[[nodiscard]] std::string_view rig_name(Rig rig);

/// The rig of this name. Errors: LabError.
[[nodiscard]] Rig parse_rig(std::string_view name);

/// A rig and the reason for it, for people.
struct RigChoice {
    Rig rig = Rig::tcg;
    std::string reason;
};

/// Picks the best rig that works here. KVM is proven by running a virtual processor, not by the
/// existence of its device node, since on some machines the node is there and guests hang.
/// Never opens an AF_VSOCK socket.
[[nodiscard]] RigChoice choose_rig();

} // namespace rouse::lab
