// What the restore service makes of its triggers, over a genuine link.
#include "tests/unit/restore_rig.hpp"
#include "tests/unit/restore_world.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/generators/catch_generators_range.hpp>
#include <fmt/format.h>

#include <algorithm>

using namespace rouse;
using namespace rouse::restore;
using namespace std::chrono_literals;
using rouse::test::RestoreRig;

namespace {

const std::vector<std::string> sources{"canary", "host", "vmgenid", "vmclock", "cid", "mmds"};

/// Lets a source notice the restore to generation A.
void speak(RestoreRig& rig, const std::string& source) {
    if (source == "canary") return rig.fake.hang_up();
    if (source == "host") return rig.ask(test::generation_a);
    Signal signal{.source = source, .value = "2"};
    if (source == "cid") signal.means = Means::loss;
    if (source == "mmds") {
        signal.document.emplace();
        signal.document->generation = test::generation_a;
    }
    rig.service.notice(std::move(signal));
}

/// A service that has run since long before the restore. The host gives it generation A from now
/// on.
void boot(RestoreRig& rig) {
    rig.fake.listen();
    rig.service.begin();
    REQUIRE(test::run_until(rig.io, [&] { return rig.fake.confirms.size() == 1; }));
    rig.fake.document.generation = test::generation_a;
    rig.rebinds = 0;
    rig.output.clear();
    rig.types.clear();
}

[[nodiscard]] bool is_done(const RestoreRig& rig) {
    return rig.service.identity().generation == test::generation_a && !rig.output.empty() &&
           rig.service.step() == "none" && rig.service.status().at("link") == "connected";
}

} // namespace

TEST_CASE("whichever two triggers notice a restore, at whatever step, there is one rebind and one "
          "output connect",
          "[restore]") {
    const std::string first = GENERATE(from_range(sources));
    const std::string second = GENERATE(from_range(sources));
    const std::string step =
        GENERATE("epoch_began", "fence", "rebind", "link_up", "repair", "output", "restored");
    if (first == second) return;
    INFO(first << ", then " << second << " at " << step);
    RestoreRig rig;
    boot(rig);
    bool has_spoken = false;
    rig.at_step = [&](std::string_view name) {
        if (name != step || std::exchange(has_spoken, true)) return;
        boost::asio::post(rig.io, [&] { speak(rig, second); });
    };
    speak(rig, first);
    REQUIRE(test::run_until(rig.io, [&] { return has_spoken && is_done(rig); }));
    (void)test::run_until(
        rig.io, [] { return false; }, 20ms); // for what should not come
    REQUIRE(test::run_until(rig.io, [&] { return is_done(rig); }));
    CHECK(rig.rebinds == 1);
    CHECK(rig.output.size() == 1);
    CHECK(std::ranges::count(rig.types, "epoch_began") == 1);
    CHECK(rig.restored.size() == 1);
    CHECK(rig.service.reports().back().kind == "restore");
}

TEST_CASE("without a host a source that proves a restore makes a generation of its own",
          "[restore]") {
    RestoreRig rig(false);
    rig.service.begin();
    REQUIRE(test::run_until(rig.io, [&] { return rig.service.step() == "none"; }));
    const Identity before = rig.service.identity();
    rig.service.notice({.source = "vmgenid", .value = "1"});
    REQUIRE(test::run_until(rig.io, [&] {
        return rig.service.identity().generation != before.generation &&
               rig.service.step() == "none";
    }));
    CHECK(rig.service.identity().parent_generation == before.generation);
    CHECK(rig.service.reports().back().kind == "restore");
    CHECK(rig.service.reports().back().trigger == "vmgenid");
    CHECK(rig.restored.size() == 1);
}

TEST_CASE("a late timer makes the host prove the link, and nothing else while it does",
          "[restore]") {
    RestoreRig rig;
    boot(rig);
    rig.service.notice({.source = "clock", .value = "300 ms", .means = Means::loss});
    (void)test::run_until(
        rig.io, [] { return false; }, 50ms);
    CHECK(rig.rebinds == 0);
    CHECK(rig.service.identity().epoch == 1);
    CHECK(rig.service.status().at("triggers").as_array().back().at("made") == "verifying");
}

TEST_CASE("a link on which nobody answers is lost", "[restore]") {
    RestoreRig rig;
    boot(rig);
    rig.fake.answers_ping = false;
    rig.service.notice({.source = "clock", .value = "300 ms", .means = Means::loss});
    REQUIRE(test::run_until(rig.io, [&] { return is_done(rig); }));
    CHECK(rig.service.reports().back().trigger == "canary");
    CHECK(rig.rebinds == 1);
}

TEST_CASE("a restore thaws what was frozen, a mere loss of connections does not", "[restore]") {
    RestoreRig rig;
    boot(rig);
    rig.service.prepare_changed(true);
    SECTION("a restore") {
        speak(rig, "host");
        REQUIRE(test::run_until(rig.io, [&] { return is_done(rig); }));
        CHECK(rig.thaws == 1);
        CHECK_FALSE(rig.held);
        const std::vector<proto::RestoreStep> steps = rig.service.reports().back().steps;
        CHECK(std::ranges::count(steps, "thaw", &proto::RestoreStep::name) == 1);
    }
    SECTION("a loss") {
        rig.fake.document.generation.reset();
        rig.fake.hang_up();
        REQUIRE(test::run_until(rig.io, [&] { return rig.output.size() == 1; }));
        CHECK(rig.thaws == 0);
        CHECK_FALSE(rig.held);
    }
    SECTION("a restore that fails") {
        rig.entropy_fails = true;
        speak(rig, "host");
        REQUIRE(test::run_until(rig.io, [&] { return rig.service.step() == "failed"; }));
        CHECK(rig.thaws == 0);
        CHECK(rig.held);
    }
}
