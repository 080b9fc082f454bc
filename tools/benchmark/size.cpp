#include "initramfs/file.hpp"
#include "tools/benchmark/benches.hpp"
#include "tools/lab/machine.hpp"
#include "tools/lab/places.hpp"

#include <fmt/format.h>

#include <charconv>
#include <stdexcept>

namespace rouse::bench {
namespace {

constexpr auto read_limit = std::chrono::seconds(20);

/// What the kernel of the guest says about PID 1.
std::string read_status(lab::Machine& machine) {
    const auto file = machine.files().directory / "status";
    lab::Process reader =
        lab::Process::start({.argv = {lab::build_product("tools/rousectl"), "-H", machine.target(),
                                      "exec", "--", "cat", "/proc/1/status"},
                             .log = file});
    const auto ended = reader.wait(lab::Deadline(read_limit));
    const std::string text = initramfs::read_file(file);
    if (!ended || ended->shell_code() != 0)
        throw std::runtime_error(fmt::format("cannot read /proc/1/status of the guest: {}", text));
    return text;
}

/// A number of KiB in /proc/PID/status, as MiB. Source: proc_pid_status(5).
double mebibytes(const std::string& status, const std::string& field) {
    const auto at = status.find("\n" + field + ":");
    const auto digits = status.find_first_of("0123456789", at);
    double kibibytes = 0;
    if (at == std::string::npos || digits == std::string::npos)
        throw std::runtime_error(fmt::format("no {} in /proc/1/status:\n{}", field, status));
    std::from_chars(status.data() + digits, status.data() + status.size(), kibibytes);
    return kibibytes / 1024.0;
}

} // namespace

Report size(const Settings& settings) {
    const auto binary = lab::build_product("agent/rouse");
    lab::MachineOptions options;
    options.kernel = settings.kernel;
    options.config = "{}"; // no workload
    lab::Machine machine = lab::Machine::boot(options);
    const std::string status = read_status(machine);
    const std::string how = fmt::format("/proc/1/status in the VM, kernel {}", settings.kernel);
    const auto row = [](std::string what, double mebibytes, double reach, std::string detail) {
        return Row{.bench = "size",
                   .what = std::move(what),
                   .value = mebibytes,
                   .unit = "MiB",
                   .reach = reach,
                   .compared = "a fixed limit",
                   .detail = std::move(detail)};
    };
    const auto binary_bytes = static_cast<double>(std::filesystem::file_size(binary));
    return {
        .rows = {row("static binary, stripped", binary_bytes / mebibyte, 3, "build/agent/rouse"),
                 row("idle anonymous memory", mebibytes(status, "RssAnon"), 1, how),
                 row("idle resident memory", mebibytes(status, "VmRSS"), 4, how)},
        .panels = {}};
}

} // namespace rouse::bench
