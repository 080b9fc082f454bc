#include "agent/restore/repair_steps.hpp"

#include "agent/sys/machine.hpp"
#include "agent/sys/network.hpp"
#include "agent/sys/replace_file.hpp"
#include "agent/sys/tcp_destroy.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <sys/stat.h>

namespace rouse::restore {

namespace {

constexpr mode_t for_all = 0644;
constexpr mode_t only_to_read = 0444;

StepOutcome failure(std::string_view what, const sys::error_code& error) {
    return {.ok = false, .detail = fmt::format("{}: {}", what, error.message())};
}

StepOutcome replace(const std::string& path, const std::string& contents, mode_t mode,
                    const RepairPlaces& places, const std::stop_token& stop) {
    const sys::Result<sys::Replaced> replaced =
        sys::replace_file(path, contents, mode, stop, places.covers);
    if (!replaced) return failure(path, replaced.error());
    if (*replaced == sys::Replaced::covered)
        return {.detail = fmt::format("{} is read-only, and covered now", path)};
    return {};
}

bool is_plain_file(const std::string& path) {
    struct stat status {};
    return ::lstat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode);
}

} // namespace

StepOutcome set_hostname(const std::string& name, const RepairPlaces& places,
                         const std::stop_token& stop) {
    const sys::Result<> set = sys::set_hostname(name);
    if (!set) return failure("sethostname", set.error());
    // Programs ask the kernel; the file is for the next boot, which a read-only system reads from
    // elsewhere.
    const std::string path = places.etc + "/hostname";
    const sys::Result<sys::Replaced> replaced =
        sys::replace_file(path, name + "\n", for_all, stop, "");
    if (replaced) return {};
    return {.detail = fmt::format("{} stays: {}", path, replaced.error().message())};
}

StepOutcome set_machine_id(const std::string& id, const RepairPlaces& places,
                           const std::stop_token& stop) {
    StepOutcome outcome =
        replace(places.etc + "/machine-id", id + "\n", only_to_read, places, stop);
    if (!outcome.ok || !is_plain_file(places.dbus_machine_id)) return outcome;
    // Both are called machine-id: what covers this one needs a place of its own.
    RepairPlaces beside = places;
    beside.covers += "/dbus";
    StepOutcome dbus = replace(places.dbus_machine_id, id + "\n", for_all, beside, stop);
    return dbus.ok ? std::move(outcome) : std::move(dbus);
}

StepOutcome set_network(const std::vector<proto::NetworkInterface>& network,
                        const std::stop_token& stop) {
    std::vector<std::string> problems;
    std::vector<std::string> notes;
    for (const proto::NetworkInterface& interface : network) {
        const sys::NetworkOutcome done = sys::configure(interface, stop);
        problems.insert(problems.end(), done.problems.begin(), done.problems.end());
        notes.insert(notes.end(), done.notes.begin(), done.notes.end());
    }
    const bool ok = problems.empty();
    problems.insert(problems.end(), notes.begin(), notes.end());
    return {.ok = ok, .detail = fmt::format("{}", fmt::join(problems, "; "))};
}

StepOutcome set_dns(const proto::Dns& dns, const RepairPlaces& places,
                    const std::stop_token& stop) {
    return replace(places.etc + "/resolv.conf", proto::resolv_conf(dns), for_all, places, stop);
}

StepOutcome close_tcp(const std::stop_token& stop) {
    const sys::Result<sys::TcpDestroyed> destroyed = sys::destroy_tcp(stop);
    if (!destroyed) return failure("sock_diag", destroyed.error());
    return {.detail = fmt::format("{} connections ended, {} over the loopback left alone",
                                  destroyed->ended, destroyed->kept)};
}

} // namespace rouse::restore
