// A restore document carried out on a machine of the test's own.
#include "agent/restore/repair.hpp"
#include "agent/sys/descriptor.hpp"
#include "agent/sys/pipe.hpp"
#include "agent/sys/proc.hpp"
#include "proto/limits.hpp"
#include "proto/text.hpp"
#include "tests/support/command.hpp"
#include "tests/support/own_namespaces.hpp"
#include "tests/support/run_until.hpp"
#include "tests/support/temporary_directory.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <catch2/catch_test_macros.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include <sys/utsname.h>
#include <unistd.h>

using namespace rouse;
using namespace rouse::restore;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

namespace {

/// Repairs with its files in a directory.
struct RepairRig {
    [[nodiscard]] RepairPlaces places() const {
        return {.etc = at("etc"), .dbus_machine_id = at("dbus-id"), .covers = at("covers")};
    }
    [[nodiscard]] std::string at(const std::string& name) const {
        return (directory.path() / name).string();
    }
    [[nodiscard]] std::string read(const std::string& name) const {
        return sys::read_file(at(name)).value();
    }

    Repairs run(RepairOrder order) {
        std::optional<Repairs> ended;
        boost::asio::co_spawn(io, repair(std::move(order), blocking, places()),
                              [&](const std::exception_ptr& thrown, Repairs repairs) {
                                  if (thrown) std::rethrow_exception(thrown);
                                  ended = std::move(repairs);
                              });
        REQUIRE(test::watch_until(io, [&] { return ended.has_value(); }));
        return *ended;
    }
    Repairs carry_out(const std::string& document) {
        return run({.document = proto::parse_restore_document(document).value()});
    }

    test::TemporaryDirectory directory;
    boost::asio::io_context io{1};
    sys::BlockingCalls calls;
    io::Blocking blocking{io.get_executor(), calls};
};

/// "name outcome", for each step that was not skipped.
std::vector<std::string> worked(const Repairs& repairs) {
    std::vector<std::string> names;
    for (const proto::RestoreStep& step : repairs.steps)
        if (step.outcome != "skipped") names.push_back(step.name + " " + step.outcome);
    return names;
}

std::string detail_of(const Repairs& repairs, const std::string& name) {
    for (const proto::RestoreStep& step : repairs.steps)
        if (step.name == name) return step.detail;
    return "no such step";
}

std::string hostname() {
    utsname names{};
    REQUIRE(::uname(&names) == 0);
    return names.nodename;
}

using Texts = std::vector<std::string>;

constexpr const char* everything = R"({"hostname": "clone-7", "entropy": "AAEC",
    "machine_id": "0123456789abcdef0123456789abcdef",
    "network": [{"interface": "eth0", "addresses": ["10.0.0.5/24"]}],
    "dns": {"servers": ["10.0.0.1", "fd00::1"], "search": ["example.org", "local"]},
    "close_tcp": true})";

} // namespace

TEST_CASE("a kernel that is not ours is left alone", "[restore]") {
    RepairRig rig;
    RepairOrder order{.document = proto::parse_restore_document(everything).value(),
                      .kernel = Kernel::leave_alone};
    order.document.now_ns = 1;
    const Repairs repairs = rig.run(order);
    CHECK_FALSE(repairs.failed);
    CHECK(worked(repairs).empty());
    CHECK(repairs.generation.empty());
    Texts names;
    for (const proto::RestoreStep& step : repairs.steps)
        names.push_back(step.name);
    CHECK(names ==
          Texts{"entropy", "clock", "hostname", "machine_id", "network", "dns", "close_tcp"});
    CHECK(fs::is_empty(rig.directory.path()));
    order.make_generation = true;
    CHECK(proto::is_uuid(rig.run(order).generation));
    CHECK(rig.calls.counters().completed == 0);
}

