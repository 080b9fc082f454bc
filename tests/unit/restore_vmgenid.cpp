// What the kernel's messages and the vsock device tell of a restore.
#include "agent/restore/cid_trigger.hpp"
#include "agent/restore/vmgenid_trigger.hpp"
#include "agent/sys/descriptor.hpp"
#include "tests/unit/restore_trigger_rig.hpp"

#include <fmt/format.h>

#include <array>

#include <sys/socket.h>

using namespace rouse;
using namespace std::chrono_literals;
using restore::Means;
using restore::Signal;
using test::run_until;
using test::TriggerRig;

namespace {

constexpr const char* fork_line = "random: crng reseeded due to virtual machine fork";

/// Reads one message at a time, as from /dev/kmsg.
struct Messages {
    Messages() {
        std::array<int, 2> fds{};
        REQUIRE(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0,
                             fds.data()) == 0);
        kernel = sys::UniqueFd(fds[0]);
        reader = sys::UniqueFd(fds[1]);
    }
    void say(unsigned priority, const std::string& text) {
        const std::string record =
            fmt::format("{},{},5140900,-;{}\n SUBSYSTEM=x\n", priority, ++sequence, text);
        REQUIRE(sys::write_some(kernel.get(), record)->bytes == record.size());
    }
    sys::UniqueFd kernel;
    sys::UniqueFd reader;
    std::uint64_t sequence = 0;
};

} // namespace

TEST_CASE("a record of the kernel's messages is taken apart", "[restore][triggers]") {
    CHECK(sys::parse_kmsg("6,339,5140900,-;NET: Registered\n SUBSYSTEM=net\n") ==
          sys::KmsgRecord{.facility = 0, .level = 6, .sequence = 339, .text = "NET: Registered"});
    // Fields may be added before the semicolon, and a text may have more of them.
    CHECK(sys::parse_kmsg("30,7,1,c,caller=T1;a;b") ==
          sys::KmsgRecord{.facility = 3, .level = 6, .sequence = 7, .text = "a;b"});
    for (const char* text : {"", ";x", "6;x", "6,;x", "a,1,2,-;x", "6,1x,2,-;x", "6,1,2,-",
                             "99999999999,1,2,-;x", "-1,1,2,-;x"})
        CHECK_FALSE(sys::parse_kmsg(text));
}

TEST_CASE("only the kernel itself says that this is another machine now", "[restore][triggers]") {
    TriggerRig rig;
    Messages messages;
    messages.say(5, std::string("before: ") + fork_line);
    restore::VmgenidTrigger trigger(rig.io.get_executor(), std::move(messages.reader));
    rig.watch(trigger);
    messages.say(8 + 5, fork_line); // a process, as the kernel marks it
    messages.say(5, std::string(fork_line) + " not");
    messages.say(5, "usb: new device");
    REQUIRE(sys::write_some(messages.kernel.get(), "no record").has_value());
    messages.say(5, fork_line);
    messages.say(6, fork_line);
    REQUIRE(run_until(rig.io, [&] { return rig.signals.size() == 2; }));
    rig.settle();
    CHECK(rig.signals == std::vector<Signal>{{.source = "vmgenid", .value = "1"},
                                             {.source = "vmgenid", .value = "2"}});
    CHECK(trigger.status().at("state") == "watching");
    CHECK(trigger.status().at("value") == "2");
}

TEST_CASE("a flood of messages does not hold the loop, and the line behind it is seen",
          "[restore][triggers]") {
    TriggerRig rig;
    Messages messages;
    for (int i = 0; i < 100; ++i)
        messages.say(4, "flood");
    messages.say(5, fork_line);
    restore::VmgenidTrigger trigger(rig.io.get_executor(), std::move(messages.reader));
    rig.watch(trigger);
    rig.io.restart();
    REQUIRE(rig.io.run_one_for(5s) == 1); // the first step of the task
    CHECK(rig.signals.empty());
    CHECK(run_until(rig.io, [&] { return rig.signals.size() == 1; }));
}

TEST_CASE("a kernel whose messages cannot be read says why, and nothing waits for it",
          "[restore][triggers]") {
    TriggerRig rig;
    restore::VmgenidTrigger missing(rig.io.get_executor(), sys::open_kmsg("/nowhere/kmsg"));
    rig.watch(missing);
    Messages messages;
    restore::VmgenidTrigger ended(rig.io.get_executor(), std::move(messages.reader));
    rig.watch(ended);
    messages.kernel.reset();
    REQUIRE(run_until(rig.io, [&] { return rig.tasks.size() == 0; }));
    CHECK(missing.status().at("state") == "unavailable");
    CHECK(missing.status().at("why") == "kernel messages: No such file or directory");
    CHECK(ended.status().at("state") == "unavailable");
}

TEST_CASE("another CID is told when somebody asks, once for each", "[restore][triggers]") {
    TriggerRig rig;
    sys::Result<std::uint32_t> cid = 3U;
    restore::CidTrigger trigger(rig.io.get_executor(), [&cid] { return cid; });
    rig.watch(trigger);
    const auto look = [&](sys::Result<std::uint32_t> now) {
        cid = now;
        trigger.look();
        rig.settle();
        return rig.signals.size();
    };
    rig.settle();
    CHECK(look(3U) == 0);
    CHECK(look(4U) == 1);
    CHECK(rig.signals[0] == Signal{.source = "cid", .value = "4", .means = Means::loss});
    CHECK(look(4U) == 1);
    // While the device is away there is nothing to compare.
    CHECK(look(sys::error_from(ENODEV)) == 1);
    CHECK(trigger.status().at("state") == "unavailable");
    CHECK(look(4U) == 1);
    CHECK(look(5U) == 2);
    CHECK(trigger.status().at("value") == "5");
}
