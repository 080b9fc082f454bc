#pragma once
// How the vsock devices of VMMs behave around a restore, as far as a guest can tell. Where each
// line comes from is written in README.md beside this file.

#include <array>
#include <cstdint>
#include <string_view>

namespace rouse::uml {

struct Profile {
    /// How the guest hears that its connections are gone.
    enum class Notice {
        reset,       ///< TRANSPORT_RESET, at once
        gated_reset, ///< the same, and nothing reaches the guest until it has handled it
        late_reset,  ///< the same, after the guest has already accepted a new connection
        rst,         ///< RST for each connection
        silence,     ///< not at all: RST answers the first packet of an old connection
    };

    std::string_view name;
    Notice notice = Notice::reset;
    std::uint32_t buffer = 0;   ///< bytes of credit for each connection of the guest
    bool ports_restart = false; ///< the host's ports begin again where they began at boot
};

/// Where Firecracker and Cloud Hypervisor begin to number the host's ports.
inline constexpr std::uint32_t first_host_port = std::uint32_t{1} << 30U;

inline constexpr Profile firecracker{.name = "firecracker",
                                     .notice = Profile::Notice::gated_reset,
                                     .buffer = 64 * 1024,
                                     .ports_restart = false};
inline constexpr Profile firecracker_older{.name = "firecracker-older",
                                           .notice = Profile::Notice::late_reset,
                                           .buffer = 64 * 1024,
                                           .ports_restart = true};
inline constexpr Profile qemu{
    .name = "qemu", .notice = Profile::Notice::reset, .buffer = 256 * 1024, .ports_restart = false};
inline constexpr Profile cloud_hypervisor{.name = "cloud-hypervisor",
                                          .notice = Profile::Notice::rst,
                                          .buffer = 64 * 1024,
                                          .ports_restart = true};
inline constexpr Profile cloud_hypervisor_older{.name = "cloud-hypervisor-older",
                                                .notice = Profile::Notice::silence,
                                                .buffer = 64 * 1024,
                                                .ports_restart = true};

inline constexpr std::array profiles{firecracker, firecracker_older, qemu, cloud_hypervisor,
                                     cloud_hypervisor_older};

} // namespace rouse::uml
