#pragma once
// What a person says about a restored guest, and the document that it makes.

#include "proto/restore.hpp"

#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace rouse::ctl {

struct RestoreOptions {
    std::string generation = "new";
    std::string entropy = "auto";
    std::string now = "auto";
    std::string hostname;
    std::string machine_id = "none";
    std::vector<std::string> network; ///< --net, as written
    std::vector<std::string> dns;
    std::vector<std::string> dns_search;
    std::string signal;
    bool close_tcp = false;
    bool as_json = false;
};

/// Adds the options to the command; borrows `options`.
void add_restore_options(CLI::App& command, RestoreOptions& options);

/// Nanoseconds since 1970 UTC.
std::uint64_t wall_clock();

/// The document, with random bytes and the time of now where they are wanted. Throws
/// std::runtime_error with the option that is wrong.
proto::RestoreDocument to_document(const RestoreOptions& options);

} // namespace rouse::ctl
