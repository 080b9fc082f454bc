// The collector between a workload under `rouse run` and its files: killed, restarted, lied to.
#include "initramfs/file.hpp"
#include "proto/link.hpp"
#include "tests/process/forger.hpp"
#include "tests/support/collected.hpp"
#include "tests/support/records.hpp"
#include "tests/support/sequence.hpp"
#include "tools/lab/places.hpp"

#include <boost/json.hpp>
#include <catch2/catch_test_macros.hpp>
#include <fmt/format.h>

#include <csignal>
#include <random>

using namespace rouse;
using test::Agent;
using test::AgentPlace;
using test::payload;
namespace json = boost::json;

namespace {

/// Nothing is lost on purpose: the workload waits for a collector that is away.
const std::string patient =
    R"({"output": {"stdout": {"policy": "block"}, "stderr": {"policy": "block"}}})";

/// Which stream the sequence of a name is.
std::uint64_t number_of(const std::string& stream) {
    return stream == "stderr" ? 2 : 1;
}

/// All bytes at their offsets, and nothing marked as lost.
void check_complete(const test::Rebuilt& stream, const std::string& name) {
    INFO(name << ": " << stream.bytes.size() << " bytes, " << stream.gaps.size() << " gaps");
    CHECK(stream.start == 0);
    CHECK(stream.gaps.empty());
    CHECK(stream.eos == "closed");
    CHECK(test::matching_sequence(number_of(name), 0, stream.bytes) == stream.bytes.size());
}

/// An agent whose collector is killed again and again.
struct Victim {
    explicit Victim(std::vector<std::string> arguments)
        : options(std::move(arguments)), agent(place, payload({"trickle"}), patient) {
        start();
        (void)collector->collected().wait_event("output_connected");
        generation = collector->collected().generations().at(0);
    }

    void start() { collector.emplace(place.endpoint().target(), folder.path(), options); }
    [[nodiscard]] std::uint64_t size(const std::string& stream) const {
        std::error_code missing;
        const auto bytes = std::filesystem::file_size(
            collector->collected().file(generation, stream + suffix), missing);
        return missing ? 0 : bytes;
    }
    [[nodiscard]] std::string content(const std::string& stream) const {
        return initramfs::read_file(collector->collected().file(generation, stream + suffix));
    }

    AgentPlace place;
    test::TemporaryDirectory folder;
    std::vector<std::string> options;
    std::string suffix = options.empty() ? "" : ".jsonl";
    Agent agent;
    std::optional<test::Collector> collector;
    std::string generation;
};

/// What raw files say of a stream.
test::Rebuilt rebuild_raw(const Victim& victim, const std::string& stream) {
    const json::value record = victim.collector->collected().record(victim.generation, stream);
    test::Rebuilt rebuilt;
    rebuilt.begin(test::number_at(record, "/start"));
    rebuilt.bytes = victim.content(stream);
    for (const json::value& gap : record.at("gaps").as_array())
        rebuilt.gaps.emplace_back(test::number_at(gap, "/offset"), test::number_at(gap, "/count"));
    rebuilt.eos = test::text_at(record, "/eos");
    rebuilt.next = test::number_at(record, "/end");
    return rebuilt;
}

void check_complete(const Victim& victim) {
    for (const std::string stream : {"stdout", "stderr"}) {
        const test::Rebuilt rebuilt = victim.suffix.empty()
                                          ? rebuild_raw(victim, stream)
                                          : test::rebuild_json(victim.content(stream));
        check_complete(rebuilt, stream);
        CHECK(rebuilt.next == rebuilt.bytes.size());
    }
}

/// Waits until the collector has taken `more` bytes of both streams.
void wait_growth(const Victim& victim, std::uint64_t more) {
    const std::uint64_t out = victim.size("stdout");
    const std::uint64_t err = victim.size("stderr");
    test::wait_until(
        [&] { return victim.size("stdout") > out + more && victim.size("stderr") > err; },
        [&] { return json::serialize(test::status(victim.agent.endpoint())); }, test::patience);
}

void expect_refusal(test::FrameConnection& forger, std::string_view kind) {
    const auto frame = forger.expect(proto::FrameType::error);
    CHECK(proto::parse_error_document(frame.payload).value().kind == kind);
    CHECK(forger.connection().ends_within(test::patience));
}

} // namespace

