// The test build of the agent, with its sanitizers and its switches, as PID 1 of a real VM.
#include "initramfs/command.hpp"
#include "initramfs/file.hpp"
#include "tests/vm/guest.hpp"
#include "tools/lab/guest_program.hpp"
#include "tools/lab/places.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <filesystem>

using namespace rouse;
using Catch::Matchers::ContainsSubstring;
using test::exec;
using test::Guest;
using test::payload;

namespace {

// AddressSanitizer wants /proc before main; what it finds ends the VM.
constexpr const char* sanitized_init = R"(#!/bin/sh
mount -t proc proc /proc
export ASAN_OPTIONS=detect_leaks=0:detect_stack_use_after_return=1
export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
exec /bin/rouse-sanitized
)";

/// What it takes to boot the test build; `defence_off` is for ROUSE_DEFENCE_OFF: the kernel hands
/// words of its command line that it does not know to PID 1 as environment.
class SanitizedGuest {
public:
    explicit SanitizedGuest(const std::string& workload, const std::string& defence_off = {})
        : guest_(options(folder_.path(), workload, defence_off)) {}

    [[nodiscard]] Guest& operator*() { return guest_; }
    [[nodiscard]] Guest* operator->() { return &guest_; }

private:
    static lab::MachineOptions options(const std::filesystem::path& folder,
                                       const std::string& workload,
                                       const std::string& defence_off) {
        const auto built = lab::build_product("../build-asan/agent/rouse");
        if (!std::filesystem::exists(built))
            SKIP("there is no " << built << "; tools/test vm builds it");
        const auto stripped = folder / "rouse";
        (void)initramfs::command_output( // says nothing
            {"strip", "-g", "-o", stripped.string(), built.string()});
        initramfs::write_file(folder / "init", sanitized_init);
        lab::MachineOptions options = test::agent_options("6.12", workload);
        options.agent = folder / "init";
        options.memory = 1024;
        options.deadline = std::chrono::minutes(3);
        if (!defence_off.empty()) options.command_line = "ROUSE_DEFENCE_OFF=" + defence_off;
        for (auto& file : lab::guest_program(stripped, "bin/rouse-sanitized"))
            options.files.push_back(std::move(file));
        return options;
    }

    test::TemporaryDirectory folder_;
    Guest guest_;
};

int dial_exec_port_inside(Guest& guest) {
    const auto load = exec(guest.endpoint(), {"sh", "-c",
                                              "insmod $(find /lib/modules -name "
                                              "'vsock_loopback.ko')"});
    INFO(load.err.bytes);
    REQUIRE(load.exit->code == 0U);
    const auto dialled = exec(guest.endpoint(), payload({"connect-loopback", "1001", "1000"}));
    UNSCOPED_INFO(dialled.out.bytes << dialled.err.bytes);
    REQUIRE(dialled.exit->code);
    return static_cast<int>(*dialled.exit->code);
}

} // namespace

TEST_CASE("a sanitized agent is PID 1 of a VM and ends it without a complaint", "[agent][vm]") {
    SanitizedGuest guest(test::payload_config({"sequence", "stdout", "4M"}, "stay"));
    const auto orphans = exec(guest->endpoint(), payload({"orphans", "100"}));
    CHECK(orphans.out.bytes == "100 orphans\n");
    const auto said = guest->rousectl({"exec", "--", "sh", "-c", "echo out; exit 7"});
    CHECK(said.output == "out\n");
    CHECK(said.status == 7);
    CHECK(dial_exec_port_inside(*guest) == 0);
    const std::string later = "(sleep 1; kill -TERM 1) </dev/null >/dev/null 2>&1 &";
    CHECK(exec(guest->endpoint(), {"sh", "-c", later}).exit->code == 0U);
    guest->machine().wait_exit(test::patience);
    const std::string console = guest->machine().console_text();
    CHECK(console.find("AddressSanitizer") == std::string::npos);
    CHECK(console.find("runtime error") == std::string::npos);
}

TEST_CASE("without the defence peer-cid a process of the guest gets at the exec port",
          "[agent][vm]") {
    SanitizedGuest guest(R"({"on_exit": "stay"})", "peer-cid");
    CHECK(dial_exec_port_inside(*guest) == 1); // answered
}
