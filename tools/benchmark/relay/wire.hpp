#pragma once
// Blocking sockets with deadlines, as the benchmark's receiver needs them. All throw
// std::runtime_error that says what did not happen.

#include "tools/lab/deadline.hpp"
#include "tools/lab/descriptor.hpp"

#include <filesystem>
#include <string>
#include <string_view>

namespace rouse::bench {

/// A Unix socket that listens. Its path has to be short enough for one.
[[nodiscard]] lab::Descriptor listen_at(const std::filesystem::path& path);

/// The next connection.
[[nodiscard]] lab::Descriptor accept(const lab::Descriptor& listener, lab::Deadline deadline);

/// Waits until something can be read, at most until `until`; false when that comes first.
[[nodiscard]] bool wait_readable(int socket, lab::Deadline until);

/// Reads what is there, at least a byte; waits for it.
[[nodiscard]] std::string_view receive(int socket, std::string& buffer, lab::Deadline deadline);

void send_all(int socket, std::string_view bytes);

/// Up to the next line feed, which is left out; byte by byte, since what follows is another's.
[[nodiscard]] std::string read_line(int socket, lab::Deadline deadline);

} // namespace rouse::bench
