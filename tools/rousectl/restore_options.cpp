#include "tools/rousectl/restore_options.hpp"

#include "proto/text.hpp"
#include "tools/host/interface_words.hpp"
#include "tools/host/signal_names.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

#include <sys/random.h>

namespace rouse::ctl {
namespace {

std::string random_bytes(std::size_t count) {
    std::string bytes(count, '\0');
    if (::getrandom(bytes.data(), count, 0) != static_cast<ssize_t>(count))
        throw std::runtime_error("the kernel gives no random bytes");
    return bytes;
}

template <typename T>
T option_value(std::string_view option, const host::Outcome<T>& value) {
    if (!value) throw std::runtime_error(fmt::format("{}: {}", option, value.error().message));
    return *value;
}

/// A UUID without its hyphens, as systemd makes machine ids.
std::string new_machine_id() {
    std::string id = proto::make_uuid(random_bytes(16));
    std::erase(id, '-');
    return id;
}

void set_generation(proto::RestoreDocument& document, const std::string& generation) {
    if (generation == "new")
        document.generation = proto::make_uuid(random_bytes(16));
    else if (proto::is_uuid(generation))
        document.generation = generation;
    else if (generation != "same")
        throw std::runtime_error("--generation takes a UUID, 'new' or 'same'");
}

void set_machine_id(proto::RestoreDocument& document, const std::string& id) {
    if (id == "auto")
        document.machine_id = new_machine_id();
    else if (proto::is_machine_id(id))
        document.machine_id = id;
    else if (id != "none")
        throw std::runtime_error(
            "--machine-id takes 32 lower-case hexadecimal digits, 'auto' or 'none'");
}

void set_dns(proto::RestoreDocument& document, const RestoreOptions& options) {
    if (options.dns.empty() && options.dns_search.empty()) return;
    document.dns.emplace().search = options.dns_search;
    for (const std::string& server : options.dns) {
        const auto address = proto::parse_ip(server);
        if (!address) throw std::runtime_error(fmt::format("--dns: '{}' is no address", server));
        document.dns->servers.push_back(*address);
    }
}

/// What the guest would refuse is refused here, in its words.
void check(const proto::RestoreDocument& document) {
    const auto parsed = proto::parse_restore_document(boost::json::serialize(to_json(document)));
    if (!parsed) throw std::runtime_error(parsed.error().message());
}

} // namespace

void add_restore_options(CLI::App& command, RestoreOptions& options) {
    command
        .add_option("--generation", options.generation,
                    "UUID of the new incarnation; new: make one; same: keep the old")
        ->type_name("UUID|new|same")
        ->capture_default_str();
    command.add_option("--entropy", options.entropy, "Seed for the guest's random generator")
        ->check(CLI::IsMember({"auto", "none"}))
        ->capture_default_str();
    command.add_option("--now", options.now, "Set the guest's wall clock to ours")
        ->check(CLI::IsMember({"auto", "none"}))
        ->capture_default_str();
    command.add_option("--hostname", options.hostname, "Its new name")->type_name("NAME");
    command
        .add_option("--machine-id", options.machine_id,
                    "Its new /etc/machine-id; auto: make one; none: keep the old")
        ->type_name("HEX|auto|none")
        ->capture_default_str();
    command
        .add_option("--net", options.network,
                    "An interface: addresses, then mac=, mtu=, via= (default gateway), "
                    "route=NETWORK@GATEWAY, separated by commas. Without addresses, or without "
                    "routes, those of before stay")
        ->type_name("eth0=10.0.0.6/24,via=10.0.0.1")
        ->allow_extra_args(false);
    command.add_option("--dns", options.dns, "Address of a name server")
        ->type_name("IP")
        ->allow_extra_args(false);
    command.add_option("--dns-search", options.dns_search, "Domain of the search list")
        ->type_name("DOMAIN")
        ->allow_extra_args(false);
    command.add_flag("--close-tcp", options.close_tcp,
                     "End the TCP connections from before, but for those over the loopback");
    command
        .add_option("--signal", options.signal,
                    "Send it to the processes of the workload that handle it, at the end")
        ->type_name("SIGNAL");
    command.add_flag("--json", options.as_json, "The report as the guest sent it");
}

std::uint64_t wall_clock() {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::nanoseconds>(now).count());
}

proto::RestoreDocument to_document(const RestoreOptions& options) {
    proto::RestoreDocument document;
    set_generation(document, options.generation);
    if (options.entropy == "auto") document.entropy = random_bytes(32);
    if (options.now == "auto") document.now_ns = wall_clock();
    if (!options.hostname.empty()) document.hostname = options.hostname;
    set_machine_id(document, options.machine_id);
    for (const std::string& words : options.network)
        document.network.push_back(option_value("--net", host::parse_interface(words)));
    set_dns(document, options);
    document.close_tcp = options.close_tcp;
    if (!options.signal.empty())
        document.signal = static_cast<std::uint64_t>(
            option_value("--signal", host::parse_signal(options.signal)));
    check(document);
    return document;
}

} // namespace rouse::ctl
