// The clocks of a relay: when a frame is late, when bytes are lost, how long frames may be, when a
// relay has stopped for no reason, what a console may show. All pure, all told the time.
#include "agent/output/console_fallback.hpp"
#include "agent/output/drop_clock.hpp"
#include "agent/output/frame_cap.hpp"
#include "agent/output/progress_watch.hpp"
#include "agent/output/send_path.hpp"
#include "agent/output/stall_clock.hpp"

#include <catch2/catch_test_macros.hpp>

using namespace rouse;
using namespace std::chrono_literals;

using output::ConsoleFallback;
using output::DropClock;
using output::DropPolicy;
using output::FrameCap;
using output::ProgressWatch;
using output::SendPath;
using output::StallClock;

namespace {

const StallClock::Clock::time_point start{100s};

StallClock stall_clock() {
    return StallClock({.write_timeout = 1s, .stall_redial = 5s, .late_timer = 250ms});
}

DropClock drop_clock(DropPolicy policy = DropPolicy::drop) {
    return DropClock({.policy = policy, .write_timeout = 1s, .late_timer = 250ms});
}

/// A clock that has begun to drop with 1000 bytes held.
DropClock dropping_clock() {
    DropClock clock = drop_clock();
    clock.full(start, 1000);
    (void)clock.late(start + 1s);
    return clock;
}

} // namespace

TEST_CASE("a frame that is late is a stall, and later the end of its connection", "[output]") {
    StallClock clock = stall_clock();
    clock.begin(start);
    REQUIRE(clock.deadline() == start + 1s);
    REQUIRE_FALSE(clock.stalled_since());
    REQUIRE(clock.late(start + 1s) == StallClock::Late::stalled);
    REQUIRE(clock.stalls() == 1);
    REQUIRE(clock.stalled_since() == start);
    REQUIRE(clock.deadline() == start + 5s);
    REQUIRE(clock.late(start + 5s) == StallClock::Late::redial);
    REQUIRE(clock.stalls() == 1);
}

TEST_CASE("a stalled frame that gets through says for how long it had stalled", "[output]") {
    StallClock clock = stall_clock();
    clock.begin(start);
    REQUIRE_FALSE(clock.end(start + 900ms));
    clock.begin(start);
    (void)clock.late(start + 1s);
    REQUIRE(clock.end(start + 3s) == 3000ms);
    REQUIRE_FALSE(clock.stalled_since());
}

TEST_CASE("a jump of the clock is waited out once and is not a stall", "[output]") {
    StallClock clock = stall_clock();
    clock.begin(start);
    REQUIRE(clock.late(start + 1h) == StallClock::Late::rearmed);
    REQUIRE(clock.deadline() == start + 1h + 1s);
    REQUIRE(clock.late(start + 3h) == StallClock::Late::stalled);
}

TEST_CASE("nothing is lost before the window was full for write_timeout", "[output]") {
    DropClock clock = drop_clock();
    REQUIRE_FALSE(clock.deadline());
    clock.full(start, 1000);
    clock.full(start + 500ms, 1000);
    REQUIRE(clock.deadline() == start + 1s);
    REQUIRE_FALSE(clock.late(start + 999ms));
    REQUIRE(clock.late(start + 1s));
    REQUIRE(clock.dropping());
    REQUIRE_FALSE(clock.deadline());
    REQUIRE_FALSE(clock.late(start + 2s)); // Said once.
}

TEST_CASE("whatever makes room starts the clock of a loss anew", "[output]") {
    DropClock clock = drop_clock();
    clock.full(start, 1000);
    clock.room();
    REQUIRE_FALSE(clock.late(start + 1s));
    clock.full(start + 1s, 1000);
    clock.released(999, true);
    REQUIRE_FALSE(clock.deadline());
    clock.full(start + 2s, 1000);
    REQUIRE(clock.deadline() == start + 3s);
}

TEST_CASE("bytes are lost until half of the window is free", "[output]") {
    DropClock clock = dropping_clock();
    clock.released(501, true);
    REQUIRE(clock.dropping());
    clock.released(400, false); // Too many gaps to begin another one.
    REQUIRE(clock.dropping());
    clock.released(500, true);
    REQUIRE_FALSE(clock.dropping());
}

TEST_CASE("a stream that blocks never loses", "[output]") {
    DropClock clock = drop_clock(DropPolicy::block);
    clock.full(start, 1000);
    REQUIRE_FALSE(clock.deadline());
    REQUIRE_FALSE(clock.late(start + 1h));
    REQUIRE_FALSE(clock.dropping());
}

TEST_CASE("a jump of the clock loses nothing", "[output]") {
    DropClock clock = drop_clock();
    clock.full(start, 1000);
    REQUIRE_FALSE(clock.late(start + 1h));
    REQUIRE(clock.deadline() == start + 1h + 1s);
    REQUIRE(clock.late(start + 1h + 1s));
}

TEST_CASE("a host that connects and never reads holds the workload once, not each time",
          "[output]") {
    DropClock clock = dropping_clock();
    clock.welcomed();
    REQUIRE_FALSE(clock.dropping()); // The first one is given its time.
    clock.full(start + 10s, 1000);
    REQUIRE(clock.late(start + 11s));
    clock.welcomed();
    REQUIRE(clock.dropping());
    clock.released(900, true); // Now it has proven that it reads.
    clock.welcomed();
    REQUIRE_FALSE(clock.dropping());
}

