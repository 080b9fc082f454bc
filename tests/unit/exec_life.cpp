// The parts of a session that are pure: its life, its input, its name.

#include "agent/exec/session.hpp"
#include "agent/exec/session_table.hpp"

#include <boost/asio/io_context.hpp>
#include <catch2/catch_test_macros.hpp>
#include <fmt/format.h>

#include <array>
#include <set>
#include <tuple>

using namespace rouse;
using exec::Order;
using exec::SessionInput;
using exec::SessionLife;
using exec::SessionTable;
using exec::SessionTime;
using Phase = exec::SessionLife::Phase;
using namespace std::chrono_literals;

namespace {

enum class Step { start, fail, exit, come, go, detach, abandon, wait, wait_long };
constexpr std::array all_steps{Step::start,  Step::fail,    Step::exit, Step::come,     Step::go,
                               Step::detach, Step::abandon, Step::wait, Step::wait_long};

/// A life, what was ordered so far, and the time.
struct LifeWorld {
    SessionLife life;
    SessionTime now{};
    int terminates = 0;
    int kills = 0;
    bool ran = false;

    [[nodiscard]] bool may(Step step) const {
        if (step == Step::start || step == Step::fail) return life.phase() == Phase::starting;
        if (step == Step::exit) return life.phase() == Phase::running;
        return true;
    }
    void take(Step step) {
        switch (step) {
        case Step::start:
            life.started(now);
            break;
        case Step::fail:
            life.failed();
            break;
        case Step::exit:
            life.exited();
            break;
        case Step::come:
            life.controller_came();
            break;
        case Step::go:
            life.controller_gone(now);
            break;
        case Step::detach:
            life.controller_detached();
            break;
        case Step::abandon:
            life.abandon();
            break;
        case Step::wait:
            now += 10s;
            break;
        case Step::wait_long:
            now += 100s;
            break;
        }
        obey();
    }
    void obey() {
        for (Order order = life.due(now); order != Order::none; order = life.due(now)) {
            // Orders go to a process that is there, and the last one is never repeated.
            REQUIRE(life.phase() == Phase::running);
            REQUIRE(kills == 0);
            ++(order == Order::kill ? kills : terminates);
        }
        const auto next = life.next_due();
        REQUIRE((!next || *next > now));
    }
};

struct LifeForm {
    bool attended;
    bool detached;
    proto::OnDisconnect on_disconnect;
    std::chrono::milliseconds timeout;
};

LifeWorld world_of(const LifeForm& form) {
    proto::SessionOptions options;
    options.detach = form.detached;
    options.on_disconnect = form.on_disconnect;
    options.timeout = form.timeout;
    options.kill_grace = 5s;
    options.reattach_grace = 30s;
    return {.life = SessionLife(options, form.attended)};
}

void explore(const LifeWorld& world, const LifeForm& form, unsigned depth, std::size_t& runs) {
    ++runs;
    // Whoever is attended is waited for; who is not needed is never killed for it.
    REQUIRE((!world.life.attended() || world.life.holds()));
    if (form.timeout == 0ms) {
        REQUIRE(world.terminates == 0);
        if (form.detached || form.on_disconnect == proto::OnDisconnect::keep)
            REQUIRE(world.kills == 0);
    }
    REQUIRE(world.terminates <= 1);
    if (depth == 0) return;
    for (const Step step : all_steps) {
        if (!world.may(step)) continue;
        LifeWorld next = world;
        next.take(step);
        explore(next, form, depth - 1, runs);
    }
}

} // namespace

TEST_CASE("every order of what may happen to a session keeps its rules", "[exec][session]") {
    std::size_t runs = 0;
    for (const bool attended : {true, false})
        for (const bool detached : {true, false})
            for (const auto rule : {proto::OnDisconnect::kill, proto::OnDisconnect::keep})
                for (const auto timeout : {0ms, 15000ms}) {
                    const LifeForm form{attended, detached, rule, timeout};
                    explore(world_of(form), form, 5, runs);
                }
    INFO(runs << " states explored");
    CHECK(runs > 100000);
}

