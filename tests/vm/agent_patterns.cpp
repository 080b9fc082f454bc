// However a workload writes and however it ends, the host has what was written. Many ways share one
// workload, since a boot takes longer than they do.
#include "tests/support/sequence.hpp"
#include "tests/support/writing_patterns.hpp"
#include "tests/vm/guest.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <fmt/format.h>

#include <span>

using namespace rouse;
using test::Collected;
using test::Guest;

namespace {

constexpr std::size_t reopened_size = 1U << 20U;
constexpr std::size_t early_size = 1U << 20U;
constexpr std::size_t unfinished_write = 64U << 20U;

std::vector<test::WritingPattern> patterns() {
    return test::writing_patterns({.ones = 100000, .total = std::size_t{4} << 20U});
}

std::string words(const std::vector<std::string>& arguments) {
    return fmt::format("{} {}", test::payload_path, fmt::join(arguments, " "));
}

/// A workload without privileges: every pattern; on a stdout that it has opened again a writer that
/// is killed in the middle of a write; then stdout is closed, and stderr goes on.
std::string script() {
    std::string text = "set -e\n";
    for (const test::WritingPattern& pattern : patterns())
        text += words(pattern.words) + "\n";
    text += "exec > /dev/stdout\n";
    text += words({"writes", "2049", std::to_string(reopened_size)}) + "\n";
    text += words({"after-usr1", "die-writing", std::to_string(unfinished_write)}) + "\n";
    text += "exec " + words({"close-early", std::to_string(early_size)}) + "\n";
    return text;
}

/// What is on stdout when the writer that will be killed waits for its signal.
std::string text_before_the_unfinished_write() {
    std::string text;
    for (const test::WritingPattern& pattern : patterns())
        text += pattern.text(pattern.size);
    return text + test::sequence_text(reopened_size) + "waiting\n";
}

/// Has the writer begin, and kills it when it is held in the middle of its write, since the
/// collector has stopped reading.
void kill_in_the_middle_of_a_write(const test::Endpoint& guest, test::Collector& collector) {
    const std::vector<std::string> go_on{"killall", "-USR1", "rouse-payload"};
    collector.freeze();
    CHECK(exec(guest, go_on).exit->code == 0U);
    test::wait_held(guest, 0);
    CHECK(exec(guest, go_on).exit->code == 0U);
    collector.thaw();
}

/// What came after `before` has to be the unfinished write and then what was written before stdout
/// was closed.
void check_end_of_stdout(std::span<const char> bytes) {
    REQUIRE(bytes.size() > early_size);
    const auto unfinished = bytes.first(bytes.size() - early_size);
    CHECK(unfinished.size() > (256U << 10U));
    CHECK(unfinished.size() < unfinished_write);
    CHECK(test::matching_sequence(1, 0, unfinished) == unfinished.size());
    CHECK(test::matching_sequence(1, 0, bytes.last(early_size)) == early_size);
}

/// Where an event is that was collected; the number of all events when it is not there.
std::size_t place_of(const std::vector<test::Event>& events, std::string_view type) {
    std::size_t place = 0;
    while (place < events.size() && events[place].at("type") != boost::json::value(type))
        ++place;
    return place;
}

} // namespace

TEST_CASE("however a workload of a guest writes, its bytes arrive exactly", "[agent][vm]") {
    const std::string kernel = GENERATE("6.1", "6.12");
    INFO("kernel " << kernel);
    const test::TemporaryDirectory folder;
    lab::Machine machine = lab::Machine::boot(test::agent_options(
        kernel,
        test::workload_config(
            {{"argv", {"/bin/sh", "-c", script()}}, {"user", "1000:1000"}, {"cwd", "/"}}, "stay")));
    const auto endpoint = test::Endpoint::guest(machine.target());
    test::Collector collector(machine.target(), folder.path());
    const Collected& collected = collector.collected();
    const std::string generation =
        test::text_at(collected.wait_event("output_connected"), "/generation");
    const std::string before = text_before_the_unfinished_write();
    test::wait_until([&] { return collected.size(generation, "stdout") >= before.size(); },
                     [&] { return boost::json::serialize(test::status(endpoint)); },
                     std::chrono::minutes(2));
    kill_in_the_middle_of_a_write(endpoint, collector);

    const auto record = collected.wait_end(generation, "stdout");
    CHECK(test::text_at(record, "/eos") == "closed");
    CHECK(test::number_at(record, "/start") == 0);
    const std::string bytes = collected.bytes(generation, "stdout");
    REQUIRE(bytes.starts_with(before));
    check_end_of_stdout(std::span(bytes).subspan(before.size()));

    test::wait_until([&] { return collected.size(generation, "stderr") >= early_size; },
                     [&] { return boost::json::serialize(test::status(endpoint)); },
                     test::patience);
    const std::string err = collected.bytes(generation, "stderr");
    CHECK(err.size() == early_size);
    CHECK(test::matching_sequence(2, 0, err) == early_size);
    CHECK(collected.record(generation, "stderr").at("eos").is_null());
    CHECK(test::text_at(test::status(endpoint), "/workload/state") == "running");
}

TEST_CASE("a grandchild that keeps the pipe for ever delays neither exit report nor stream's end",
          "[agent][vm]") {
    const std::string kernel = GENERATE("6.1", "6.12");
    INFO("kernel " << kernel);
    constexpr std::size_t total = 300U << 10U;
    const Guest guest(kernel, test::payload_config({"keep-pipe", std::to_string(total)}, "stay"));
    const Collected& collected = guest.collected();
    CHECK(test::number_at(collected.wait_event("workload_exit"), "/exit/code") == 0);
    const std::string generation =
        test::text_at(collected.wait_event("output_connected"), "/generation");
    for (const std::string stream : {"stdout", "stderr"})
        CHECK(test::text_at(collected.wait_end(generation, stream), "/eos") == "lingered");
    (void)collected.wait_event("output_closed");
    const auto events = collected.events();
    CHECK(place_of(events, "workload_exit") < place_of(events, "output_closed"));
    const std::string bytes = collected.bytes(generation, "stdout");
    CHECK(bytes.size() == total);
    CHECK(test::matching_sequence(1, 0, bytes) == total);
}
