// The collector and output connections, against a guest that is played on Unix sockets.
#include "tests/unit/host_collector_rig.hpp"

#include <fmt/format.h>

#include <future>
#include <sstream>

using namespace rouse;
using namespace rouse::test;
using namespace rouse::test::collecting;

TEST_CASE("output is written, acknowledged and ended", "[host][collector]") {
    Rig rig;
    {
        const Running collector(rig);
        FakeDialed guest = dial_output(rig, output_hello(first_generation, 10, 12));
        REQUIRE_FALSE(welcome_of(guest).resume.has_value());
        guest.send(FrameType::data, 1, 10, "hello ");
        REQUIRE(acked(guest) == 16);
        guest.send(FrameType::data, 1, 16, "world", proto::frame_flag::ack_now);
        REQUIRE(acked(guest) == 21);
        guest.send(FrameType::eos, 1, 21, R"({"how":"closed"})");
        const auto last = guest.receive();
        REQUIRE(proto::parse_ack(last->payload).value().eos);
    }
    REQUIRE(rig.file(first_generation, "stdout") == "hello world");
    REQUIRE(rig.file(first_generation, "stdout.json") ==
            fmt::format(R"({{"boot_id":"boot","generation":"{}","parent_generation":null,)"
                        R"("start":10,"end":21,"eos":"closed","gaps":[]}})"
                        "\n",
                        first_generation));
}

TEST_CASE("no socket file is left when the collector ends", "[host][collector]") {
    Rig rig;
    {
        const Running collector(rig);
        REQUIRE(std::filesystem::exists(rig.path + "_4001"));
        REQUIRE(std::filesystem::exists(rig.path + "_4002"));
    }
    REQUIRE_FALSE(std::filesystem::exists(rig.path + "_4001"));
    REQUIRE_FALSE(std::filesystem::exists(rig.path + "_4002"));
}

TEST_CASE("a collector that is started again resumes where its files end", "[host][collector]") {
    Rig rig;
    {
        const Running collector(rig);
        FakeDialed guest = dial_output(rig, output_hello(first_generation, 0, 5));
        (void)welcome_of(guest);
        guest.send(FrameType::data, 1, 0, "first", proto::frame_flag::ack_now);
        REQUIRE(acked(guest) == 5);
    }
    const Running again(rig);
    FakeDialed guest = dial_output(rig, output_hello(first_generation, 0, 11));
    REQUIRE(welcome_of(guest).resume == 5);
    guest.send(FrameType::data, 1, 5, "second", proto::frame_flag::ack_now);
    REQUIRE(acked(guest) == 11);
    REQUIRE(rig.file(first_generation, "stdout") == "firstsecond");
}

TEST_CASE("the record of another generation is never used", "[host][collector]") {
    Rig rig;
    const Running collector(rig);
    FakeDialed parent = dial_output(rig, output_hello(first_generation, 0, 5));
    (void)welcome_of(parent);
    parent.send(FrameType::data, 1, 0, "first", proto::frame_flag::ack_now);
    REQUIRE(acked(parent) == 5);
    FakeDialed child = dial_output(rig, output_hello(second_generation, 3, 5));
    REQUIRE_FALSE(welcome_of(child).resume.has_value());
    child.send(FrameType::data, 1, 3, "st", proto::frame_flag::ack_now);
    REQUIRE(acked(child) == 5);
    REQUIRE(rig.file(first_generation, "stdout") == "first");
    REQUIRE(rig.file(second_generation, "stdout") == "st");
    REQUIRE(rig.file(second_generation, "stdout.json").find(R"("start":3,)") != std::string::npos);
}

TEST_CASE("a record beyond what the guest has written is set aside", "[host][collector]") {
    Rig rig;
    const Running collector(rig);
    FakeDialed first = dial_output(rig, output_hello(first_generation, 0, 5));
    (void)welcome_of(first);
    first.send(FrameType::data, 1, 0, "first", proto::frame_flag::ack_now);
    REQUIRE(acked(first) == 5);
    FakeDialed second = dial_output(rig, output_hello(first_generation, 0, 4));
    REQUIRE_FALSE(welcome_of(second).resume.has_value());
    REQUIRE(rig.file(first_generation, "stdout.1") == "first");
}

TEST_CASE("the newest connection of a stream wins", "[host][collector]") {
    Rig rig;
    const Running collector(rig);
    FakeDialed old = dial_output(rig, output_hello(first_generation, 0, 5));
    (void)welcome_of(old);
    old.send(FrameType::data, 1, 0, "first", proto::frame_flag::ack_now);
    REQUIRE(acked(old) == 5);
    FakeDialed fresh = dial_output(rig, output_hello(first_generation, 0, 9));
    REQUIRE(welcome_of(fresh).resume == 5);
    REQUIRE_FALSE(old.receive().has_value());
    fresh.send(FrameType::data, 1, 5, "more", proto::frame_flag::ack_now);
    REQUIRE(acked(fresh) == 9);
    REQUIRE(rig.file(first_generation, "stdout") == "firstmore");
}

