#include "tests/vm/restored.hpp"

#include "proto/exec_stream.hpp"
#include "proto/restore.hpp"
#include "tests/support/sequence.hpp"
#include "tools/lab/places.hpp"

#include <boost/json.hpp>
#include <catch2/catch_test_macros.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <numeric>

namespace rouse::test {
namespace {

namespace json = boost::json;
using std::chrono::microseconds;
using WallClock = std::chrono::system_clock;

constexpr microseconds clock_tolerance{10000};
constexpr microseconds clock_limit{100000}; // also where ten machines share one processor
constexpr const char* streams[] = {"stdout", "stderr"};

std::uint64_t sequence_number(std::string_view stream) {
    return stream == "stdout" ? 1 : 2;
}

/// The guest's answer to one question of its `clock` payload, as nanoseconds since 1970.
std::int64_t ask_clock(FrameConnection& stream, std::uint64_t question) {
    proto::FrameHeader header;
    header.stream = proto::stream_id::in;
    header.offset = question;
    REQUIRE(stream.send(header, "?"));
    std::string line;
    while (!line.ends_with("\n")) {
        const proto::Frame frame = stream.receive().value();
        if (frame.header.type == proto::FrameType::data) line += frame.payload;
    }
    std::int64_t time = 0;
    std::from_chars(line.data(), line.data() + line.size(), time);
    return time;
}

std::int64_t nanoseconds(WallClock::time_point time) {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch()).count();
}

} // namespace

lab::MachineOptions genuine_options(const std::string& kernel, std::string config) {
    auto options = agent_options(kernel, std::move(config));
    options.rig = lab::Rig::kvm;
    options.memory = 128;
    return options;
}

void wait_output(const Collected& collected, const std::string& generation) {
    for (const std::string_view stream : streams)
        (void)collected.wait_event("output_connected", [&](const Event& event) {
            return event.at("stream") == json::value(stream) &&
                   event.at("generation") == json::value(generation);
        });
}

void check_sequence(const Collected& collected, const std::string& generation,
                    const std::string& stream, std::uint64_t number) {
    INFO(generation << " " << stream);
    const auto start = number_at(collected.record(generation, stream), "/start");
    const std::string bytes = collected.bytes(generation, stream);
    CHECK(matching_sequence(number, start, bytes) == bytes.size());
}

std::chrono::milliseconds check_parallel_execs(const std::string& target) {
    std::vector<std::vector<std::string>> commands;
    for (int number = 0; number < 10; ++number)
        commands.push_back({lab::build_product("tools/rousectl").string(), "-H", target, "exec",
                            "--", std::string(payload_path), "say", fmt::format("out {}", number),
                            "err", std::to_string(100 + number)});
    const auto began = std::chrono::steady_clock::now();
    const auto said = run_commands(commands, commands.size(), std::chrono::minutes(1));
    const auto took = std::chrono::steady_clock::now() - began;
    for (int number = 0; number < 10; ++number) {
        const auto& one = said[static_cast<std::size_t>(number)];
        INFO("command " << number << ": " << one.error);
        CHECK(one.status == 100 + number);
        CHECK(one.output == fmt::format("out {}", number));
        CHECK(one.error == "err");
    }
    return std::chrono::duration_cast<std::chrono::milliseconds>(took);
}

ClockOffset clock_offset(const Endpoint& endpoint) {
    constexpr std::uint64_t questions = 16;
    proto::ExecRequest request;
    request.command.argv = payload({"clock"});
    auto stream = FrameConnection::exec(endpoint, request);
    ClockOffset best{.offset = {}, .round_trip = microseconds::max(), .slowest = {}};
    for (std::uint64_t question = 0; question < questions; ++question) {
        const auto asked = nanoseconds(WallClock::now());
        const std::int64_t guest = ask_clock(stream, question);
        const auto answered = nanoseconds(WallClock::now());
        const microseconds round_trip((answered - asked) / 1000);
        best.slowest = std::max(best.slowest, round_trip);
        if (round_trip >= best.round_trip) continue;
        best.round_trip = round_trip;
        best.offset = microseconds((guest - std::midpoint(asked, answered)) / 1000);
    }
    // It ends at the end of its input, and does not wait for us to come back.
    (void)stream.send(proto::FrameType::eos, json::object(), proto::stream_id::in, questions);
    return best;
}

Incarnation incarnation(const Collected& collected, const std::string& generation) {
    Incarnation now{.generation = generation, .end = {}, .flushed = false};
    for (const char* stream : streams)
        now.end[stream] = number_at(collected.record(generation, stream), "/start") +
                          collected.size(generation, stream);
    return now;
}

