// Saving a machine and starting another from what was saved.
//
// KVM: the vsock device is saved with the machine, and QEMU tells the guest after the restore that
// the transport was reset. TCG: the device lives in a daemon and cannot be saved. It is unplugged
// before, which resets every connection of the guest in the same way, and another one is plugged in
// after the restore.
#include "initramfs/file.hpp"
#include "tools/lab/error.hpp"
#include "tools/lab/guest.hpp"
#include "tools/lab/identity.hpp"
#include "tools/lab/machine.hpp"
#include "tools/lab/qmp.hpp"
#include "tools/lab/snapshot_file.hpp"
#include "tools/lab/vsock_device.hpp"

#include <fmt/format.h>

#include <utility>

namespace rouse::lab {
namespace {

/// QEMU's address of the stream inside a snapshot file.
std::string stream_address(const std::filesystem::path& file) {
    return fmt::format("file:{},offset={}", std::filesystem::absolute(file).string(),
                       snapshot_stream_offset);
}

} // namespace

void Machine::snapshot(const std::filesystem::path& file, AfterSnapshot after,
                       std::chrono::milliseconds limit) {
    const Deadline deadline(limit);
    if (!alive()) fail(fmt::format("cannot be saved: {}", end_reason()));
    const std::filesystem::path draft = file.string() + ".part";
    write_snapshot_header(draft, {.rig = plan_.rig,
                                  .memory = plan_.memory,
                                  .cid = plan_.cid,
                                  .kernel = kernel_,
                                  .generation = plan_.generation});
    Qmp control(plan_.files.control_socket(), deadline);
    std::error_code ignored; // a draft that cannot be removed does no harm
    try {
        if (plan_.rig == Rig::tcg) unplug_vsock(control, deadline);
        (void)control.execute("stop", {}, deadline);
        control.report_migration(deadline);
        (void)control.execute("migrate", {{"uri", stream_address(draft)}}, deadline);
        control.wait_migrated(deadline);
        std::filesystem::rename(draft, file);
    } catch (const std::exception& problem) {
        std::filesystem::remove(draft, ignored);
        resume_source(control, Deadline(std::chrono::seconds(10)));
        fail(fmt::format("could not be saved to '{}': {}", file.string(), problem.what()));
    }
    if (after == AfterSnapshot::resume)
        resume_source(control, deadline);
    else
        kill();
}

void Machine::resume_source(Qmp& control, Deadline deadline) {
    try {
        if (plan_.rig == Rig::tcg) plug_vsock(control, deadline);
        (void)control.execute("cont", {}, deadline);
    } catch (const std::exception& problem) {
        fail(fmt::format("could not be resumed: {}", problem.what()));
    }
}

void Machine::unplug_vsock(Qmp& control, Deadline deadline) {
    (void)control.execute("device_del", {{"id", vsock_device_id}}, deadline);
    // The guest has to agree; a guest that hangs never does.
    (void)control.wait_event("DEVICE_DELETED", deadline);
    (void)control.execute("chardev-remove", {{"id", vsock_chardev_id}}, deadline);
    vsock_.reset();
}

void Machine::plug_vsock(Qmp& control, Deadline deadline) {
    if (vsock_) return; // it was never unplugged
    vsock_ = start_vsock_device(plan_.files, plan_.cid, deadline);
    const boost::json::object address{{"type", "unix"},
                                      {"data", {{"path", plan_.files.device_socket().string()}}}};
    const boost::json::object backend{{"type", "socket"},
                                      {"data", {{"addr", address}, {"server", false}}}};
    (void)control.execute("chardev-add", {{"id", vsock_chardev_id}, {"backend", backend}},
                          deadline);
    (void)control.execute("device_add",
                          {{"driver", "vhost-user-vsock-pci"},
                           {"chardev", vsock_chardev_id},
                           {"id", vsock_device_id}},
                          deadline);
}

Machine Machine::restore(const RestoreOptions& options) {
    const Deadline deadline(options.deadline);
    const SnapshotHeader header = read_snapshot_header(options.snapshot);
    if (options.rig && *options.rig != header.rig)
        throw LabError(fmt::format("'{}' was saved in rig {} and cannot be restored in rig {}",
                                   options.snapshot.string(), rig_name(header.rig),
                                   rig_name(*options.rig)));
    QemuPlan plan;
    plan.rig = header.rig;
    plan.memory = header.memory;
    plan.cid = random_cid(header.cid);
    plan.generation = random_uuid();
    Directory directory = options.directory.empty() ? Directory::temporary(options.name)
                                                    : Directory(options.directory, Keep::kept);
    plan.files.directory = directory.path();
    Machine machine(options.name, std::move(directory), std::move(plan));
    machine.kernel_ = header.kernel;
    machine.load(options, deadline);
    machine.wait_ready(options.ready, deadline);
    return machine;
}

void Machine::load(const RestoreOptions& options, Deadline deadline) {
    initramfs::write_file(plan_.files.restore_document(), restore_document(plan_.generation));
    start_qemu();
    try {
        Qmp control(plan_.files.control_socket(), deadline);
        control.report_migration(deadline);
        (void)control.execute("migrate-incoming", {{"uri", stream_address(options.snapshot)}},
                              deadline);
        control.wait_migrated(deadline);
        if (plan_.rig == Rig::tcg) plug_vsock(control, deadline);
        start_collector(options.collect, deadline);
        if (options.before_resume) options.before_resume(*this);
        (void)control.execute("cont", {}, deadline);
    } catch (const std::exception& problem) {
        if (!alive()) fail(fmt::format("could not be restored: {}", end_reason()));
        fail(fmt::format("could not be restored: {}", problem.what()));
    }
}

} // namespace rouse::lab
