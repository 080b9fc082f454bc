#include "tools/rousectl/session.hpp"

#include "tools/host/files.hpp"

#include <fmt/format.h>

#include <cstdlib>
#include <fstream>
#include <stdexcept>

namespace rouse::ctl {

namespace {

/// The first line of the file that --token-file or ROUSE_TOKEN_FILE names.
std::string token_of(const Common& common) {
    std::string file = common.token_file;
    const char* const environment = std::getenv("ROUSE_TOKEN_FILE");
    if (file.empty() && environment != nullptr) file = environment;
    if (file.empty()) return {};
    std::ifstream in(file);
    std::string token;
    std::getline(in, token);
    if (token.empty())
        throw std::runtime_error(fmt::format("'{}': cannot read a token from it", file));
    return token;
}

} // namespace

std::vector<host::Target> targets_of(const Common& common) {
    std::vector<std::string> names = common.hosts;
    const char* environment = std::getenv("ROUSE_HOST");
    if (names.empty() && environment != nullptr && *environment != '\0')
        names.emplace_back(environment);
    if (names.empty())
        throw std::runtime_error("which virtual machine? Give -H vsock:CID or -H unix:PATH, or set "
                                 "ROUSE_HOST");
    const std::string token = token_of(common);
    std::vector<host::Target> targets;
    for (const std::string& name : names) {
        targets.push_back(host::parse_target(name).value());
        targets.back().token = token;
    }
    return targets;
}

host::Target target_of(const Common& common) {
    std::vector<host::Target> targets = targets_of(common);
    if (targets.size() > 1) throw std::runtime_error("this command takes one -H");
    return std::move(targets.front());
}

void complain(std::string_view text) {
    (void)print(2, fmt::format("rousectl: {}\n", text)); // nowhere else to go
}

bool print(int fd, std::string_view bytes) {
    return host::write_all(fd, bytes);
}

} // namespace rouse::ctl
