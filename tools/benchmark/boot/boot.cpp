// `tools/bench boot`: from power-on to READY, beside other inits, and where that time goes.
#include "initramfs/command.hpp"
#include "initramfs/file.hpp"
#include "tools/benchmark/benches.hpp"
#include "tools/benchmark/boot/split.hpp"
#include "tools/benchmark/question.hpp"
#include "tools/lab/directory.hpp"
#include "tools/lab/machine.hpp"
#include "tools/lab/places.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include <charconv>
#include <stdexcept>

namespace rouse::bench {
namespace {

constexpr double boot_reach = 1.1; // times the bare init
constexpr const char* boot_program = "/bin/rouse-bench-peer";
constexpr std::chrono::seconds first_output_limit{20};

// What the agent does for an image without a configuration, in busybox's words.
constexpr std::string_view inittab = "::sysinit:/bin/sh /etc/rc\n";
constexpr std::string_view rc = R"(mount -t proc -o nosuid,nodev,noexec proc /proc
mount -t sysfs -o nosuid,nodev,noexec sysfs /sys
mount -t devtmpfs devtmpfs /dev
mkdir -p /dev/pts /dev/shm /dev/mqueue /sys/fs/cgroup
mount -t devpts -o gid=5,mode=620,ptmxmode=666 devpts /dev/pts
mount -t tmpfs -o mode=1777 tmpfs /dev/shm
mount -t mqueue mqueue /dev/mqueue
mount -t tmpfs -o mode=755 tmpfs /run
mount -t tmpfs -o mode=1777 tmpfs /tmp
mount -t cgroup2 cgroup2 /sys/fs/cgroup
while read -r module; do insmod "$module"; done </etc/rouse/modules
hostname rouse
ip link set lo up
echo "rouse: READY"
)";

lab::MachineOptions machine_of(const Settings& settings) {
    lab::MachineOptions options;
    options.kernel = settings.kernel;
    options.ready = lab::Ready::console;
    return options;
}

double time_boot(const lab::MachineOptions& options) {
    return static_cast<double>(lab::Machine::boot(options).ready_after().count());
}

lab::MachineOptions busybox_machine(const Settings& settings, const std::filesystem::path& folder) {
    initramfs::write_file(folder / "inittab", inittab);
    initramfs::write_file(folder / "rc", rc);
    lab::MachineOptions options = machine_of(settings);
    options.agent = "/usr/bin/busybox"; // as /init it is the applet of that name
    options.files = {{.source = folder / "inittab", .destination = "etc/inittab", .mode = 0644},
                     {.source = folder / "rc", .destination = "etc/rc", .mode = 0644}};
    return options;
}

lab::MachineOptions workload_machine(const Settings& settings) {
    lab::MachineOptions options = machine_of(settings);
    options.config = fmt::format(R"({{"workload":{{"argv":["{}","boot-time"]}},"on_exit":"stay"}})",
                                 boot_program);
    options.files = {{.source = lab::build_product("tools/rouse-bench-peer"),
                      .destination = std::filesystem::path(boot_program).relative_path().string(),
                      .mode = 0755}};
    return options;
}

/// When the workload of rouse-bench-peer wrote its first output, which says just that.
double first_output(const std::string& target) {
    const lab::Deadline deadline(first_output_limit);
    for (;;) {
        const std::string said = initramfs::command_output(
            {lab::build_product("tools/rousectl").string(), "-H", target, "logs"});
        double microseconds = 0;
        const char* const end = said.data() + said.size();
        if (std::from_chars(said.data(), end, microseconds).ec == std::errc()) return microseconds;
        if (deadline.expired())
            throw std::runtime_error(fmt::format("the workload's output is '{}'", said));
        lab::wait_to_retry(deadline);
    }
}

/// One boot with a workload.
struct WorkloadBoot {
    boost::json::object document;
    BootSplit split;
};

WorkloadBoot boot_workload(const lab::MachineOptions& options) {
    const lab::Machine machine = lab::Machine::boot(options);
    const double first_output_us = first_output(machine.target());
    const auto answer = question(
        machine.target(), {.method = "GET", .path = "/v1/debug/boot", .body = {}, .upgrade = {}});
    WorkloadBoot boot{.document = boost::json::parse(answer.body).as_object(), .split = {}};
    boot.split = split_of(boot.document, first_output_us,
                          static_cast<double>(machine.ready_after().count()));
    return boot;
}

/// The times of all that is booted, in milliseconds.
struct Times {
    std::vector<double> agent;
    std::vector<double> busybox;
    std::vector<double> bare;
    std::vector<WorkloadBoot> workload;
};

Times time_all(const Settings& settings) {
    const lab::Directory folder = lab::Directory::temporary("bench");
    lab::MachineOptions agent = machine_of(settings);
    agent.config = "{}"; // no workload: ready is when the agent serves
    lab::MachineOptions bare = machine_of(settings);
    bare.agent = lab::build_product("tools/bare-init");
    const lab::MachineOptions busybox = busybox_machine(settings, folder.path());
    const lab::MachineOptions workload = workload_machine(settings);
    Times times;
    // In turns: what else the machine does meets all of them.
    for (unsigned run = 0; run < settings.runs; ++run) {
        times.agent.push_back(time_boot(agent));
        times.busybox.push_back(time_boot(busybox));
        times.bare.push_back(time_boot(bare));
        times.workload.push_back(boot_workload(workload));
    }
    return times;
}

double median_part(const std::vector<WorkloadBoot>& boots, double BootSplit::*part) {
    std::vector<double> values;
    for (const WorkloadBoot& boot : boots)
        values.push_back(boot.split.*part);
    return median(std::move(values));
}

Panel split_panel(const std::vector<WorkloadBoot>& boots) {
    return {
        .title = "from power-on to the workload's first output, with the agent",
        .unit = "ms",
        .better = "lower",
        .bars = {{.label = "QEMU and firmware", .value = median_part(boots, &BootSplit::machine)},
                 {.label = "kernel", .value = median_part(boots, &BootSplit::kernel)},
                 {.label = "agent, boot steps", .value = median_part(boots, &BootSplit::steps)},
                 {.label = "agent, to READY", .value = median_part(boots, &BootSplit::agent)},
                 {.label = "workload", .value = median_part(boots, &BootSplit::workload)}}};
}

void draw_boot(const WorkloadBoot& boot, const std::string& kernel) {
    const auto file = lab::build_product("bench") / "boot-timeline.svg";
    std::filesystem::create_directories(file.parent_path());
    initramfs::write_file(file,
                          timeline(fmt::format("rouse: one boot in a VM (kernel {})", kernel),
                                   "orange: the agent's own work, blue: machine, kernel, workload",
                                   spans_of(boot.document, boot.split)));
}

} // namespace

Report boot(const Settings& settings) {
    const Times times = time_all(settings);
    const double bare = median(times.bare);
    const Row row{.bench = "boot",
                  .what = "power-on to READY",
                  .value = median(times.agent),
                  .unit = "ms",
                  .reach = boot_reach * bare,
                  .compared = fmt::format("{} x a bare C init, {:.0f} ms", boot_reach, bare),
                  .detail = fmt::format("busybox init with a script of the same duties {:.0f} ms; "
                                        "kernel {}, medians of {}",
                                        median(times.busybox), settings.kernel, settings.runs)};
    draw_boot(times.workload.back(), settings.kernel);
    return {.rows = {row},
            .panels = {{.title = "power-on to READY",
                        .unit = "ms",
                        .better = "lower",
                        .bars = {{.label = "agent", .value = median(times.agent)},
                                 {.label = "busybox init", .value = median(times.busybox)},
                                 {.label = "bare C init", .value = bare}}},
                       split_panel(times.workload)}};
}

} // namespace rouse::bench
