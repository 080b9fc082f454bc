// The hands of a preparation: answers, marks, what a restore chain asks for.
#include "agent/restore/prepare_service.hpp"

#include "agent/io/race.hpp"
#include "tests/support/peer.hpp"
#include "tests/support/run_until.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <catch2/catch_test_macros.hpp>

using namespace rouse;
using namespace rouse::restore;
using namespace std::chrono_literals;
using std::chrono::milliseconds;
using Names = std::vector<std::string>;

namespace {

io::Awaitable<std::string> said(std::string text) {
    co_return text;
}

struct ServiceWorld {
    ServiceWorld() : service(io.get_executor(), tasks, registry, options(), hands()) {}
    ~ServiceWorld() {
        try {
            boost::asio::post(io, [this] { tasks.cancel(); });
            CHECK(test::run_until(io, [this] { return tasks.size() == 0; }));
        } catch (const std::exception& error) {
            FAIL_CHECK(error.what());
        }
    }
    ServiceWorld(const ServiceWorld&) = delete;
    ServiceWorld& operator=(const ServiceWorld&) = delete;

    static PrepareOptions options() {
        PrepareOptions options;
        options.has_prepare_hook = true;
        options.has_resume_hook = true;
        return options;
    }

    std::function<io::Awaitable<std::string>(milliseconds)> does(const std::string& what) {
        return [this, what](milliseconds) {
            done.push_back(what);
            return said(failing == what ? "no" : "");
        };
    }
    PrepareHands hands() {
        PrepareHands hands;
        hands.settle_spawns = [](milliseconds) { return settled(); };
        hands.run_hook = [this](Hook hook, std::string kind, milliseconds) {
            done.push_back((hook == Hook::prepare ? "hook prepare " : "hook resume ") + kind);
            return run_hook();
        };
        hands.freeze = does("freeze");
        hands.thaw = does("thaw");
        hands.flush = [](milliseconds) { return flushed(); };
        hands.sync = [this](milliseconds) { return sync(); };
        hands.freeze_filesystems = [this](std::vector<std::string> paths, milliseconds) {
            done.push_back("freeze " + paths.front());
            return said("");
        };
        hands.thaw_filesystems = does("thaw filesystems");
        hands.console_unsent = [this] { return console > 0 ? console-- : 0; };
        hands.record = [this](std::string_view type, boost::json::object) {
            records.emplace_back(type);
        };
        return hands;
    }
    static io::Awaitable<bool> settled() { co_return true; }
    static io::Awaitable<std::uint64_t> flushed() { co_return 5; }
    io::Awaitable<std::string> sync() {
        done.emplace_back("sync");
        if (sync_hangs) co_await io::forever();
        if (sync_throws) throw std::runtime_error("boom");
        co_return "";
    }
    io::Awaitable<proto::RestoreStep> run_hook() {
        proto::RestoreStep step;
        step.outcome = "ok";
        co_return step;
    }

    io::Awaitable<> store_prepared(proto::PrepareRequest request) {
        io::Awaitable<proto::Prepared> asking = service.prepare(std::move(request));
        prepared.push_back(co_await std::move(asking));
    }
    io::Awaitable<> store_resumed(std::string lease) {
        io::Awaitable<proto::Resumed> asking = service.resume(std::move(lease));
        resumed.push_back(co_await std::move(asking));
    }
    io::Awaitable<> store_thawed(bool filesystems_only) {
        io::Awaitable<PrepareService::Steps> thawing =
            filesystems_only ? service.thaw_filesystems_after_restore()
                             : service.thaw_after_restore();
        const PrepareService::Steps steps = co_await std::move(thawing);
        ++thaws;
        for (const proto::RestoreStep& step : steps)
            thawed.push_back(step.name);
    }
    io::Awaitable<> store_admitted() {
        io::Awaitable<bool> asking = service.admits_spawns();
        admitted = co_await std::move(asking);
    }

    void prepare(proto::PrepareRequest request = everything()) {
        const std::size_t before = prepared.size();
        tasks.spawn("prepare", store_prepared(std::move(request)));
        REQUIRE(test::run_until(io, [&] { return prepared.size() > before; }));
    }
    void resume(const std::string& lease = {}) {
        const std::size_t before = resumed.size();
        tasks.spawn("resume", store_resumed(lease));
        REQUIRE(test::run_until(io, [&] { return resumed.size() > before; }));
    }
    void thaw(bool filesystems_only) {
        const std::size_t before = thaws;
        tasks.spawn("thaw", store_thawed(filesystems_only));
        REQUIRE(test::run_until(io, [&] { return thaws > before; }));
    }
    static proto::PrepareRequest everything() {
        proto::PrepareRequest request;
        request.freeze_filesystems = {"/data"};
        return request;
    }

    boost::asio::io_context io{1};
    Names escapes;
    io::TaskGroup tasks{io.get_executor(), [this](const std::string&, const std::string& what) {
                            escapes.push_back(what);
                        }};
    io::ConnectionRegistry registry;
    Names done;
    std::string failing;
    bool sync_hangs = false;
    bool sync_throws = false;
    std::size_t console = 3;
    Names records;
    std::vector<proto::Prepared> prepared;
    std::vector<proto::Resumed> resumed;
    Names thawed;
    std::size_t thaws = 0;
    std::optional<bool> admitted;
    PrepareService service;
};

} // namespace

