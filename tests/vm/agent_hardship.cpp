// Guests in want: without descriptors, console, space or memory. The agent lives and serves.
#include "initramfs/file.hpp"
#include "tests/support/frames.hpp"
#include "tests/vm/guest.hpp"
#include "tools/lab/places.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <fmt/format.h>

#include <csignal>
#include <deque>

using namespace rouse;
using Catch::Matchers::ContainsSubstring;
using test::Guest;
using test::in_guest;
using test::payload;

namespace {

constexpr const char* sandbox = R"({"on_exit": "stay"})";

/// A guest in which this script comes before the agent, which is `$agent`.
class PreparedGuest {
public:
    explicit PreparedGuest(const std::string& script, const std::string& config = sandbox)
        : guest_(options(folder_.path(), script, config)) {}

    [[nodiscard]] Guest& operator*() { return guest_; }

private:
    static lab::MachineOptions options(const std::filesystem::path& folder,
                                       const std::string& script, const std::string& config) {
        initramfs::write_file(folder / "init", "#!/bin/sh\nagent=/bin/the-agent\n" + script);
        lab::MachineOptions options = test::agent_options("6.12", config);
        options.agent = folder / "init";
        options.files.push_back({.source = lab::build_product("agent/rouse"),
                                 .destination = "bin/the-agent",
                                 .mode = 0755});
        return options;
    }

    test::TemporaryDirectory folder_;
    Guest guest_;
};

/// The whole of the agent's work: an exec, its status, a restore document, and its end in order.
void check_it_serves(Guest& guest) {
    const auto said = exec(guest.endpoint(), {"sh", "-c", "echo out; echo err >&2; exit 7"});
    CHECK(said.out.bytes == "out\n");
    CHECK(said.err.bytes == "err\n");
    CHECK(said.exit->code == 7U);
    CHECK(test::number_at(test::status(guest.endpoint()), "/pid") == 1);
    const auto restored =
        ask(guest.endpoint(), "POST", "/v1/restore",
            R"({"generation": "6b1f8a52-4d2f-4f0e-9a46-0d9a4b3c2d11", "hostname": "thawed"})");
    INFO(restored.body);
    CHECK(restored.status == 200);
    CHECK(in_guest(guest, "hostname") == "thawed\n");
}

void check_it_ends(Guest& guest) {
    CHECK(guest.rousectl({"shutdown"}).status == 0);
    guest.machine().wait_exit(test::patience);
}

} // namespace

TEST_CASE("PID 1 that starts without any descriptor gives none of its own away as standard ones",
          "[agent][vm]") {
    PreparedGuest prepared("exec 0<&- 1>&- 2>&-\nexec $agent\n");
    Guest& guest = *prepared;
    check_it_serves(guest);
    const std::string links = in_guest(guest, "for fd in 0 1 2; do readlink /proc/1/fd/$fd; done");
    CHECK(links == "/\n/\n/\n"); // there was no /dev/null yet
    check_it_ends(guest);
    CHECK_THAT(guest.machine().console_text(), ContainsSubstring("rouse: powering off"));
}

TEST_CASE("without /dev/console the agent serves, and says its lines in the kernel's log",
          "[agent][vm]") {
    PreparedGuest prepared("mount -t devtmpfs dev /dev\nrm /dev/console\nexec 0<&- 1>&- 2>&-\n"
                           "exec $agent\n");
    Guest& guest = *prepared;
    CHECK(in_guest(guest, "ls /dev/console 2>&1 || :").find("No such file") != std::string::npos);
    check_it_serves(guest);
    check_it_ends(guest);
    CHECK_THAT(guest.machine().console_text(),
               ContainsSubstring("rouse: READY") && ContainsSubstring("rouse: powering off"));
}

TEST_CASE("without /dev/console a fault of PID 1 is said in the kernel's log", "[agent][vm]") {
    PreparedGuest prepared("mount -t devtmpfs dev /dev\nrm /dev/console\nexec $agent\n");
    Guest& guest = *prepared;
    (void)in_guest(guest, "(sleep 1; kill -SEGV 1) </dev/null >/dev/null 2>&1 &");
    guest.machine().wait_exit(test::patience);
    CHECK_THAT(guest.machine().console_text(),
               ContainsSubstring("rouse: fatal signal SEGV in PID 1, sent by process "));
}