TEST_CASE("a session whose controller stays away is killed once, at the end of its grace",
          "[exec][session]") {
    LifeWorld world = world_of({true, false, proto::OnDisconnect::kill, 0ms});
    world.take(Step::start);
    world.take(Step::go);
    CHECK(world.life.next_due() == world.now + 30s);
    world.now += 29s;
    world.obey();
    CHECK(world.kills == 0);
    CHECK(world.life.holds());
    world.take(Step::come);
    world.take(Step::wait_long);
    CHECK(world.kills == 0);
    world.take(Step::go);
    world.take(Step::wait_long);
    CHECK(world.kills == 1);
    CHECK_FALSE(world.life.holds());
}

TEST_CASE("a clock that jumps ends no grace", "[exec][session]") {
    LifeWorld world = world_of({true, false, proto::OnDisconnect::kill, 0ms});
    world.take(Step::start);
    world.take(Step::go);
    const auto jump = [&world] {
        const SessionTime before = world.now;
        const std::optional<SessionTime> due = world.life.next_due();
        world.now += 1h;
        world.life.waited(due.value(), before, world.now);
        world.obey();
    };
    jump();
    CHECK(world.kills == 0);
    CHECK(world.life.next_due() == world.now + 30s);
    SECTION("the same deadline has one second chance") {
        jump();
        CHECK(world.kills == 1);
    }
    SECTION("the grace after another jump has its own") {
        world.take(Step::come);
        world.take(Step::go);
        jump();
        CHECK(world.kills == 0);
        CHECK(world.life.next_due() == world.now + 30s);
    }
}

TEST_CASE("input is bounded by its window, and goes on where it was", "[exec][session]") {
    SessionInput input;
    proto::FrameHeader header;
    header.length = proto::limits::exec_window;
    CHECK(input.receive(header, std::string(header.length, 'x')).has_value());
    header.offset = header.length;
    header.length = 1;
    CHECK_FALSE(input.receive(header, "y").has_value());
    input.consume(1000);
    CHECK_FALSE(input.ack_due());
    input.resume();
    CHECK(input.receive(header, "y").has_value());
    input.close();
    CHECK(input.waiting().empty());
    CHECK(input.ack_due());
    CHECK(input.end(proto::limits::exec_window + 1).has_value());
    CHECK(input.finished());
    CHECK(input.ack().find("\"eos\":true") != std::string::npos);
    CHECK_FALSE(input.ack_due());
}

TEST_CASE("what is remembered is bounded by number and by age", "[exec][session]") {
    boost::asio::io_context loop;
    io::MemoryBudget budget(1 << 20);
    SessionTable table;
    SessionTable::Time now{};
    const auto add = [&](const std::string& id) {
        proto::ExecRequest request;
        request.command.argv = {"x"};
        table.add(id, std::make_shared<exec::Session>(loop.get_executor(), id, request,
                                                      exec::Form::captured, budget));
    };
    for (std::size_t i = 0; i < proto::limits::sessions_remembered + 10; ++i) {
        add(fmt::format("s{}", i));
        CHECK(table.live() == 1);
        table.ended(fmt::format("s{}", i), now);
    }
    CHECK(table.remembered() == proto::limits::sessions_remembered);
    CHECK(table.knows("s9") == SessionTable::Known::forgotten);
    CHECK(table.knows("s10") == SessionTable::Known::yes);
    CHECK(table.knows("other") == SessionTable::Known::no);
    table.forget(now, true);
    CHECK(table.remembered() == proto::limits::sessions_remembered / 2);
    now += 100h; // a jump of the clock forgets nobody
    table.forget(now, false);
    CHECK(table.remembered() == proto::limits::sessions_remembered / 2);
    for (int minute = 1; minute <= 10; ++minute)
        table.forget(now += 1min, false);
    CHECK(table.remembered() == 0);
    CHECK(table.all().empty());
    for (std::size_t i = 0; i < proto::limits::ids_forgotten; ++i) {
        add(fmt::format("t{}", i));
        table.ended(fmt::format("t{}", i), now);
    }
    CHECK(table.knows("s9") == SessionTable::Known::no);
}
