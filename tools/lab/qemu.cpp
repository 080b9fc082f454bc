#include "tools/lab/qemu.hpp"

#include <fmt/format.h>

#include <initializer_list>

namespace rouse::lab {
namespace {

using Arguments = std::vector<std::string>;

void append(Arguments& to, std::initializer_list<std::string> more) {
    to.insert(to.end(), more);
}

void append_vsock(Arguments& to, const QemuPlan& plan) {
    if (plan.rig == Rig::kvm) {
        append(to, {"-device",
                    fmt::format("vhost-vsock-pci,guest-cid={},id={}", plan.cid, vsock_device_id)});
        return;
    }
    if (!plan.boot) return;
    append(
        to,
        {"-chardev",
         fmt::format("socket,id={},path={}", vsock_chardev_id, plan.files.device_socket().string()),
         "-device",
         fmt::format("vhost-user-vsock-pci,chardev={},id={}", vsock_chardev_id, vsock_device_id)});
}

void append_memory(Arguments& to, const QemuPlan& plan) {
    append(to, {"-m", std::to_string(plan.memory)});
    if (plan.rig == Rig::kvm) return;
    // The vsock daemon maps the guest's memory, so it has to be shareable.
    append(to,
           {"-object", fmt::format("memory-backend-memfd,id=mem,size={}M,share=on", plan.memory),
            "-numa", "node,memdev=mem"});
}

void append_network(Arguments& to, const QemuPlan& plan) {
    if (plan.network.empty()) return;
    // All clones of a snapshot begin with this address, as they do elsewhere. The card boots
    // nothing, so it needs no ROM. It has a slot of its own: the vsock device beside it comes and
    // goes.
    append(to, {"-netdev", plan.network + ",id=net0", "-device",
                "virtio-net-pci,netdev=net0,mac=52:54:00:12:34:56,addr=0x10,romfile="});
}

// While nobody is connected, the socket is as if it took everything; the file gets it anyway.
void append_console(Arguments& to, const MachineFiles& files) {
    append(to, {"-chardev",
                fmt::format("socket,id=console,path={},server=on,wait=off,logfile={}",
                            files.console_socket().string(), files.console().string()),
                "-serial", "chardev:console"});
}

} // namespace

std::vector<std::string> qemu_command(const QemuPlan& plan) {
    Arguments command{"qemu-system-x86_64", "-M", "pc", "-nodefaults", "-no-reboot", "-nographic",
                      "-no-user-config"};
    if (plan.rig == Rig::kvm)
        append(command, {"-accel", "kvm", "-cpu", "host"});
    else
        // "max" has a random generator: without it the guest's own is not ready when the VM
        // generation changes, and the kernel then keeps silent about it.
        append(command, {"-accel", "tcg", "-cpu", "max"});
    append_memory(command, plan);
    append_vsock(command, plan);
    append_network(command, plan);
    append_console(command, plan.files);
    append(command,
           {"-device", fmt::format("vmgenid,guid={}", plan.generation), "-qmp",
            fmt::format("unix:{},server=on,wait=off", plan.files.control_socket().string())});
    for (std::size_t i = 0; i < plan.disks.size(); ++i)
        for (std::string& argument : disk_arguments(plan.disks[i], i))
            command.push_back(std::move(argument));
    for (std::size_t i = 0; i < plan.shares.size(); ++i)
        for (std::string& argument : share_arguments(plan.shares[i], i, plan.files.share_socket(i)))
            command.push_back(std::move(argument));
    for (const std::string& device : plan.devices)
        append(command, {"-device", device});
    if (plan.boot)
        append(command, {"-kernel", plan.boot->kernel.string(), "-initrd",
                         plan.boot->image.string(), "-append", plan.boot->command_line});
    else
        append(command, {"-incoming", "defer"});
    command.insert(command.end(), plan.arguments.begin(), plan.arguments.end());
    return command;
}

} // namespace rouse::lab