TEST_CASE("a full /run on a read-only root costs only what would be written there", "[agent][vm]") {
    Guest guest("6.12", sandbox);
    CHECK_THAT(in_guest(guest, "touch /etc/machine-id /etc/resolv.conf; "
                               "mount -o remount,ro / && mount -o remount,size=2m /run; "
                               "{ cat /dev/zero > /run/fill; touch /new; } 2>&1 || :"),
               ContainsSubstring("No space left on device") &&
                   ContainsSubstring("Read-only file system"));
    check_it_serves(guest);
    // What has to be written says why it is not; nothing else is lost with it.
    const auto restored = ask(guest.endpoint(), "POST", "/v1/restore",
                              R"({"generation": "6b1f8a52-4d2f-4f0e-9a46-0d9a4b3c2d12",
                "machine_id": "0123456789abcdef0123456789abcdef",
                "dns": {"servers": ["10.0.0.1"], "search": []}, "hostname": "again"})");
    INFO(restored.body);
    CHECK(restored.status == 200);
    CHECK_THAT(restored.body, ContainsSubstring("No space left on device"));
    CHECK(in_guest(guest, "hostname") == "again\n");
    CHECK(in_guest(guest, "rouse debug status > /dev/null; echo $?") == "0\n");
    check_it_ends(guest);
}

TEST_CASE("when a guest is out of memory, who takes it is killed and the agent lives",
          "[agent][vm]") {
    Guest guest("6.12", R"({"on_exit": "stay", "sysctls": {"vm.overcommit_memory": 1}})");
    test::begin_session(guest, "bystander", "exec sleep 100000");
    const std::string boot_id = test::text_at(test::status(guest.endpoint()), "/boot_id");
    for (int round = 0; round < 2; ++round) {
        const auto hog = exec(guest.endpoint(), payload({"take-memory", "1024M"}));
        REQUIRE(hog.exit.has_value());
        CHECK(hog.exit->signal == static_cast<std::uint64_t>(SIGKILL));
        CHECK(hog.out.bytes.empty());
    }
    check_it_serves(guest);
    CHECK(test::text_at(test::status(guest.endpoint()), "/boot_id") == boot_id);
    CHECK_THAT(ask(guest.endpoint(), "GET", "/v1/sessions/bystander").body,
               ContainsSubstring(R"("state":"running")"));
    check_it_ends(guest);
}

TEST_CASE("PID 1 that is out of descriptors serves who is connected, and others afterwards",
          "[agent][vm]") {
    Guest guest("6.12", sandbox);
    // A connection from before, and as many more as there may be descriptors.
    test::Connection before = guest.endpoint().connect();
    constexpr int room = 24;
    REQUIRE(before.send("GET /v1/ready HTTP/1.1\r\nHost: g\r\n\r\n"));
    CHECK(test::read_answer(before).status == 200);
    const std::string limit_files = fmt::format(
        "{} limit-files 1 $(($(ls /proc/1/fd | wc -l) + {}))", payload({}).front(), room);
    CHECK(exec(guest.endpoint(), {"sh", "-c", limit_files}).exit->code == 0U);
    std::deque<test::Connection> crowd;
    for (int one = 0; one < 3 * room; ++one)
        crowd.push_back(guest.endpoint().connect());
    // What needs descriptors is refused with the reason; what needs none is answered.
    REQUIRE(before.send("POST /v1/exec HTTP/1.1\r\nHost: g\r\nContent-Length: 18\r\n\r\n"
                        R"({"argv": ["true"]})"));
    const auto refused = test::read_answer(before);
    INFO(refused.body);
    CHECK_THAT(refused.body, ContainsSubstring("Too many open files"));
    REQUIRE(before.send("GET /v1/status HTTP/1.1\r\nHost: g\r\n\r\n"));
    CHECK(test::read_answer(before).status == 200);
    crowd.clear();
    check_it_serves(guest);
    check_it_ends(guest);
}