TEST_CASE("a collector that is killed 50 times, 25 in each form, loses nothing and repeats nothing",
          "[collect][process]") {
    Victim raw({});
    Victim lines({"--format", "json"});
    std::minstd_rand random(20261121); // NOLINT(bugprone-random-generator-seed): replayable
    for (int kill = 0; kill < 25; ++kill) {
        INFO("kill " << kill);
        for (Victim* victim : {&raw, &lines})
            wait_growth(*victim, random() % 20'000);
        for (Victim* victim : {&raw, &lines}) {
            victim->collector->kill();
            victim->start();
        }
    }
    for (Victim* victim : {&raw, &lines}) {
        victim->agent.signal(SIGTERM);
        (void)victim->agent.finish();
        CHECK(victim->collector->stop().status == 0);
        check_complete(*victim);
    }
}

TEST_CASE("a collector that is restarted in the middle takes writes of all sizes",
          "[collect][process]") {
    const AgentPlace place;
    const test::TemporaryDirectory folder;
    Agent agent(place, payload({"sequence", "stdout", "24M", "stderr", "4M"}), patient);
    const auto collector = [&] {
        return test::Collector(place.endpoint().target(), folder.path());
    };
    std::string generation;
    for (int turn = 0; turn < 3; ++turn) {
        test::Collector one = collector();
        (void)one.collected().wait_event("output_connected");
        generation = one.collected().generations().at(0);
        const std::uint64_t before = one.collected().size(generation, "stdout");
        test::wait_until([&] { return one.collected().size(generation, "stdout") > before; },
                         [] { return std::string("no output"); }, test::patience);
        CHECK(one.stop().status == 0);
    }
    const test::Collector last = collector();
    CHECK(agent.finish().status == 0);
    for (const std::string stream : {"stdout", "stderr"}) {
        CHECK(test::text_at(last.collected().wait_end(generation, stream), "/eos") == "closed");
        const std::string bytes = last.collected().bytes(generation, stream);
        CHECK(bytes.size() == (stream == "stderr" ? 4U << 20U : 24U << 20U));
        CHECK(test::matching_sequence(number_of(stream), 0, bytes) == bytes.size());
    }
}

TEST_CASE("a second collector on a directory ends at once and leaves the first alone",
          "[collect][process]") {
    const AgentPlace place;
    const test::TemporaryDirectory folder;
    test::Collector first(place.endpoint().target(), folder.path(), {"--name", "vm"});
    // The same machine, and another one that is given the same name.
    for (const std::string& target :
         {place.endpoint().target(), "unix:" + (folder.path() / "x").string()}) {
        const test::Said said =
            test::run_command({lab::build_product("tools/rousectl").string(), "-H", target,
                               "collect", "--output", folder.path().string(), "--name", "vm"},
                              test::patience);
        INFO(said.error);
        CHECK(said.status == 125);
        CHECK(said.error.find("'" + (folder.path() / "vm").string() + "'") != std::string::npos);
        CHECK(said.error.find(fmt::format("by process {}\n", first.pid())) != std::string::npos);
    }
    Agent agent(place, payload({"sequence", "stdout", "1M"}), patient);
    CHECK(agent.finish().status == 0);
    const std::string generation = first.collected().generations().at(0);
    (void)first.collected().wait_end(generation, "stdout");
    CHECK(first.collected().size(generation, "stdout") == 1U << 20U);
    // The lock is the process's, not the file's.
    first.kill();
    test::Collector next(place.endpoint().target(), folder.path(), {"--name", "vm"});
    CHECK(next.stop().status == 0);
}

TEST_CASE("a forged hello is refused and displaces nobody", "[collect][process]") {
    const AgentPlace place;
    const test::TemporaryDirectory folder;
    test::Collector collector(place.endpoint().target(), folder.path());
    const Agent agent(place, payload({"trickle"}), patient);
    const auto& collected = collector.collected();
    const auto real = collected.wait_event("output_connected");
    const proto::OutputHello output =
        test::forged_hello(agent.endpoint(), test::text_at(json::value(real), "/generation"));
    proto::LinkHello link;
    link.versions = {1};
    link.boot_id = output.boot_id;
    link.generation = output.generation;
    link.epoch = output.epoch;
    link.link_key = output.link_key;
    link.nonce = std::string(32, '1');
    for (int turn = 0; turn < 3; ++turn) {
        auto forger = test::dial_host(place, 4002);
        REQUIRE(forger.send(proto::FrameType::hello, proto::to_json(output)));
        expect_refusal(forger, "refused");
        auto other = test::dial_host(place, 4001);
        REQUIRE(other.send(proto::FrameType::hello, proto::to_json(link)));
        expect_refusal(other, "refused");
    }
    // Many who say nothing do not keep anybody out either.
    std::vector<test::FrameConnection> mute;
    for (int turn = 0; turn < 40; ++turn)
        mute.push_back(test::dial_host(place, 4002));
    const auto size = collected.size(output.generation, "stdout");
    test::wait_until([&] { return collected.size(output.generation, "stdout") > size + 100'000; },
                     [] { return std::string("the guest's own output stopped"); }, test::patience);
    bool refused = false;
    for (const test::Event& event : collected.events()) {
        CHECK(event.at("type") != "output_closed");
        CHECK(event.at("type") != "link_closed");
        refused = refused || event.at("type") == "output_refused";
    }
    CHECK(refused);
    const std::string bytes = collected.bytes(output.generation, "stdout");
    CHECK(test::matching_sequence(1, 0, bytes) == bytes.size());
    const test::Said said = collector.stop();
    CHECK(said.status == 0);
    CHECK(said.error.find("wrong link key") != std::string::npos);
}
