// What tests of the metadata service share.
#pragma once

#include "agent/io/race.hpp"
#include "agent/io/task_group.hpp"
#include "agent/restore/mmds_client.hpp"
#include "agent/restore/mmds_trigger.hpp"
#include "tests/support/mmds_fake.hpp"
#include "tests/support/run_until.hpp"

#include <boost/asio/io_context.hpp>
#include <catch2/catch_test_macros.hpp>
#include <fmt/format.h>

#include <optional>
#include <string>
#include <vector>

namespace rouse::test {

inline constexpr const char* first_generation = "11111111-1111-4111-8111-111111111111";
inline constexpr const char* second_generation = "22222222-2222-4222-8222-222222222222";

/// What a host puts: the document where the configuration says that it is.
inline boost::json::value mmds_data(boost::json::value document) {
    return {{"rouse", {{"restore", std::move(document)}}}, {"meta-data", {{"ami", "none"}}}};
}

class MmdsRig {
public:
    explicit MmdsRig(MmdsFakeOptions options = {}) : service(io, options) {
        config.enabled = true;
        config.address = "127.0.0.1";
        config.port = service.port();
        config.poll = std::chrono::milliseconds(5);
    }

    [[nodiscard]] restore::MmdsReading read(restore::MmdsClient& client) {
        std::optional<restore::MmdsReading> reading;
        tasks.spawn("read", io::store_result<restore::MmdsReading>(client.read(), reading));
        REQUIRE(run_until(io, [&] { return reading.has_value(); }));
        return std::move(reading.value());
    }
    [[nodiscard]] restore::MmdsReading read_once() {
        restore::MmdsClient client(io.get_executor(), config);
        return read(client);
    }
    /// Watches until the end of the test.
    void watch(restore::Trigger& trigger) {
        tasks.spawn("watch", trigger.watch([this](restore::Signal signal) {
            signals.push_back(std::move(signal));
        }));
    }
    /// Whether the trigger has read `more` times from now on.
    [[nodiscard]] bool await_readings(const restore::Trigger& trigger, std::uint64_t more) {
        const auto readings = [&] {
            return trigger.status().at("readings").to_number<std::uint64_t>();
        };
        const std::uint64_t goal = readings() + more;
        return run_until(io, [&] { return readings() >= goal; });
    }

    boost::asio::io_context io{1};
    MmdsFake service;
    proto::MmdsConfig config;
    io::TaskGroup tasks{io.get_executor(), [](const std::string& task, const std::string& what) {
                            FAIL(task << ": " << what);
                        }};
    std::vector<restore::Signal> signals;
};

} // namespace rouse::test
