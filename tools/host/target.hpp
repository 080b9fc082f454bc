#pragma once
// Names of virtual machines as a person writes them: `vsock:CID[:PORT]`, `unix:PATH`.

#include "tools/host/async.hpp"

#include <cstdint>
#include <string_view>

namespace rouse::host {

struct Target {
    enum class Kind { vsock, unix_socket };

    Kind kind = Kind::unix_socket;
    std::uint32_t cid = 0;          ///< vsock only
    std::uint32_t exec_port = 1001; ///< of the guest
    std::string path;               ///< unix only
    std::string token = {};         ///< that the guest's agent wants to see; empty: none

    /// As it was written.
    [[nodiscard]] std::string text() const;
    /// Fit to name a directory: "vsock-3", "vm.sock".
    [[nodiscard]] std::string short_name() const;

    friend bool operator==(const Target&, const Target&) = default;
};

/// Fails on anything of another form, with the forms in the message.
Outcome<Target> parse_target(std::string_view text);

} // namespace rouse::host