void check_connections(const Endpoint& endpoint) {
    const HttpAnswer answer = ask(endpoint, "GET", "/v1/debug/conns");
    INFO(answer.body);
    REQUIRE(answer.status == 200);
    const json::value document = json::parse(answer.body);
    const auto epoch = number_at(document, "/epoch");
    const json::array& connections = document.at("connections").as_array();
    // What the fence lets stay moves to the new epoch, so the number alone proves little: nothing
    // may be older than the first of those that every restore makes anew.
    std::map<std::string, std::uint64_t> made{
        {"link", 0}, {"output stdout", 0}, {"output stderr", 0}};
    std::uint64_t eldest = 0;
    for (const json::value& connection : connections)
        if (const auto one = made.find(text_at(connection, "/role")); one != made.end()) {
            CHECK(++one->second == 1);
            eldest = std::max(eldest, number_at(connection, "/age_ms"));
        }
    for (const json::value& connection : connections) {
        CHECK(number_at(connection, "/epoch") == epoch);
        CHECK(number_at(connection, "/age_ms") <= eldest);
    }
}

void check_fork(const Collected& collected, const std::string& generation,
                const Incarnation& parent, std::uint64_t more) {
    for (const std::string stream : streams) {
        INFO(stream);
        const json::value record = collected.record(generation, stream);
        const auto start = number_at(record, "/start");
        const auto fork = parent.end.at(stream);
        CHECK(text_at(record, "/parent_generation") == parent.generation);
        CHECK(start <= fork);
        if (parent.flushed) CHECK(start == fork);
        wait_until([&] { return start + collected.size(generation, stream) > fork + more; },
                   [&] { return "the restored workload's output stays away: " + stream; },
                   patience);
        check_sequence(collected, generation, stream, sequence_number(stream));
    }
}

void RestoreChecks::check(lab::Machine& machine, const Collected& collected,
                          const Incarnation& parent) {
    const Endpoint endpoint = Endpoint::guest(machine.target());
    const std::string& generation = machine.generation();
    wait_output(collected, generation);
    slowest_exec_ = std::max(slowest_exec_, check_parallel_execs(machine.target()));
    CHECK(generations_.insert(generation).second);
    check_report(collected, generation, parent);
    check_clock(endpoint);
    check_connections(endpoint);
    check_random(endpoint);
    constexpr std::uint64_t more = 16384;
    check_fork(collected, generation, parent, more);
}

void RestoreChecks::check_report(const Collected& collected, const std::string& generation,
                                 const Incarnation& parent) {
    const auto event = collected.wait_event("confirm", [&](const Event& one) {
        return text_at(one.at("report"), "/generation") == generation;
    });
    INFO(json::serialize(event));
    const auto report = proto::parse_restore_report(event.at("report")).value();
    CHECK(report.kind == "restore");
    CHECK(report.exec == "proven");
    CHECK(report.state == "complete");
    CHECK(report.parent_generation == parent.generation);
    std::uint64_t sum = 0;
    for (const proto::RestoreStep& step : report.steps) {
        CHECK((step.outcome == "ok" || step.outcome == "skipped"));
        sum += step.duration_us;
        step_us_[step.name] += step.duration_us;
    }
    CHECK(sum == report.total_us);
    longest_chain_us_ = std::max(longest_chain_us_, report.total_us);
    sum_chain_us_ += report.total_us;
}

void RestoreChecks::check_clock(const Endpoint& endpoint) {
    const ClockOffset clock = clock_offset(endpoint);
    INFO("off by " << clock.offset.count() << " us, round trip " << clock.round_trip.count()
                   << " to " << clock.slowest.count());
    const microseconds off(std::abs(clock.offset.count()));
    // The document says what time it was when it was sent, and nobody knows how long it was under
    // way: on a busy rig as long as a slow question.
    CHECK(off <= std::min(clock_tolerance + clock.slowest, clock_limit));
    worst_clock_ = std::max(worst_clock_, off);
    worst_round_trip_ = std::max(worst_round_trip_, clock.round_trip);
}

void RestoreChecks::check_random(const Endpoint& endpoint) {
    const auto result = exec(endpoint, {"sh", "-c", "head -c 16 /dev/urandom | od -An -v -tx1"});
    CHECK(result.out.bytes.size() > 32);
    CHECK(random_.insert(result.out.bytes).second);
}

std::string RestoreChecks::summary() const {
    const auto milliseconds = [](auto microseconds) {
        return static_cast<double>(microseconds) / 1000;
    };
    const std::uint64_t count = std::max<std::uint64_t>(generations_.size(), 1);
    std::string steps;
    for (const auto& [name, sum] : step_us_)
        steps += fmt::format(" {} {:.1f}", name, milliseconds(sum / count));
    return fmt::format(
        "{} restores: chain {:.1f} ms in the mean ({} ), {:.1f} at most; 10 parallel "
        "execs {} ms at most; clock off by {:.1f} ms at most (round trip {:.1f})",
        generations_.size(), milliseconds(sum_chain_us_ / count), steps,
        milliseconds(longest_chain_us_), slowest_exec_.count(), milliseconds(worst_clock_.count()),
        milliseconds(worst_round_trip_.count()));
}

unsigned count_from(const char* variable, unsigned otherwise) {
    const char* text = std::getenv(variable);
    if (text == nullptr) return otherwise;
    const std::string_view digits(text);
    unsigned count = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), count);
    if (error != std::errc() || end != digits.data() + digits.size() || count == 0)
        throw std::runtime_error(fmt::format("{} is not a count: '{}'", variable, digits));
    return count;
}

} // namespace rouse::test
