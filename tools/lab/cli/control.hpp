// The words between later commands and the keeper of a machine: one JSON line each way over the
// Unix socket NAME/control.
#pragma once

#include "tools/lab/deadline.hpp"
#include "tools/lab/descriptor.hpp"

#include <boost/json/object.hpp>

#include <filesystem>

namespace rouse::lab::cli {

/// The keeper's listening socket. Errors: LabError.
[[nodiscard]] Descriptor listen_control(const std::filesystem::path& folder);

/// Connects to the keeper, sends `request` and returns its answer.
/// Errors: LabError with the keeper's "error", or when it does not answer by `deadline`.
boost::json::object ask_keeper(const std::filesystem::path& folder,
                               const boost::json::object& request, Deadline deadline);

/// Reads one JSON line. Errors: LabError when the peer closes or `deadline` comes first.
[[nodiscard]] boost::json::object read_json_line(int socket, Deadline deadline);

/// Writes one JSON line; false when the peer is gone.
[[nodiscard]] bool write_json_line(int socket, const boost::json::object& document);

} // namespace rouse::lab::cli
