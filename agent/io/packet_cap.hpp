#pragma once
// How much is handed to a socket at a time. On vsock one send becomes one packet, and older VMMs
// wedge a connection for good on a packet above 32 KiB (Cloud Hypervisor before 51, #7672); one of
// 28 KiB is always safe.

#include "agent/io/async.hpp"
#include "agent/sys/defence.hpp"
#include "proto/limits.hpp"

#include <cstddef>
#include <limits>

namespace rouse::io {

inline std::size_t packet_cap() {
    return sys::is_off(sys::Defence::frame_cap) ? std::numeric_limits<std::size_t>::max()
                                                : proto::limits::data_frame;
}

/// Completion condition of async_write: all of it, in pieces of at most one safe packet.
struct AllInPackets {
    std::size_t operator()(const error_code& error, std::size_t) const {
        return error ? 0 : packet_cap();
    }
};

} // namespace rouse::io
