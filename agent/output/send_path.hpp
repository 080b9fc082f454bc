#pragma once
// How the bytes of a large frame leave: spliced from the pipe, or read and sent. Before Linux 6.5
// a splice hands a socket one page at a time, which makes each page a packet of its own on vsock;
// read and send then makes a seventh of the packets (kernel: fs/splice.c,
// generic_splice_sendpage and splice_to_socket).

#include <string_view>

namespace rouse::output {

enum class SendPath {
    splice, ///< header, then splice: no copy to user space
    copy,   ///< header and bytes in one send
};

std::string_view name(SendPath path);

/// What suits a kernel, by its release as uname(2) says it, such as "6.1.0-28-cloud-amd64". A
/// release that cannot be read is taken for a new one.
SendPath suitable_send_path(std::string_view kernel_release);

} // namespace rouse::output