TEST_CASE("a document is carried out step by step, in the order of the design", "[restore]") {
    test::in_own_namespaces([] {
        for (const auto& words : std::vector<Texts>{
                 {"ip", "link", "add", "eth0", "type", "veth", "peer", "name", "peer0"},
                 {"ip", "link", "set", "peer0", "up"}})
            REQUIRE(test::run_command(words, 10s).status == 0);
        RepairRig rig;
        std::ofstream(rig.at("dbus-id")) << "old\n";
        const Repairs repairs = rig.carry_out(everything); // the clock is not the test's own
        for (const proto::RestoreStep& step : repairs.steps)
            INFO(step.name << ": " << step.detail);
        CHECK_FALSE(repairs.failed);
        const Texts steps = worked(repairs);
        REQUIRE(steps.size() == 6);
        CHECK(Texts(steps.begin(), steps.end() - 1) ==
              Texts{"entropy ok", "hostname ok", "machine_id ok", "network ok", "dns ok"});
        CHECK(hostname() == "clone-7");
        CHECK(rig.read("etc/hostname") == "clone-7\n");
        CHECK(rig.read("etc/machine-id") == "0123456789abcdef0123456789abcdef\n");
        CHECK(rig.read("dbus-id") == "0123456789abcdef0123456789abcdef\n");
        CHECK(rig.read("etc/resolv.conf") ==
              "# Written by rouse.\n"
              "search example.org local\nnameserver 10.0.0.1\nnameserver fd00::1\n");
        CHECK(test::run_command({"ip", "addr", "show", "dev", "eth0"}, 10s)
                  .output.find("inet 10.0.0.5/24") != std::string::npos);
        CHECK(std::all_of(repairs.steps.begin(), repairs.steps.end(), [](const auto& step) {
            return step.outcome == "skipped" || step.duration_us > 0;
        }));
        CHECK(repairs.generation.empty());
    });
}

TEST_CASE("entropy that cannot be given ends everything, other failures are reported and no more",
          "[restore]") {
    test::in_own_namespaces([] {
        RepairRig rig;
        // The machine has no such interface, and a file stands where the directory should be.
        std::ofstream(rig.at("etc")) << "no directory\n";
        const Repairs repairs = rig.carry_out(everything);
        CHECK_FALSE(repairs.failed);
        const Texts steps = worked(repairs);
        REQUIRE(steps.size() == 6);
        CHECK(Texts(steps.begin(), steps.end() - 1) == Texts{"entropy ok", "hostname ok",
                                                             "machine_id failed", "network failed",
                                                             "dns failed"});
        CHECK(detail_of(repairs, "hostname") == rig.at("etc/hostname") + " stays: Not a directory");
        CHECK(detail_of(repairs, "machine_id") == rig.at("etc/machine-id") + ": Not a directory");
        CHECK(detail_of(repairs, "network") == "eth0: the interface: No such device");
        CHECK(hostname() == "clone-7");

        RepairOrder order{.document = proto::parse_restore_document(everything).value()};
        order.document.entropy = std::string(513, 'x'); // more than the kernel is given at once
        order.document.hostname = "never";
        order.make_generation = true;
        const Repairs failed = rig.run(order);
        CHECK(failed.failed);
        CHECK(worked(failed) == Texts{"entropy failed"});
        CHECK(failed.generation.empty());
        CHECK(hostname() == "clone-7");
    });
}

TEST_CASE("a generation of our own is made after the generator was reseeded", "[restore]") {
    RepairRig rig;
    const Repairs one = rig.run({.document = {}, .make_generation = true});
    if (one.failed) SKIP("the generator is not ours: " << detail_of(one, "entropy"));
    const Repairs other = rig.run({.document = {}, .make_generation = true});
    CHECK(worked(one) == Texts{"entropy ok"});
    CHECK(detail_of(one, "entropy") == "from what the kernel has; the host gave none");
    CHECK(proto::is_uuid(one.generation));
    CHECK(proto::is_uuid(other.generation));
    CHECK(one.generation != other.generation);
}

TEST_CASE("a step that the kernel does not finish in time is given up and changes nothing later",
          "[restore]") {
    test::in_own_namespaces([] {
        RepairRig rig;
        const std::string before = hostname();
        // Nobody is left who could do the step.
        const sys::Pipe pipe = sys::make_pipe(sys::PipeMode::blocking).value();
        const int reader = pipe.read.get();
        for (std::size_t i = 0; i < sys::BlockingCalls::most_threads; ++i)
            rig.blocking.post([reader] {
                char byte = 0;
                (void)::read(reader, &byte, 1); // returns when there is a byte
            });
        const Repairs repairs = rig.carry_out(R"({"hostname": "never"})");
        CHECK_FALSE(repairs.failed);
        CHECK(worked(repairs) == Texts{"hostname failed"});
        CHECK(detail_of(repairs, "hostname") ==
              fmt::format("not done after {} ms", proto::limits::repair_step.count()));
        REQUIRE(sys::write_some(pipe.write.get(), "xxxx")->bytes == 4);
        REQUIRE(test::watch_until(rig.io, [&] { return rig.calls.counters().running == 0; }));
        CHECK(hostname() == before);
        CHECK_FALSE(fs::exists(rig.at("etc")));
    });
}
