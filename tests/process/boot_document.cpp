// A guest that takes its boot document from the metadata service.
#include "tests/process/workload_scene.hpp"
#include "tests/support/mmds_fake.hpp"
#include "tests/support/wait.hpp"

#include <boost/asio/post.hpp>
#include <boost/json.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <fmt/format.h>

#include <future>
#include <thread>

using namespace rouse;
using Catch::Matchers::ContainsSubstring;
using test::Agent;
using test::AgentPlace;
using test::await_state;
using test::events_of;

namespace {

namespace json = boost::json;

/// The service in a thread of its own; at `/rouse/restore` a document with this configuration.
class BootMmds {
public:
    explicit BootMmds(const json::value& config) : service_(io_, {.tokens = false}) {
        put(config);
        thread_ = std::thread([this] { io_.run(); });
    }
    BootMmds(const BootMmds&) = delete;
    BootMmds& operator=(const BootMmds&) = delete;
    ~BootMmds() {
        io_.stop();
        thread_.join();
    }

    void tell(const json::value& config) {
        boost::asio::post(io_, [this, config] { put(config); });
    }

    [[nodiscard]] std::size_t requests() {
        std::promise<std::size_t> counted;
        boost::asio::post(io_, [&] { counted.set_value(service_.requests()); });
        return counted.get_future().get();
    }

    /// Of an agent that waits for it.
    [[nodiscard]] std::string config() const {
        return fmt::format(R"({{"boot": "mmds", "restore": {{"mmds": {{"address": "127.0.0.1", )"
                           R"("version": "v1", "port": {}, "poll_ms": 100}}}}}})",
                           service_.port());
    }

private:
    void put(const json::value& config) {
        service_.put({{"rouse", {{"restore", {{"config", config}}}}}});
    }

    boost::asio::io_context io_{1};
    test::MmdsFake service_;
    std::thread thread_;
};

const json::value sleeper{{"workload", {{"argv", {"/bin/sleep", "1000"}}}}};

std::size_t count(const std::string& events, const std::string& type) {
    const std::string mark = "\"type\":\"" + type + "\"";
    std::size_t found = 0;
    for (std::size_t at = events.find(mark); at != std::string::npos;
         at = events.find(mark, at + 1))
        ++found;
    return found;
}

} // namespace

TEST_CASE("a wrong boot document in the metadata service is told once, however often it is read",
          "[workload][mmds][process]") {
    constexpr std::size_t readings = 6;
    BootMmds service(json::value{{"ports", {{"exec", 7}}}});
    const AgentPlace place;
    const Agent agent(place, {}, service.config());
    test::wait_until([&] { return service.requests() >= readings; },
                     [] { return "it is not asked"; }, test::patience);
    CHECK(count(events_of(agent), "boot_document") == 1);
    service.tell(sleeper);
    await_state(agent, "running");
    CHECK(count(events_of(agent), "boot_document") == 2);
}

TEST_CASE("a workload that the metadata service brings starts when the gate is open",
          "[workload][restore][mmds][process]") {
    BootMmds service(sleeper);
    const AgentPlace place;
    // The chain of the boot pauses again and again while the gate is still shut.
    const Agent agent(place, {}, service.config(),
                      {{"ROUSE_FAILPOINTS",
                        "restore-before-fence=1,restore-after-fence=1,restore-before-rebind=1,"
                        "restore-after-rebind=1"}});
    await_state(agent, "running");
    const std::string events = events_of(agent);
    INFO(events);
    const std::size_t done = events.find("\"type\":\"chain_ended\"");
    REQUIRE(done != std::string::npos);
    CHECK(events.find("\"type\":\"boot_document\"") < done);
    CHECK(events.find("\"type\":\"workload_started\"") > done);
}
