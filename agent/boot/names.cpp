#include "agent/boot/names.hpp"

#include "agent/sys/machine.hpp"
#include "agent/sys/proc.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace rouse::boot {

namespace {

constexpr mode_t for_all = 0644;
constexpr std::string_view blanks = " \t\r\n";

/// The first word of the file; empty without one. Source: hostname(5).
std::string hostname_from(const std::string& file) {
    const sys::Result<std::string> text = sys::read_file(file);
    if (!text) return "";
    return text->substr(0, text->find_first_of(blanks));
}

bool says_anything(const std::string& file) {
    const sys::Result<std::string> text = sys::read_file(file);
    return text && text->find_first_not_of(blanks) != std::string::npos;
}

Step write_file(const std::string& path, const std::string& text, const NamePlaces& places) {
    Step step{.name = path, .ok = true, .fatal = false, .message = {}};
    const sys::Result<sys::Replaced> replaced =
        sys::replace_file(path, text, for_all, {}, places.covers);
    if (!replaced) {
        step.ok = false;
        step.message = replaced.error().message();
    } else if (*replaced == sys::Replaced::covered) {
        step.message = "is read-only, and covered now";
    }
    return step;
}

/// What the kernel calls a machine without a name, and what everybody calls this one.
bool is_name(std::string_view hostname) {
    return !hostname.empty() && hostname != "(none)" && hostname != "localhost";
}

} // namespace

Report set_hostname(const std::string& hostname, const NamePlaces& places) {
    Report report;
    const std::string name = hostname.empty() ? hostname_from(places.etc + "/hostname") : hostname;
    if (!name.empty()) report.add("hostname", sys::set_hostname(name));
    return report;
}

std::string hosts_text(const std::vector<proto::HostsEntry>& entries, std::string_view hostname) {
    std::string text = "# Written by rouse.\n"
                       "127.0.0.1 localhost\n"
                       "::1 localhost ip6-localhost ip6-loopback\n"
                       "ff02::1 ip6-allnodes\n"
                       "ff02::2 ip6-allrouters\n";
    if (is_name(hostname)) {
        // Its first label alone is the name that programs use, too.
        const std::string_view label = hostname.substr(0, hostname.find('.'));
        text += fmt::format("127.0.1.1 {}", hostname);
        text += label == hostname ? "\n" : fmt::format(" {}\n", label);
    }
    for (const proto::HostsEntry& entry : entries)
        text += fmt::format("{} {}\n", proto::to_text(entry.address), fmt::join(entry.names, " "));
    return text;
}

Report write_hosts(const std::optional<std::vector<proto::HostsEntry>>& entries,
                   const NamePlaces& places) {
    Report report;
    const std::string path = places.etc + "/hosts";
    if (!entries && says_anything(path)) return report;
    Step step = write_file(
        path, hosts_text(entries.value_or(std::vector<proto::HostsEntry>()), sys::hostname()),
        places);
    // Nobody asked for it: an image that has none and cannot get one is as it was.
    if (!entries) step.ok = true;
    report.add(std::move(step));
    return report;
}

Report write_resolv_conf(const std::optional<proto::Dns>& dns, const NamePlaces& places) {
    Report report;
    if (dns) report.add(write_file(places.etc + "/resolv.conf", proto::resolv_conf(*dns), places));
    return report;
}

} // namespace rouse::boot
