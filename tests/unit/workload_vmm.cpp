// What the VMM is told, and how it gets there.
#include "agent/sys/datagram.hpp"
#include "agent/workload/vmm_notifier.hpp"
#include "tests/support/run_until.hpp"
#include "tests/support/temporary_directory.hpp"

#include <boost/asio/co_spawn.hpp>
#include <catch2/catch_test_macros.hpp>

#include <unistd.h>

using namespace rouse;
using namespace std::chrono_literals;

namespace {

struct NotifyRig {
    NotifyRig()
        : tasks(io.get_executor(), [](const std::string&, const std::string&) {}),
          notifier(io.get_executor(), tasks,
                   [this](const std::string& line) { warnings.push_back(line); }) {}

    /// Until so many were taken from the socket.
    bool take(int socket, std::size_t count) {
        return test::watch_until(io, [&] {
            const auto datagram = sys::receive_datagram(socket, 4096);
            if (datagram && *datagram) heard.push_back((*datagram)->text);
            return heard.size() >= count;
        });
    }

    boost::asio::io_context io;
    io::TaskGroup tasks;
    std::vector<std::string> warnings;
    std::vector<std::string> heard;
    workload::VmmNotifier notifier;
};

using Texts = std::vector<std::string>;

} // namespace

TEST_CASE("the VMM hears words in their order, at a path and under a name", "[workload]") {
    const test::TemporaryDirectory directory;
    const std::string path = directory.path() / "vmm";
    for (const std::string& name : {path, "@rouse-test/" + std::to_string(::getpid())}) {
        CAPTURE(name);
        NotifyRig rig;
        const sys::UniqueFd socket = sys::bind_datagrams(name, ::getuid()).value();
        rig.notifier.say("lost before it was open");
        rig.notifier.open(proto::parse_notify_address(name).value());
        rig.notifier.say("READY=1\nX_ROUSE_GENERATION=g");
        rig.notifier.say("STOPPING=1");
        REQUIRE(rig.take(socket.get(), 2));
        CHECK(rig.heard == Texts{"READY=1\nX_ROUSE_GENERATION=g", "STOPPING=1"});
        CHECK(rig.notifier.sent() == 2);
    }
}

TEST_CASE("of statuses that wait only the newest is told", "[workload]") {
    const test::TemporaryDirectory directory;
    const std::string path = directory.path() / "vmm";
    NotifyRig rig;
    rig.notifier.open(proto::parse_notify_address(path).value());
    rig.notifier.say("READY=1");
    rig.notifier.say_status("one");
    rig.notifier.say_status("two\nREADY=1");
    const sys::UniqueFd socket = sys::bind_datagrams(path, ::getuid()).value();
    REQUIRE(rig.take(socket.get(), 2));
    CHECK(rig.heard == Texts{"READY=1", "STATUS=two READY=1"});
}

TEST_CASE("a VMM that is late gets the words, and one that never comes is given up", "[workload]") {
    const test::TemporaryDirectory directory;
    const std::string path = directory.path() / "vmm";
    NotifyRig rig;
    rig.notifier.open(proto::parse_notify_address(path).value());
    rig.notifier.say("READY=1");
    REQUIRE(test::watch_until(rig.io, [&] { return rig.notifier.given_up() == 1; }));
    REQUIRE(rig.warnings.size() == 1);
    CHECK(rig.warnings[0] == "the VMM does not take notifications: No such file or directory");
    std::optional<bool> said;
    rig.notifier.say("STOPPING=1");
    boost::asio::co_spawn(rig.io, rig.notifier.flushed(5s),
                          [&](const std::exception_ptr&, bool all) { said = all; });
    (void)rig.io.poll(); // the first try finds nobody
    const sys::UniqueFd socket = sys::bind_datagrams(path, ::getuid()).value();
    REQUIRE(rig.take(socket.get(), 1));
    REQUIRE(test::run_until(rig.io, [&] { return said.has_value(); }));
    CHECK(said == true);
}

TEST_CASE("an exit is told as a number, and as a signal where it was one", "[workload]") {
    proto::ExitStatus exit;
    exit.code = 3;
    CHECK(workload::exit_words(exit, 3) == "EXIT_STATUS=3");
    exit.code.reset();
    exit.signal = 9;
    exit.oom = true;
    CHECK(workload::exit_words(exit, 137) == "EXIT_STATUS=137\nX_ROUSE_SIGNAL=9\nX_ROUSE_OOM=1");
    CHECK(workload::exit_words(std::nullopt, 127) == "EXIT_STATUS=127");
}
