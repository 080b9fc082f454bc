// Power off or reboot: the wrong one leaves the VMM running.

#include "agent/boot/power_choice.hpp"

#include <catch2/catch_test_macros.hpp>

using namespace rouse;
using proto::PowerMethod;
using sys::PowerAction;

namespace {

/// An ACPI 6 table of 276 bytes whose registers are all absent.
std::string table() {
    return std::string(276, '\0');
}

std::string with(std::string facp, std::size_t offset, char byte) {
    facp[offset] = byte;
    return facp;
}

std::string hardware_reduced() {
    return with(table(), 114, 0x10);
}

boot::Machine x86(std::string facp) {
    return {.architecture = "x86_64",
            .user_mode = false,
            .vendor = "",
            .facp = std::move(facp),
            .command_line = ""};
}

PowerAction chosen(const boot::Machine& machine, PowerMethod setting = PowerMethod::automatic) {
    return boot::choose_power_action(setting, machine);
}

} // namespace

TEST_CASE("a table without a register cannot power off", "[boot]") {
    CHECK_FALSE(boot::can_power_off(""));
    CHECK_FALSE(boot::can_power_off(std::string(100, '\1')));
    CHECK_FALSE(boot::can_power_off(table()));
    CHECK_FALSE(boot::can_power_off(hardware_reduced()));
    // Of old hardware only: on reduced hardware the block is not used.
    CHECK_FALSE(boot::can_power_off(with(hardware_reduced(), 64, 4)));
    // Of reduced hardware only.
    CHECK_FALSE(boot::can_power_off(with(table(), 248, 4)));
    // A generic address without an address.
    CHECK_FALSE(boot::can_power_off(with(hardware_reduced(), 244, 1)));
}

TEST_CASE("a table with the right register can power off", "[boot]") {
    CHECK(boot::can_power_off(with(table(), 65, 6)));
    CHECK(boot::can_power_off(with(table(), 177, 6)));
    CHECK(boot::can_power_off(with(hardware_reduced(), 249, 6)));
    // A table of ACPI 1 ends before the wide registers.
    CHECK(boot::can_power_off(with(std::string(116, '\0'), 65, 6)));
}

TEST_CASE("x86 without ACPI power reboots, everything else powers off", "[boot]") {
    const std::string full = with(table(), 65, 6);
    CHECK(chosen(x86("")) == PowerAction::reboot);
    CHECK(chosen(x86(hardware_reduced())) == PowerAction::reboot);
    CHECK(chosen(x86(full)) == PowerAction::power_off);

    boot::Machine machine = x86("");
    machine.user_mode = true;
    CHECK(chosen(machine) == PowerAction::power_off);
    machine = x86("");
    machine.architecture = "aarch64";
    CHECK(chosen(machine) == PowerAction::power_off);
}

TEST_CASE("reboot=k is a hint for a machine without a name", "[boot]") {
    boot::Machine machine = x86(with(table(), 65, 6));
    machine.command_line = "console=ttyS0 reboot=k panic=1";
    CHECK(chosen(machine) == PowerAction::reboot);
    machine.vendor = "QEMU";
    CHECK(chosen(machine) == PowerAction::power_off);
    machine.vendor = "";
    machine.command_line = "reboot=acpi noreboot=k";
    CHECK(chosen(machine) == PowerAction::power_off);
}

TEST_CASE("the setting decides over everything", "[boot]") {
    const boot::Machine full = x86(with(table(), 65, 6));
    CHECK(chosen(full, PowerMethod::reboot) == PowerAction::reboot);
    CHECK(chosen(x86(""), PowerMethod::poweroff) == PowerAction::power_off);
}