TEST_CASE("a hello with a wrong link key is refused", "[host][collector]") {
    Rig rig;
    const Running collector(rig);
    rig.answered_key = "ffffffffffffffffffffffffffffffff";
    FakeDialed output = dial_output(rig, output_hello(first_generation, 0, 0));
    REQUIRE(refusal(output) == "refused");
    FakeDialed link(rig.io, rig.path + "_4001");
    link.send(FrameType::hello, 255, 0, text(to_json(link_hello())));
    REQUIRE(refusal(link) == "refused");
    // And the guest itself is served afterwards.
    rig.answered_key = key;
    FakeDialed good = dial_output(rig, output_hello(first_generation, 0, 0));
    (void)welcome_of(good);
}

TEST_CASE("an empty link key proves nothing", "[host][collector]") {
    Rig rig;
    const Running collector(rig);
    rig.answered_key = "";
    proto::OutputHello hello = output_hello(first_generation, 0, 0);
    hello.link_key = "";
    FakeDialed guest = dial_output(rig, hello);
    REQUIRE(refusal(guest) == "refused");
}

TEST_CASE("a frame with a wrong length ends only its own connection", "[host][collector]") {
    Rig rig;
    const Running collector(rig);
    FakeDialed good = dial_output(rig, output_hello(first_generation, 0, 5));
    (void)welcome_of(good);
    proto::OutputHello hello = output_hello(first_generation, 0, 5);
    hello.stream = "stderr";
    FakeDialed bad = dial_output(rig, hello);
    (void)welcome_of(bad);
    proto::FrameHeader header;
    header.length = proto::limits::data_frame + 1;
    const auto bytes = proto::encode(header);
    bad.send_raw(std::string(bytes.data(), bytes.size()));
    REQUIRE(refusal(bad) == "protocol");
    good.send(FrameType::data, 1, 0, "still", proto::frame_flag::ack_now);
    REQUIRE(acked(good) == 5);
}

TEST_CASE("a hello that names a path or no version of ours is refused", "[host][collector]") {
    Rig rig;
    const Running collector(rig);
    proto::OutputHello hello = output_hello("../../escape", 0, 0);
    FakeDialed path = dial_output(rig, hello);
    REQUIRE(refusal(path) == "protocol");
    hello = output_hello(first_generation, 0, 0);
    hello.stream = "../x";
    FakeDialed stream = dial_output(rig, hello);
    REQUIRE(refusal(stream) == "protocol");
    hello = output_hello(first_generation, 0, 0);
    hello.versions = {9};
    FakeDialed version = dial_output(rig, hello);
    REQUIRE(refusal(version) == "version");
}

TEST_CASE("bytes that are left out end the connection, a marked gap does not",
          "[host][collector]") {
    Rig rig;
    const Running collector(rig);
    FakeDialed guest = dial_output(rig, output_hello(first_generation, 0, 99));
    (void)welcome_of(guest);
    guest.send(FrameType::dropped, 1, 0, R"({"count":7})");
    REQUIRE(acked(guest) == 7);
    guest.send(FrameType::data, 1, 8, "x");
    REQUIRE(refusal(guest) == "protocol");
    REQUIRE(rig.file(first_generation, "stdout.json")
                .ends_with(R"("start":0,"end":7,"eos":null,"gaps":[{"offset":0,"count":7}]})"
                           "\n"));
}

TEST_CASE("events that fill their file are put aside once, and the newest are there",
          "[host][collector]") {
    Rig rig;
    rig.options.events_limit = 2000;
    const Running collector(rig);
    constexpr std::uint64_t turns = 20;
    for (std::uint64_t turn = 1; turn <= turns; ++turn) {
        FakeDialed guest = dial_output(rig, output_hello(first_generation, 0, turn));
        (void)welcome_of(guest);
    }
    const auto lines_of = [&](const std::string& name) {
        const std::string text = host::read_file(rig.output / "vm" / name).value();
        CHECK(text.size() <= rig.options.events_limit);
        return text;
    };
    REQUIRE(run_until(rig.io, [&] {
        return rig.events().find(fmt::format("\"next\":{},", turns)) != std::string::npos;
    }));
    std::istringstream lines(lines_of("events.jsonl.1") + lines_of("events.jsonl"));
    std::uint64_t last = 0;
    for (std::string line; std::getline(lines, line);) {
        const auto event = proto::parse_json(line).value();
        const json::value* next = event.get_object().if_contains("next");
        if (next == nullptr) continue;
        CHECK((last == 0 || next->to_number<std::uint64_t>() == last + 1));
        last = next->to_number<std::uint64_t>();
    }
    CHECK(last == turns);
}

TEST_CASE("an event log loses no line to threads that fill it at once", "[host][collector]") {
    const TemporaryDirectory folder;
    constexpr unsigned writers = 4;
    constexpr unsigned lines = 200;
    const std::string line = std::string(19, 'x') + "\n";
    // Put aside once: an older file would be gone.
    host::EventLog log(folder.path(), line.size() * lines * writers * 2 / 3);
    std::vector<std::future<bool>> writing;
    for (unsigned writer = 0; writer < writers; ++writer)
        writing.push_back(std::async(std::launch::async, [&] {
            bool good = true;
            for (unsigned count = 0; count < lines; ++count)
                good = log.append(line).has_value() && good;
            return good;
        }));
    for (std::future<bool>& one : writing)
        CHECK(one.get());
    const std::size_t aside = host::read_file(folder.path() / "events.jsonl.1").value().size();
    const std::size_t now = host::read_file(folder.path() / "events.jsonl").value().size();
    CHECK(aside == line.size() * lines * writers * 2 / 3 / line.size() * line.size());
    CHECK(aside + now == line.size() * lines * writers);
}
