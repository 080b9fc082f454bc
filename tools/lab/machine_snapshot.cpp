// Saving a machine and starting another from what was saved.
//
// KVM: the vsock device is saved with the machine, and QEMU tells the guest after the restore that
// the transport was reset. TCG: the device lives in a daemon and cannot be saved. It is unplugged
// before, which resets every connection of the guest in the same way, and another one is plugged in
// after the restore.
#include "initramfs/file.hpp"
#include "tools/lab/error.hpp"
#include "tools/lab/guest_words.hpp"
#include "tools/lab/identity.hpp"
#include "tools/lab/machine.hpp"
#include "tools/lab/qmp.hpp"
#include "tools/lab/snapshot_file.hpp"
#include "tools/lab/vsock_device.hpp"

#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace rouse::lab {
namespace {

constexpr auto prepare_limit = std::chrono::seconds(20); // the guest's own deadline is shorter
constexpr auto resume_limit = std::chrono::seconds(10);
constexpr auto driver_limit = std::chrono::seconds(10);

/// QEMU's address of the stream inside a snapshot file.
std::string stream_address(const std::filesystem::path& file) {
    return fmt::format("file:{},offset={}", std::filesystem::absolute(file).string(),
                       snapshot_stream_offset);
}

} // namespace

std::optional<boost::json::object> Machine::snapshot(const std::filesystem::path& file,
                                                     const SnapshotOptions& options) {
    const Deadline deadline(options.limit);
    if (!alive()) fail(fmt::format("cannot be saved: {}", end_reason()));
    std::optional<boost::json::object> prepared;
    if (options.prepare == Prepare::guest)
        prepared = prepare_guest(target(), Deadline(std::min<std::chrono::milliseconds>(
                                               prepare_limit, deadline.left())));
    Qmp control(plan_.files.control_socket(), deadline);
    try {
        save(file, control, deadline);
    } catch (const std::exception& problem) {
        resume_source(control, Deadline(resume_limit));
        if (prepared) tell_prepared(*prepared, Deadline(resume_limit));
        fail(fmt::format("could not be saved to '{}': {}", file.string(), problem.what()));
    }
    if (options.after == AfterSnapshot::resume) {
        resume_source(control, deadline);
        if (prepared) tell_prepared(*prepared, deadline);
    } else {
        kill();
    }
    return prepared;
}

void Machine::save(const std::filesystem::path& file, Qmp& control, Deadline deadline) {
    const std::filesystem::path draft = file.string() + ".part";
    write_snapshot_header(draft, {.rig = plan_.rig,
                                  .memory = plan_.memory,
                                  .cid = plan_.cid,
                                  .kernel = kernel_,
                                  .generation = plan_.generation,
                                  .network = plan_.network});
    try {
        if (plan_.rig == Rig::tcg) unplug_vsock(control, deadline);
        (void)control.execute("stop", {}, deadline);
        control.report_migration(deadline);
        (void)control.execute("migrate", {{"uri", stream_address(draft)}}, deadline);
        control.wait_migrated(deadline);
        std::filesystem::rename(draft, file);
    } catch (...) {
        std::error_code ignored; // a draft that cannot be removed does no harm
        std::filesystem::remove(draft, ignored);
        throw;
    }
}

void Machine::tell_prepared(const boost::json::object& prepared, Deadline deadline) {
    try {
        resume_guest(target(), prepared, deadline);
    } catch (const std::exception& problem) {
        fail(problem.what());
    }
}

void Machine::resume_source(Qmp& control, Deadline deadline) {
    try {
        if (plan_.rig == Rig::tcg) plug_vsock(control, deadline);
        go_on(control, deadline);
    } catch (const std::exception& problem) {
        fail(fmt::format("could not be resumed: {}", problem.what()));
    }
}

void Machine::go_on(Qmp& control, Deadline deadline) {
    (void)control.execute("cont", {}, deadline);
    if (plan_.rig != Rig::tcg) return;
    await_vsock_driver(
        control, Deadline(std::min<std::chrono::milliseconds>(driver_limit, deadline.left())));
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
    plan.network = header.network;
    plan.cid = random_cid(header.cid);
    plan.generation = random_uuid();
    plan.devices = options.devices;
    plan.disks = options.disks;
    Directory directory = options.directory.empty() ? Directory::temporary(options.name)
                                                    : Directory(options.directory, Keep::kept);
    plan.files.directory = directory.path();
    Machine machine(options.name, std::move(directory), std::move(plan));
    machine.kernel_ = header.kernel;
    machine.document_ = restore_document(machine.plan_.generation, options.document);
    machine.load(options, deadline);
    const bool host_tells = !options.collect.empty() || !options.documents.empty();
    if (!host_tells && options.ready != Ready::none)
        (void)tell_restored(machine.target(), machine.document_, deadline);
    machine.wait_ready(options.ready, deadline);
    return machine;
}

/// Where a collector of many machines looks for the document of this one: a machine that it knows
/// by its CID is named after that.
std::filesystem::path Machine::document_place(const std::filesystem::path& directory) const {
    const std::string name = plan_.rig == Rig::kvm ? fmt::format("vsock-{}", plan_.cid) : name_;
    return directory / (name + ".json");
}

void Machine::load(const RestoreOptions& options, Deadline deadline) {
    const std::string document = boost::json::serialize(document_) + "\n";
    initramfs::write_file(plan_.files.restore_document(), document);
    if (!options.documents.empty())
        initramfs::write_file(document_place(options.documents), document);
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
        go_on(control, deadline);
    } catch (const std::exception& problem) {
        if (!alive()) fail(fmt::format("could not be restored: {}", end_reason()));
        fail(fmt::format("could not be restored: {}", problem.what()));
    }
}

} // namespace rouse::lab
