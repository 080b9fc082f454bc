#include "tools/rousectl/session.hpp"

#include "tools/host/files.hpp"

#include <fmt/format.h>

#include <cstdlib>
#include <stdexcept>

namespace rouse::ctl {

std::vector<host::Target> targets_of(const Common& common) {
    std::vector<std::string> names = common.hosts;
    const char* environment = std::getenv("ROUSE_HOST");
    if (names.empty() && environment != nullptr && *environment != '\0')
        names.emplace_back(environment);
    if (names.empty())
        throw std::runtime_error("which virtual machine? Give -H vsock:CID or -H unix:PATH, or set "
                                 "ROUSE_HOST");
    std::vector<host::Target> targets;
    for (const std::string& name : names)
        targets.push_back(host::parse_target(name).value());
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