TEST_CASE("prepare does all, and says what is open and up to which connection", "[prepare]") {
    ServiceWorld world;
    auto [near, far] = test::socket_pair(world.io);
    auto [idle, idle_far] = test::socket_pair(world.io);
    const auto entry = world.registry.add(near, "stream");
    auto idle_entry = world.registry.add(idle, "http");
    idle_entry.set_idle(true);
    world.prepare();
    CHECK(world.done == Names{"hook prepare prepare", "freeze", "sync", "freeze /data"});
    const proto::Prepared& prepared = world.prepared.front();
    CHECK(prepared.state == "prepared");
    CHECK(prepared.frozen);
    CHECK(prepared.unflushed_bytes == 5);
    CHECK_FALSE(idle.is_open());
    REQUIRE(prepared.open.size() == 1);
    CHECK(prepared.open.front().id == entry.id());
    CHECK(prepared.open.front().role == "stream");
    CHECK(prepared.open.front().peer.starts_with("unix pid "));
    CHECK(world.service.open_mark() == idle_entry.id());
    CHECK(world.service.refuses_spawns());
    CHECK(world.service.hello_state() == "prepared");
    CHECK(world.console == 0);
    world.resume(prepared.lease);
    CHECK(world.resumed.front().state == "resumed");
    CHECK(world.service.open_mark() == 0);
    CHECK_FALSE(world.service.refuses_spawns());
    CHECK(world.service.hello_state() == "none");
    CHECK(world.records == Names{"prepared", "resumed"});
}

TEST_CASE("a restore chain thaws without a hook, and twice is once", "[prepare]") {
    ServiceWorld world;
    world.thaw(true); // on first boot
    world.thaw(false);
    CHECK(world.thawed.empty());
    world.prepare();
    world.done.clear();
    world.service.hold_lease();
    world.thaw(true);
    CHECK(world.done == Names{"thaw filesystems"});
    CHECK(world.service.hello_state() == "prepared");
    world.thaw(true);
    world.thaw(false);
    world.thaw(false);
    world.service.release_lease();
    CHECK(world.done == Names{"thaw filesystems", "thaw"});
    CHECK(world.thawed == Names{"thaw filesystems", "thaw"});
    CHECK_FALSE(world.service.refuses_spawns());
}

TEST_CASE("a restore in the middle of a preparation gives it up", "[prepare]") {
    ServiceWorld world;
    world.sync_hangs = true;
    world.tasks.spawn("prepare", world.store_prepared(ServiceWorld::everything()));
    REQUIRE(test::run_until(world.io,
                            [&] { return !world.done.empty() && world.done.back() == "sync"; }));
    world.thaw(false);
    REQUIRE(test::run_until(world.io, [&] { return world.prepared.size() == 1; }));
    CHECK(world.prepared.front().state == "failed");
    CHECK(world.done.back() == "thaw"); // the file systems were not come to, and no hook
    CHECK_FALSE(world.service.refuses_spawns());
}

TEST_CASE("what a step throws makes it fail, and the preparation is undone", "[prepare]") {
    ServiceWorld world;
    world.sync_throws = true;
    world.prepare();
    CHECK(world.prepared.front().state == "failed");
    CHECK(world.prepared.front().steps.at(5).detail == "boom");
    CHECK(world.escapes.empty());
    world.sync_throws = false;
    REQUIRE(test::run_until(world.io, [&] { return !world.service.refuses_spawns(); }));
    world.prepare();
    CHECK(world.prepared.back().state == "prepared");
}

TEST_CASE("a lease runs out by the clock, unless it is held", "[prepare]") {
    ServiceWorld world;
    proto::PrepareRequest request = ServiceWorld::everything();
    request.lease = 30ms;
    SECTION("nobody holds it") {
        world.prepare(request);
        REQUIRE(
            test::run_until(world.io, [&] { return world.done.back() == "hook resume lease"; }));
        CHECK(world.service.hello_state() == "expired");
        world.resume();
        CHECK(world.resumed.front().state == "expired");
        CHECK(world.service.hello_state() == "none");
    }
    SECTION("a chain holds it, and lets go") {
        world.service.hold_lease();
        world.prepare(request);
        CHECK_FALSE(test::run_until(
            world.io, [&] { return world.service.hello_state() != "prepared"; }, 100ms));
        world.service.release_lease();
        REQUIRE(test::run_until(world.io, [&] { return !world.service.refuses_spawns(); }));
        CHECK(world.service.hello_state() == "expired");
    }
}

TEST_CASE("who wants a process is refused while it is prepared, and waits while it is undone",
          "[prepare]") {
    ServiceWorld world;
    world.prepare();
    world.tasks.spawn("admit", world.store_admitted());
    REQUIRE(test::run_until(world.io, [&] { return world.admitted.has_value(); }));
    CHECK(world.admitted == false);
    world.admitted.reset();
    world.tasks.spawn("resume", world.store_resumed(""));
    world.tasks.spawn("admit", world.store_admitted());
    REQUIRE(test::run_until(world.io, [&] { return world.admitted.has_value(); }));
    CHECK(world.admitted == true);
}
