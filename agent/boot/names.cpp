#include "agent/boot/identity.hpp"

#include "agent/sys/machine.hpp"
#include "agent/sys/proc.hpp"

namespace rouse::boot {

namespace {

/// The first word of the file; empty without one. Source: hostname(5).
std::string hostname_from(const std::string& file) {
    const sys::Result<std::string> text = sys::read_file(file);
    if (!text) return "";
    return text->substr(0, text->find_first_of(" \t\r\n"));
}

} // namespace

Report set_up_identity(const std::string& hostname, const std::string& hostname_file) {
    Report report;
    report.add("interface lo", sys::bring_up("lo"));
    const std::string name = hostname.empty() ? hostname_from(hostname_file) : hostname;
    if (!name.empty()) report.add("hostname", sys::set_hostname(name));
    return report;
}

} // namespace rouse::boot
