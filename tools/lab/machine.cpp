#include "tools/lab/machine.hpp"

#include "initramfs/file.hpp"
#include "tools/lab/error.hpp"
#include "tools/lab/guest.hpp"
#include "tools/lab/identity.hpp"
#include "tools/lab/places.hpp"
#include "tools/lab/virtiofs_device.hpp"
#include "tools/lab/vsock_device.hpp"

#include <fmt/format.h>

#include <utility>

namespace rouse::lab {
namespace {

constexpr std::string_view base_command_line = "console=ttyS0 quiet panic=-1 rdinit=/init";
constexpr std::string_view ready_line = "rouse: READY";
constexpr auto answer_limit = std::chrono::seconds(2); // for one try
constexpr auto stop_grace = std::chrono::seconds(2);

Directory directory_for(const MachineCommon& options) {
    if (options.directory.empty()) return Directory::temporary(options.name);
    return {options.directory, Keep::kept};
}

std::string build_image_for(const MachineOptions& options, const std::filesystem::path& kernel) {
    const auto agent = options.agent.empty() ? build_product("agent/rouse") : options.agent;
    if (!std::filesystem::exists(agent))
        throw LabError(fmt::format("the agent '{}' does not exist; build it with "
                                   "'ninja -C {} agent/rouse', or name another with --agent",
                                   agent.string(), build_product(".").string()));
    initramfs::ImageOptions image;
    image.init = agent;
    image.kernel = kernel;
    image.config = options.config;
    image.files = options.files;
    if (!options.network.empty())
        image.modules.insert(image.modules.end(), {"virtio_net", "tcp_diag"});
    if (!options.disks.empty()) image.modules.emplace_back("virtio_blk");
    if (!options.disks.empty() || !options.shares.empty())
        image.wanted_modules = initramfs::modules_for_root();
    image.modules.insert(image.modules.end(), options.modules.begin(), options.modules.end());
    image.compression = initramfs::Compression::none; // unpacking costs the guest more than reading
    return initramfs::build_image(image);
}

/// The line in which the kernel says why it panicked, or an empty text.
std::string panic_line(std::string_view console) {
    constexpr std::string_view words = "Kernel panic - not syncing";
    const auto at = console.find(words);
    if (at == std::string_view::npos) return {};
    return std::string(console.substr(at, console.find('\n', at) - at));
}

QemuPlan::Boot boot_plan(const MachineOptions& options, const MachineFiles& files) {
    const auto kernel = kernel_folder(options.kernel);
    QemuPlan::Boot boot;
    boot.kernel = kernel / "vmlinuz";
    boot.command_line = std::string(base_command_line);
    if (!options.root.empty()) boot.command_line += " rouse.root=" + options.root;
    if (!options.overlay.empty()) boot.command_line += " rouse.overlay=" + options.overlay;
    if (!options.command_line.empty()) boot.command_line += " " + options.command_line;
    boot.image = options.image;
    if (boot.image.empty()) {
        boot.image = files.image();
        initramfs::write_file(boot.image, build_image_for(options, kernel));
    }
    return boot;
}

} // namespace

Machine::Machine(std::string name, Directory directory, QemuPlan plan)
    : name_(std::move(name)), directory_(std::move(directory)), plan_(std::move(plan)),
      console_(plan_.files.console()), power_on_(std::chrono::steady_clock::now()) {}

Machine::~Machine() {
    kill();
}

Machine Machine::boot(const MachineOptions& options) {
    const Deadline deadline(options.deadline);
    fetch({options.kernel});
    QemuPlan plan;
    plan.rig = options.rig ? *options.rig : choose_rig().rig;
    plan.memory = options.memory;
    plan.network = options.network;
    plan.cid = random_cid();
    plan.generation = random_uuid();
    plan.devices = options.devices;
    plan.arguments = options.arguments;
    plan.disks = options.disks;
    plan.shares = options.shares;
    Directory directory = directory_for(options);
    plan.files.directory = directory.path();
    plan.boot = boot_plan(options, plan.files);
    Machine machine(options.name, std::move(directory), std::move(plan));
    machine.kernel_ = options.kernel;
    machine.start_devices(deadline);
    machine.start_collector(options.collect, deadline);
    machine.start_qemu();
    machine.wait_ready(options.ready, deadline);
    return machine;
}

void Machine::start_devices(Deadline deadline) {
    if (plan_.rig == Rig::tcg) vsock_ = start_vsock_device(plan_.files, plan_.cid, deadline);
    for (std::size_t i = 0; i < plan_.shares.size(); ++i)
        if (plan_.shares[i].by == ShareBy::virtiofs)
            shares_.push_back(start_virtiofs_device(plan_.files, plan_.shares[i], i, deadline));
}

void Machine::start_qemu() {
    power_on_ = std::chrono::steady_clock::now();
    qemu_ = Process::start({.argv = qemu_command(plan_), .log = plan_.files.log()});
}

void Machine::start_collector(const std::filesystem::path& output, Deadline deadline) {
    if (output.empty()) return;
    ProcessOptions options;
    options.argv = {build_product("tools/rousectl"), "-H", target(), "collect", "--output", output};
    if (std::filesystem::exists(plan_.files.restore_document()))
        options.argv.insert(options.argv.end(),
                            {"--restore-document", plan_.files.restore_document()});
    options.log = plan_.files.collector_log();
    collector_ = Process::start(options);
    // Once it listens, the guest's first call finds it. AF_VSOCK listeners cannot be seen from
    // here.
    if (plan_.rig == Rig::kvm) return;
    while (!std::filesystem::exists(plan_.files.link_socket()) && !deadline.expired()) {
        check_collector();
        wait_to_retry(deadline);
    }
}

void Machine::check_collector() {
    if (!collector_) return;
    const auto status = collector_->status();
    if (status)
        throw LabError(fmt::format("the collector of machine '{}' ended with {}: {}", name_,
                                   status->text(),
                                   initramfs::read_file(plan_.files.collector_log())));
}

std::string Machine::target() const {
    if (plan_.rig == Rig::kvm) return fmt::format("vsock:{}", plan_.cid);
    return fmt::format("unix:{}", plan_.files.vsock_socket().string());
}

void Machine::wait_ready(Ready ready, Deadline deadline) {
    if (ready != Ready::none && plan_.boot) wait_console(ready_line, deadline.left());
    if (ready == Ready::answer) wait_answer(deadline.left());
    check_collector();
    ready_after_ = std::chrono::duration_cast<std::chrono::milliseconds>(
        std::chrono::steady_clock::now() - power_on_);
}

void Machine::wait_console(std::string_view text, std::chrono::milliseconds limit) {
    switch (console_.wait(text, qemu_.exit_descriptor(), Deadline(limit))) {
    case ConsoleWait::found:
        return;
    case ConsoleWait::machine_ended:
        fail(fmt::format("ended ({}) before its console showed '{}'", end_reason(), text));
    case ConsoleWait::deadline:
        fail(fmt::format("did not show '{}' on its console within {} ms", text, limit.count()));
    }
}

void Machine::wait_answer(std::chrono::milliseconds limit) {
    const Deadline deadline(limit);
    std::optional<int> status;
    for (;;) {
        status = http_get_status(
            target(), "/v1/status",
            Deadline(std::min<std::chrono::milliseconds>(answer_limit, deadline.left())));
        if (status == 200) return;
        if (!alive()) fail(fmt::format("ended ({}) before it answered", end_reason()));
        if (deadline.expired()) break;
        wait_to_retry(deadline);
    }
    const std::string last = status ? fmt::format("status {}", *status) : "no answer";
    fail(fmt::format("does not answer GET /v1/status at {} within {} ms (last: {})", target(),
                     limit.count(), last));
}

void Machine::wait_exit(std::chrono::milliseconds limit) {
    const auto status = qemu_.wait(Deadline(limit));
    if (!status) fail(fmt::format("still runs after {} ms", limit.count()));
    if (end_reason() != "powered off") fail(fmt::format("ended: {}", end_reason()));
}

std::string Machine::end_reason() {
    const auto status = qemu_.wait(Deadline(stop_grace));
    if (!status) return "running";
    if (std::string panic = panic_line(console_.text()); !panic.empty()) return panic;
    if (status->shell_code() == 0) return "powered off";
    std::string log = initramfs::read_file(plan_.files.log());
    while (!log.empty() && log.back() == '\n')
        log.pop_back();
    return fmt::format("QEMU ended with {}{}{}", status->text(), log.empty() ? "" : ": ", log);
}

void Machine::kill() {
    // QEMU first: it would report the loss of its device.
    qemu_.stop(std::chrono::milliseconds(0));
    // The collector may still be writing what it got.
    if (collector_) collector_->stop(stop_grace);
    vsock_.reset();
    shares_.clear();
    collector_.reset();
}

void Machine::fail(const std::string& what) {
    throw LabError(
        fmt::format("machine '{}' {}; the end of its console:\n{}", name_, what, console_.tail()));
}

} // namespace rouse::lab
