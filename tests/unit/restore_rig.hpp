#pragma once
// The restore service with neighbours that do as they are told, over Unix sockets.

#include "agent/restore/restore_service.hpp"
#include "tests/support/run_until.hpp"
#include "tests/support/temporary_directory.hpp"
#include "tests/unit/restore_fake_host.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <catch2/catch_test_macros.hpp>

namespace rouse::test {

using namespace std::chrono_literals;

/// The service with its neighbours, over Unix sockets.
struct RestoreRig {
    explicit RestoreRig(bool with_link = true)
        : fake(io.get_executor(), tasks, link()),
          service(io.get_executor(), tasks, registry, options(with_link), hooks()) {
        fake.probe = [this](std::string nonce) { return service.ready(std::move(nonce)); };
    }
    ~RestoreRig() {
        try {
            // From within the loop: Asio 1.81 keeps a bare pointer to a signal that is emitted from
            // outside, and a task that ends first takes the signal with it (impl/co_spawn.hpp).
            boost::asio::post(io, [this] { tasks.cancel(); });
            CHECK(run_until(io, [this] { return tasks.size() == 0; }));
        } catch (const std::exception& error) {
            FAIL_CHECK(error.what());
        }
    }
    RestoreRig(const RestoreRig&) = delete;
    RestoreRig& operator=(const RestoreRig&) = delete;

    [[nodiscard]] io::Address link() const {
        return io::UnixAddress{(directory.path() / "link").string()};
    }
    [[nodiscard]] restore::RestoreOptions options(bool with_link) const {
        restore::RestoreOptions options;
        if (with_link) options.host_link = link();
        options.confirm_deadline = 300ms;
        options.apply_to_kernel = false;
        return options;
    }
    restore::RestoreHooks hooks() {
        restore::RestoreHooks hooks;
        hooks.rebind = [this] { return rebind(); };
        hooks.connect_output = [this](const restore::Identity& identity) {
            output.push_back(identity);
            reached("output");
        };
        hooks.fence = [this](const io::FenceRule& rule) {
            reached("fence");
            return registry.fence(rule);
        };
        hooks.event = [this](std::string_view type, const boost::json::object&) {
            types.emplace_back(type);
            reached(type);
        };
        hooks.open_mark = [this] { return mark; };
        hooks.hold_prepared = [this](bool chain_needs_it) { held = chain_needs_it; };
        hooks.thaw = [this] { return thaw(); };
        hooks.restored = [this](const proto::RestoreReport& report, const proto::RestoreDocument&) {
            restored.push_back(report);
        };
        hooks.configuration = [this](const std::string& config, const std::string& source) {
            configurations.push_back(source + ": " + config);
            reached("configuration");
        };
        hooks.disconnect_output = [this] { ++disconnected; };
        hooks.log = [this](std::string text) { log += text + "\n"; };
        hooks.repair = [this](restore::RepairOrder order) { return repair(std::move(order)); };
        return hooks;
    }
    io::Awaitable<std::string> rebind() {
        ++rebinds;
        reached("rebind");
        co_return "kept";
    }
    io::Awaitable<restore::Repairs> repair(restore::RepairOrder order) {
        reached("repair");
        repaired.push_back(order.document);
        restore::Repairs repairs;
        repairs.failed = entropy_fails;
        repairs.steps.push_back({"entropy", entropy_fails ? "failed" : "ok", 1, ""});
        if (order.make_generation) repairs.generation = "cccccccc-cccc-4ccc-8ccc-cccccccccccc";
        co_return repairs;
    }
    io::Awaitable<std::vector<proto::RestoreStep>> thaw() {
        ++thaws;
        std::vector<proto::RestoreStep> steps{{"thaw", "ok", 1, ""}};
        co_return steps;
    }
    void reached(std::string_view step) {
        if (at_step) at_step(step);
    }
    io::Awaitable<> word(proto::RestoreDocument document) {
        io::Awaitable<proto::RestoreReport> asking = service.host_word(std::move(document), 0);
        proto::RestoreReport report = co_await std::move(asking);
        answers.push_back(std::move(report));
    }
    void ask(const char* generation, const char* config = "") {
        proto::RestoreDocument document;
        document.generation = generation;
        document.config = config;
        document.entropy = "random";
        tasks.spawn("word", word(std::move(document)));
    }
    io::Awaitable<> ask_gate() {
        io::Awaitable<bool> asking = service.gate();
        gate = co_await std::move(asking);
    }

    TemporaryDirectory directory;
    io::ConnectionRegistry registry;
    boost::asio::io_context io;
    io::TaskGroup tasks{io.get_executor(), [](const std::string& task, const std::string& what) {
                            FAIL_CHECK(task + ": " + what);
                        }};
    std::vector<restore::Identity> output;
    std::vector<proto::RestoreDocument> repaired;
    std::vector<proto::RestoreReport> answers;
    std::vector<std::string> configurations;       ///< and where they came from
    std::vector<std::string> types;                ///< of events
    std::vector<proto::RestoreReport> restored;    ///< that programs were told of
    std::function<void(std::string_view)> at_step; ///< a hook or an event of this name
    std::uint64_t mark = 0;
    bool held = false;
    int thaws = 0;
    std::string log;
    int rebinds = 0;
    int disconnected = 0;
    bool entropy_fails = false;
    std::optional<bool> gate;
    FakeHost fake; ///< these two use what stands above
    restore::RestoreService service;
};

} // namespace rouse::test
