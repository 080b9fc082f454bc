// The lab's library: how machines start, end, fail and multiply.
#include "tests/vm/lab_support.hpp"
#include "tools/lab/error.hpp"
#include "tools/lab/machine.hpp"
#include "tools/lab/places.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <chrono>
#include <string>

using namespace rouse;
using Catch::Matchers::ContainsSubstring;
using lab::Machine;

namespace {

constexpr auto limit = std::chrono::seconds(30);

} // namespace

TEST_CASE("a guest's power-off is the normal end of a machine", "[lab][vm]") {
    const std::string kernel = GENERATE("6.1", "6.12");
    INFO("kernel " << kernel);
    const test::ShellGuest guest("lsmod; poweroff -f");
    auto options = guest.options();
    options.kernel = kernel;
    Machine machine = Machine::boot(options);
    machine.wait_exit(limit);
    REQUIRE_FALSE(machine.alive());
    REQUIRE_THAT(machine.console_text(), ContainsSubstring("vmw_vsock_virtio_transport"));
}

TEST_CASE("a kernel panic is reported with the end of the console", "[lab][vm]") {
    const test::ShellGuest guest("echo 'the last words'; exit 3");
    Machine machine = Machine::boot(guest.options());
    REQUIRE_THROWS_WITH(machine.wait_exit(limit), ContainsSubstring("Kernel panic") &&
                                                      ContainsSubstring("Attempted to kill init") &&
                                                      ContainsSubstring("  | "));
}

TEST_CASE("a guest that is never ready is reported by the deadline", "[lab][vm]") {
    const test::ShellGuest guest("echo 'waiting for nothing'; sleep 1000");
    auto options = guest.options();
    options.ready = lab::Ready::answer;
    options.deadline = std::chrono::seconds(10);
    REQUIRE_THROWS_WITH((void)Machine::boot(options), ContainsSubstring("does not answer") &&
                                                          ContainsSubstring("waiting for nothing"));
}

TEST_CASE("a machine that cannot start says what is missing", "[lab][vm]") {
    const test::ShellGuest guest("");
    auto options = guest.options();
    options.kernel = "5.4";
    REQUIRE_THROWS_WITH((void)Machine::boot(options), ContainsSubstring("5.4"));
    options.kernel = "6.12";
    options.agent = "/no/such/agent";
    REQUIRE_THROWS_WITH((void)Machine::boot(options), ContainsSubstring("/no/such/agent"));
}

TEST_CASE("restored machines have identities of their own, and the source goes on", "[lab][vm]") {
    const test::TemporaryDirectory folder;
    const test::ShellGuest guest(
        "n=0; while :; do echo \"beat $n\"; n=$((n + 1)); sleep 0.2; done");
    Machine source = Machine::boot(guest.options());
    source.wait_console("beat 2", limit);
    source.snapshot(folder.path() / "saved", {.after = lab::AfterSnapshot::resume});

    lab::RestoreOptions options;
    options.snapshot = folder.path() / "saved";
    options.ready = lab::Ready::none;
    bool called = false;
    options.before_resume = [&](Machine& machine) { called = machine.console_text().empty(); };
    Machine first = Machine::restore(options);
    REQUIRE(called);
    Machine second = Machine::restore(options);
    // Memory came back: counting goes on where it was, and does not start again.
    for (Machine* machine : {&first, &second}) {
        machine->wait_console("beat 9", limit);
        CHECK_THAT(machine->console_text(), !ContainsSubstring("beat 0\n"));
        CHECK(machine->cid() != source.cid());
        CHECK(machine->generation() != source.generation());
        CHECK(machine->target() != source.target());
    }
    CHECK(first.cid() != second.cid());
    CHECK(first.generation() != second.generation());
    source.wait_console("beat 9", limit);
}

TEST_CASE("the kernel of a restored machine knows that it was restored", "[lab][vm]") {
    const test::TemporaryDirectory folder;
    const test::ShellGuest guest(
        "while :; do dmesg | grep 'due to virtual machine fork'; sleep 0.2; done");
    Machine source = Machine::boot(guest.options());
    source.snapshot(folder.path() / "saved");
    REQUIRE_FALSE(source.alive());
    lab::RestoreOptions options;
    options.snapshot = folder.path() / "saved";
    options.ready = lab::Ready::none;
    Machine restored = Machine::restore(options);
    restored.wait_console("crng reseeded due to virtual machine fork", limit);
}
