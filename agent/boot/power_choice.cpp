#include "agent/boot/power_choice.hpp"

#include "agent/sys/machine.hpp"
#include "agent/sys/proc.hpp"
#include "proto/kernel_command_line.hpp"

#include <algorithm>

namespace rouse::boot {

namespace {

// Offsets of the fixed ACPI description table, and sizes in bytes.
constexpr std::size_t pm1a_control_block = 64;       // 4
constexpr std::size_t flags = 112;                   // 4
constexpr std::size_t wide_pm1a_control_block = 172; // generic address, 12
constexpr std::size_t sleep_control_register = 244;  // generic address, 12
constexpr std::size_t address_in_generic = 4; // 8, after space, width, offset and access size
constexpr std::size_t hardware_reduced_byte = flags + 2;
constexpr unsigned hardware_reduced_bit = 1U << 4; // bit 20 of the flags

bool any_set(std::string_view table, std::size_t offset, std::size_t size) {
    if (table.size() < offset + size) return false;
    const std::string_view field = table.substr(offset, size);
    return std::any_of(field.begin(), field.end(), [](char byte) { return byte != 0; });
}

/// `reboot=k` or `reboot=t` is what people give to VMMs that end at a reset only.
bool asks_for_reset(std::string_view command_line) {
    for (const proto::KernelParameter& word : proto::split_kernel_command_line(command_line))
        if (word.key == "reboot" && word.value.find_first_of("kt") != std::string::npos)
            return true;
    return false;
}

bool is_x86(const std::string& architecture) {
    return architecture == "x86_64" || architecture == "i686";
}

/// A file that cannot be read is as good as an empty one.
std::string text_of(const std::string& path) {
    const sys::Result<std::string> text = sys::read_file(path);
    return text ? *text : "";
}

} // namespace

Machine inspect_machine() {
    const std::string vendor = text_of("/sys/class/dmi/id/sys_vendor");
    return {.architecture = sys::machine_architecture(),
            .user_mode = text_of("/proc/cpuinfo").find("User Mode Linux") != std::string::npos,
            .vendor = vendor.substr(0, vendor.find('\n')),
            .facp = text_of("/sys/firmware/acpi/tables/FACP"),
            .command_line = text_of("/proc/cmdline")};
}

bool can_power_off(std::string_view facp) {
    if (facp.size() <= hardware_reduced_byte) return false;
    const auto byte = static_cast<unsigned char>(facp[hardware_reduced_byte]);
    if ((byte & hardware_reduced_bit) != 0)
        return any_set(facp, sleep_control_register + address_in_generic, 8);
    return any_set(facp, pm1a_control_block, 4) ||
           any_set(facp, wide_pm1a_control_block + address_in_generic, 8);
}

sys::PowerAction choose_power_action(proto::PowerMethod setting, const Machine& machine) {
    using sys::PowerAction;
    if (setting == proto::PowerMethod::poweroff) return PowerAction::power_off;
    if (setting == proto::PowerMethod::reboot) return PowerAction::reboot;
    if (machine.user_mode || !is_x86(machine.architecture)) return PowerAction::power_off;
    if (!can_power_off(machine.facp)) return PowerAction::reboot;
    // A machine with a vendor's name is a full one; a nameless one with the hint is taken at it.
    if (machine.vendor.empty() && asks_for_reset(machine.command_line)) return PowerAction::reboot;
    return PowerAction::power_off;
}

} // namespace rouse::boot