TEST_CASE("frames get shorter with each stall and longer with proven progress", "[output]") {
    FrameCap cap(64 * 1024);
    REQUIRE(cap.bytes() == 28 * 1024); // Until the host has spoken.
    cap.allow(1U << 20U);
    REQUIRE(cap.bytes() == 64 * 1024);
    for (const std::size_t step : {28U, 14U, 7U, 4U, 4U}) {
        cap.shrink();
        REQUIRE(cap.bytes() == step * 1024);
    }
    for (const std::size_t step : {7U, 14U, 28U, 64U}) {
        cap.prove(FrameCap::first_proof - 1);
        REQUIRE(cap.bytes() < step * 1024);
        cap.prove(1);
        REQUIRE(cap.bytes() == step * 1024);
    }
    REQUIRE_FALSE(cap.shrunk());
}

TEST_CASE("only the host's word makes a frame longer than 28 KiB", "[output]") {
    FrameCap cap(64 * 1024);
    cap.prove(FrameCap::longest_proof);
    REQUIRE(cap.bytes() == 28 * 1024);
    cap.allow(5000);
    REQUIRE(cap.bytes() == 5000);
    cap.shrink();
    REQUIRE(cap.bytes() == 4 * 1024);
    cap.allow(1000);
    REQUIRE(cap.bytes() == 1000);
}

TEST_CASE("a way that fails again after it was proven has to prove twice as much", "[output]") {
    FrameCap cap(64 * 1024);
    cap.allow(28 * 1024);
    cap.shrink();
    cap.prove(FrameCap::first_proof);
    REQUIRE(cap.bytes() == 28 * 1024);
    cap.shrink();
    cap.prove(2 * FrameCap::first_proof - 1);
    REQUIRE(cap.bytes() == 14 * 1024);
    cap.prove(1);
    REQUIRE(cap.bytes() == 28 * 1024);
}

TEST_CASE("who could move and does not for as long as the patience lasts is stuck", "[output]") {
    ProgressWatch watch(2s);
    REQUIRE_FALSE(watch.stuck(true, 7, start));
    REQUIRE_FALSE(watch.stuck(true, 7, start + 1s));
    REQUIRE(watch.stuck(true, 7, start + 2s));
    REQUIRE_FALSE(watch.stuck(true, 7, start + 3s)); // Woken; the patience starts anew.
    REQUIRE(watch.stuck(true, 7, start + 4s));
}

TEST_CASE("progress and rest are not stuck", "[output]") {
    ProgressWatch watch(2s);
    REQUIRE_FALSE(watch.stuck(true, 7, start));
    REQUIRE_FALSE(watch.stuck(true, 8, start + 3s));
    REQUIRE_FALSE(watch.stuck(false, 8, start + 6s));
    REQUIRE_FALSE(watch.stuck(true, 8, start + 9s));
    REQUIRE_FALSE(watch.stuck(true, 8, start + 10s));
}

TEST_CASE("the console shows what is kept, at a bounded rate, and counts the rest", "[output]") {
    ConsoleFallback console;
    console.add(100);
    REQUIRE_FALSE(console.waiting()); // A host is there.
    console.start(1000, start);
    ConsoleFallback::Due due = console.due(1000, start);
    REQUIRE(due.skip == 0);
    REQUIRE(due.bytes == 1000);
    console.shown(1000, 990);
    REQUIRE_FALSE(console.waiting());
    console.add(200000);
    due = console.due(201000, start);
    REQUIRE(due.skip == 1000);
    REQUIRE(due.bytes == ConsoleFallback::burst - 990);
    console.shown(due.bytes, due.bytes);
    REQUIRE(console.shown_bytes() == ConsoleFallback::burst);
    REQUIRE(console.shown_bytes() + console.dropped_bytes() == 201000);
    console.add(50000);
    REQUIRE(console.due(251000, start + 1s).bytes == ConsoleFallback::per_second);
}

TEST_CASE("what was lost before the console could show it is counted, too", "[output]") {
    ConsoleFallback console;
    console.start(1000, start);
    console.add(500);
    const ConsoleFallback::Due due = console.due(600, start);
    REQUIRE(due.skip == 0);
    REQUIRE(due.bytes == 600);
    REQUIRE(console.dropped_bytes() == 900);
}

TEST_CASE("kernels before 6.5 copy, since they make one packet a page from a splice", "[output]") {
    struct Row {
        const char* release;
        SendPath path;
    };
    const Row rows[] = {
        {"6.1.0-28-cloud-amd64", SendPath::copy},
        {"5.10.0", SendPath::copy},
        {"6.4.16", SendPath::copy},
        {"6.5.0", SendPath::splice},
        {"6.12.9+bpo-amd64", SendPath::splice},
        {"7.2", SendPath::splice},
        {"10.0", SendPath::splice},
        {"", SendPath::splice},
        {"six", SendPath::splice},
        {"6", SendPath::splice},
    };
    for (const Row& row : rows) {
        INFO(row.release);
        REQUIRE(output::suitable_send_path(row.release) == row.path);
    }
}
