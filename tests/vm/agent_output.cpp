// The workload's output on its way to the host.
#include "proto/output.hpp"
#include "tests/support/sequence.hpp"
#include "tests/vm/guest.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <algorithm>
#include <csignal>

using namespace rouse;
using std::chrono::milliseconds;
using test::Guest;
using test::payload;

namespace {

/// All bytes of a stream have to be the sequence's, and the record has to say that they are all.
void check_stream(const Guest& guest, const std::string& stream, std::uint64_t number,
                  std::uint64_t size) {
    INFO(stream);
    const auto record =
        guest.collected().wait_end(guest.generation(), stream, std::chrono::minutes(2));
    INFO(boost::json::serialize(record));
    CHECK(test::number_at(record, "/start") == 0);
    CHECK(test::number_at(record, "/end") == size);
    CHECK(test::text_at(record, "/eos") == "closed");
    const std::string bytes = guest.collected().bytes(guest.generation(), stream);
    REQUIRE(bytes.size() == size);
    CHECK(test::matching_sequence(number, 0, bytes) == size);
}

/// How long each of `count` commands took, one after the other; the shortest first.
std::vector<milliseconds> time_execs(const test::Endpoint& endpoint, unsigned count) {
    std::vector<milliseconds> times;
    for (unsigned turn = 0; turn < count; ++turn) {
        const auto start = std::chrono::steady_clock::now();
        const auto result = exec(endpoint, payload({"exit", std::to_string(turn)}));
        times.push_back(
            std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now() - start));
        REQUIRE(result.exit);
        CHECK(result.exit->code == turn);
    }
    std::sort(times.begin(), times.end());
    return times;
}

} // namespace

TEST_CASE("64 MiB on stdout and 16 MiB on stderr at once arrive exactly", "[agent][vm]") {
    const std::string kernel = GENERATE("6.1", "6.12");
    INFO("kernel " << kernel);
    Guest& guest = Guest::shared(kernel);
    (void)guest.collected().wait_event("output_connected");
    check_stream(guest, "stdout", 1, test::shared_stdout_bytes);
    check_stream(guest, "stderr", 2, test::shared_stderr_bytes);
    CHECK(test::number_at(guest.collected().wait_event("workload_exit"), "/exit/code") == 0);
}

TEST_CASE("a host that accepts the output and never reads delays neither exec nor reaping",
          "[agent][vm]") {
    const std::string kernel = GENERATE("6.1", "6.12");
    INFO("kernel " << kernel);
    const test::TemporaryDirectory folder;
    lab::Machine machine = lab::Machine::boot(test::agent_options(
        kernel, test::payload_config({"after-usr1", "sequence", "stdout", "1024M"})));
    const auto endpoint = test::Endpoint::guest(machine.target());
    test::Collector collector(machine.target(), folder.path());
    const auto& collected = collector.collected();
    const std::string generation =
        test::text_at(collected.wait_event("output_connected"), "/generation");
    const auto before = time_execs(endpoint, 20);

    collector.freeze();
    const auto workload = test::number_at(test::status(endpoint), "/workload/pid");
    (void)exec(endpoint, {"kill", "-USR1", std::to_string(workload)});
    test::wait_held(endpoint, 0);
    const auto frozen = collected.size(generation, "stdout");
    const auto during = time_execs(endpoint, 20);
    INFO("slowest exec: " << before.back().count() << " ms before, " << during.back().count()
                          << " ms beside the stuck reader");
    // Twice as slow is noise of the machine; waiting for the reader would take for ever.
    CHECK(during.back() <= 2 * before.back() + milliseconds(100));

    const auto reaped = test::number_at(test::status(endpoint), "/reaper/orphans");
    const auto start = std::chrono::steady_clock::now();
    CHECK(exec(endpoint, payload({"orphans", "200"})).exit->code == 0U);
    test::wait_status(endpoint, [&](const boost::json::value& status) {
        return test::number_at(status, "/reaper/orphans") == reaped + 200;
    });
    CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(5));
    CHECK(collected.size(generation, "stdout") == frozen);

    collector.thaw();
    constexpr std::uint64_t more = 8U << 20U;
    test::wait_until([&] { return collected.size(generation, "stdout") > frozen + more; },
                     [&] { return boost::json::serialize(test::status(endpoint)); },
                     test::patience);
    constexpr std::string_view first_line = "waiting\n";
    const std::string bytes = collected.bytes(generation, "stdout");
    CHECK(test::matching_sequence(1, 0, std::span(bytes).subspan(first_line.size())) ==
          bytes.size() - first_line.size());
}

TEST_CASE("a hello forged by an unprivileged process of the guest is refused and displaces nobody",
          "[agent][vm]") {
    const Guest guest("6.12", test::payload_config({"trickle"}));
    const test::Collected& collected = guest.collected();
    (void)collected.wait_event("output_connected");
    const std::string generation = guest.generation();
    const auto status = test::status(guest.endpoint());
    // All that others than root may know: everything but the key.
    const proto::OutputHello forged{.versions = {1},
                                    .boot_id = test::text_at(status, "/boot_id"),
                                    .generation = generation,
                                    .parent_generation = std::nullopt,
                                    .epoch = test::number_at(status, "/epoch"),
                                    .link_key = std::string(32, '0'),
                                    .stream = "stdout",
                                    .oldest = 0,
                                    .next = 1U << 30U};
    const auto said =
        exec(guest.endpoint(),
             payload({"say-hello", "4002", boost::json::serialize(proto::to_json(forged))}),
             "1000:1000");
    INFO(said.out.bytes << said.err.bytes);
    REQUIRE(said.exit);
    CHECK(said.exit->code == 0U);
    CHECK(said.out.bytes.find("wrong link key") != std::string::npos);
    (void)collected.wait_event("output_refused");
    const auto size = collected.size(generation, "stdout");
    test::wait_until([&] { return collected.size(generation, "stdout") > size + 100'000; },
                     [&] { return boost::json::serialize(test::status(guest.endpoint())); },
                     test::patience);
    for (const test::Event& event : collected.events())
        CHECK(event.at("type") != "output_closed");
    const std::string bytes = collected.bytes(generation, "stdout");
    CHECK(test::matching_sequence(1, 0, bytes) == bytes.size());
}
