// Preparing a guest for a snapshot with a file system of its own, whose freezing is the kernel's.
#include "initramfs/file.hpp"
#include "initramfs/modules.hpp"
#include "proto/snapshot.hpp"
#include "tests/vm/guest.hpp"
#include "tools/lab/places.hpp"

#include <boost/json.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <fmt/format.h>

using namespace rouse;
using Catch::Matchers::ContainsSubstring;
using test::Guest;
using test::in_guest;

namespace {

constexpr const char* writer = "while [ ! -e /data/go ]; do sleep 0.1; done; "
                               "while :; do n=$((n+1)); echo $n > /data/count; done";

/// A guest with a RAM disk's module, and a workload that writes to /data as soon as it may.
lab::MachineOptions disk_options(const std::filesystem::path& folder) {
    auto options = test::agent_options(
        "6.12", test::workload_config({{"argv", {"sh", "-c", writer}}}, "stay"));
    const initramfs::Kernel kernel(lab::kernel_folder(options.kernel));
    const auto module = folder / "brd.ko";
    initramfs::write_file(module, initramfs::read_module(kernel.load_order("brd").back()));
    options.files.push_back({.source = module, .destination = "brd.ko", .mode = 0644});
    return options;
}

void check_writes(const Guest& guest) {
    const std::string before = in_guest(guest, "cat /data/count");
    std::string now;
    test::wait_until(
        [&] { return !(now = in_guest(guest, "cat /data/count")).empty() && now != before; },
        [&] { return "the workload does not write: " + now; }, test::patience);
}

proto::Prepared prepare(const Guest& guest, const char* body) {
    const auto answer = ask(guest.endpoint(), "POST", "/v1/snapshot/prepare", body);
    INFO(answer.body);
    auto prepared = proto::parse_prepared(answer.body);
    REQUIRE(prepared.has_value());
    return std::move(prepared).value();
}

std::string detail_of(const proto::Prepared& prepared, const std::string& name) {
    for (const proto::RestoreStep& step : prepared.steps)
        if (step.name == name) return step.outcome + " " + step.detail;
    return "no such step";
}

} // namespace

TEST_CASE("prepare freezes a file system behind the workload that writes to it, and names a writer "
          "that cannot be frozen",
          "[agent][vm]") {
    const test::TemporaryDirectory folder;
    const Guest guest(disk_options(folder.path()));
    (void)in_guest(guest,
                   "insmod /brd.ko rd_nr=1 rd_size=8192 && mke2fs /dev/ram0 && mkdir -p /data "
                   "&& mount -t ext4 /dev/ram0 /data && echo 0 > /data/count && "
                   "touch /data/go");
    check_writes(guest);
    const auto pid = test::number_at(test::status(guest.endpoint()), "/workload/pid");

    // Somebody froze the file system first: the writer waits for it, and nothing reaches it.
    (void)in_guest(guest, "fsfreeze --freeze /data");
    test::wait_until(
        [&] {
            const std::string script =
                fmt::format("sed -n 's/^State:[^A-Z]*\\(.\\).*/\\1/p' /proc/{}/status", pid);
            return in_guest(guest, script) == "D\n";
        },
        [] { return std::string("the writer does not wait for the disk"); }, test::patience);
    const auto failed = prepare(guest, R"({"sync": false})");
    CHECK(failed.state == "failed");
    CHECK_THAT(
        detail_of(failed, "freeze"),
        ContainsSubstring(fmt::format("failed not frozen in time: sh (pid {}, state D)", pid)));
    (void)in_guest(guest, "fsfreeze --unfreeze /data");
    check_writes(guest);

    // In the right order it works, and holds until it is undone.
    const auto prepared = prepare(guest, R"({"freeze_filesystems": ["/data"]})");
    CHECK(prepared.state == "prepared");
    CHECK(prepared.frozen);
    CHECK(detail_of(prepared, "filesystems") == "ok ");
    const auto again = prepare(guest, R"({"freeze_filesystems": ["/data"]})");
    CHECK(again.lease == prepared.lease);
    CHECK(ask(guest.endpoint(), "POST", "/v1/exec", R"({"argv": ["true"]})").status == 503);
    const auto said = guest.rousectl({"snapshot", "resume", prepared.lease});
    CHECK(said.status == 0);
    CHECK_THAT(said.output, ContainsSubstring("thaw filesystems ok"));
    check_writes(guest);

    // A host that never comes back leaves nothing frozen.
    CHECK(prepare(guest, R"({"freeze_filesystems": ["/data"], "lease_ms": 500})").state ==
          "prepared");
    test::wait_status(guest.endpoint(), [](const boost::json::value& status) {
        return test::text_at(status, "/prepare/state") == "expired";
    });
    check_writes(guest);

    // What is no disk cannot be frozen, and everything runs on.
    const auto refused = prepare(guest, R"({"freeze_filesystems": ["/data", "/proc"]})");
    CHECK(refused.state == "failed");
    CHECK_THAT(detail_of(refused, "filesystems"), ContainsSubstring("failed \"/proc\": "));
    check_writes(guest);
}
