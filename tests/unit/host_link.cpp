// The collector and the link, against a guest that is played on Unix sockets.
#include "tests/unit/host_collector_rig.hpp"

#include <fmt/format.h>

#include <set>

using namespace rouse;
using namespace rouse::test;
using namespace rouse::test::collecting;

namespace {

constexpr const char* third_generation = "7a3f0c55-1c2d-4c1e-8a55-0d7f5b1b6c21";

FakeDialed say_hello(Rig& rig, const std::string& generation) {
    FakeDialed guest(rig.io, rig.path + "_4001");
    proto::LinkHello hello = link_hello();
    hello.generation = generation;
    guest.send(FrameType::hello, 255, 0, text(to_json(hello)));
    return guest;
}

/// The generation in the answer to a hello, if it names one.
std::optional<std::string> given(FakeDialed& guest) {
    const auto frame = guest.receive();
    REQUIRE(frame.has_value());
    INFO(frame->payload);
    REQUIRE(frame->header.type == FrameType::hello_ack);
    return proto::parse_link_hello_ack(frame->payload).value().document.generation;
}

void write_document(const std::filesystem::path& file, const std::string& generation) {
    REQUIRE(
        host::replace_file(file, fmt::format(R"({{"generation":"{}"}})", generation)).has_value());
}

/// The guest has applied what it was given, and the collector has heard of it.
void confirm(FakeDialed& guest, const std::string& generation) {
    guest.send(FrameType::confirm, 255, 0,
               fmt::format(R"({{"epoch":2,"kind":"restore","generation":"{}"}})", generation));
    guest.send(FrameType::event, 255, 0, R"({"type":"restored","sequence":1})");
    REQUIRE(acked(guest) == 1);
}

} // namespace

TEST_CASE("the link is acknowledged after a probe, with the document of the moment",
          "[host][collector]") {
    Rig rig;
    const Running collector(rig);
    std::set<std::string> entropies;
    for (const char* generation : {first_generation, second_generation, second_generation}) {
        REQUIRE(
            host::replace_file(rig.document,
                               fmt::format(R"({{"generation":"{}","entropy":"AAEC"}})", generation))
                .has_value());
        const int before = rig.probes;
        FakeDialed guest(rig.io, rig.path + "_4001");
        guest.send(FrameType::hello, 255, 0, text(to_json(link_hello())));
        const auto frame = guest.receive();
        REQUIRE(frame->header.type == FrameType::hello_ack);
        const auto ack = proto::parse_link_hello_ack(frame->payload).value();
        REQUIRE(ack.nonce == link_hello().nonce);
        REQUIRE(ack.document.generation == generation);
        REQUIRE(ack.document.entropy.size() == 32 + 3);
        REQUIRE(ack.document.entropy.ends_with(std::string("\0\1\2", 3)));
        REQUIRE(entropies.insert(ack.document.entropy).second);
        REQUIRE(ack.document.now_ns.has_value());
        REQUIRE(rig.probes == before + 1);
    }
}

TEST_CASE("a restore document is given to one incarnation, again until that one has confirmed",
          "[host][collector]") {
    Rig rig;
    write_document(rig.document, second_generation);
    const Running collector(rig);
    for (int tries = 0; tries < 2; ++tries) {
        FakeDialed guest = say_hello(rig, first_generation);
        REQUIRE(given(guest) == second_generation);
    }
    FakeDialed guest = say_hello(rig, first_generation);
    REQUIRE(given(guest) == second_generation);
    confirm(guest, second_generation);

    SECTION("the snapshot's second restore is refused, until it has a document of its own") {
        FakeDialed twin = say_hello(rig, first_generation);
        REQUIRE(refusal(twin) == "busy");
        write_document(rig.document, third_generation);
        FakeDialed again = say_hello(rig, first_generation);
        REQUIRE(given(again) == third_generation);
    }
    SECTION("who confirmed keeps it") {
        FakeDialed same = say_hello(rig, second_generation);
        REQUIRE(given(same) == second_generation);
    }
    SECTION("who got another generation elsewhere keeps that") {
        for (int tries = 0; tries < 2; ++tries) {
            FakeDialed other = say_hello(rig, third_generation);
            REQUIRE_FALSE(given(other).has_value());
        }
        REQUIRE_FALSE(rig.notices.empty());
    }
}

TEST_CASE("a generation that has left files is not given again by the next collector",
          "[host][collector]") {
    Rig rig;
    write_document(rig.document, second_generation);
    std::filesystem::create_directories(rig.output / "vm" / second_generation);
    const Running collector(rig);
    FakeDialed guest = say_hello(rig, first_generation);
    REQUIRE_FALSE(given(guest).has_value());
}

TEST_CASE("a directory holds a restore document for each machine, which may come later",
          "[host][collector]") {
    Rig rig;
    rig.document = rig.directory.path() / "documents";
    std::filesystem::create_directory(rig.document);
    const Running collector(rig);
    FakeDialed early = say_hello(rig, first_generation);
    REQUIRE_FALSE(given(early).has_value());
    write_document(rig.document / "other.json", third_generation);
    write_document(rig.document / "vm.json", second_generation);
    FakeDialed guest = say_hello(rig, first_generation);
    REQUIRE(given(guest) == second_generation);
}

TEST_CASE("the wall clock in the answer is right when it has gone its way", "[host][collector]") {
    Rig rig;
    const Running collector(rig);
    FakeDialed guest(rig.io, rig.path + "_4001");
    // As if frames to the guest, and from it, took half of this each.
    guest.answer_pings_after(std::chrono::milliseconds(80));
    guest.send(FrameType::hello, 255, 0, text(to_json(link_hello())));
    const auto frame = guest.receive();
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    REQUIRE(frame->header.type == FrameType::hello_ack);
    const auto told = proto::parse_link_hello_ack(frame->payload).value().document.now_ns;
    const auto ahead = std::chrono::nanoseconds(static_cast<std::int64_t>(told.value())) - now;
    REQUIRE(ahead > std::chrono::milliseconds(20)); // it came here at once
    REQUIRE(ahead < std::chrono::milliseconds(400));
}

TEST_CASE("a guest that doubts the link while the way is measured is answered, and acknowledged",
          "[host][collector]") {
    Rig rig;
    const Running collector(rig);
    FakeDialed guest(rig.io, rig.path + "_4001");
    guest.send(FrameType::hello, 255, 0, text(to_json(link_hello())));
    guest.send(FrameType::ping, 255, 0, "rouse"); // its hello has waited for long
    const auto answer = guest.receive();
    REQUIRE(answer->header.type == FrameType::pong);
    REQUIRE(answer->payload == "rouse");
    REQUIRE(guest.receive()->header.type == FrameType::hello_ack);
}

TEST_CASE("a restore document that cannot be read is nobody's", "[host][collector]") {
    Rig rig;
    REQUIRE(host::replace_file(rig.document, R"({"generation": 7})").has_value());
    const Running collector(rig);
    FakeDialed guest = say_hello(rig, first_generation);
    REQUIRE(refusal(guest) == "busy");
    REQUIRE(rig.notices.at(0).find("restore.json") != std::string::npos);
}

TEST_CASE("events are written down and acknowledged by their sequence", "[host][collector]") {
    Rig rig;
    const Running collector(rig);
    FakeDialed guest(rig.io, rig.path + "_4001");
    guest.send(FrameType::hello, 255, 0, text(to_json(link_hello())));
    REQUIRE(guest.receive()->header.type == FrameType::hello_ack);
    guest.send(FrameType::confirm, 255, 0, R"({"epoch":1,"kind":"boot"})");
    guest.send(FrameType::event, 255, 0, R"({"type":"unnumbered"})");
    guest.send(static_cast<FrameType>(99), 255, 0, "from the future");
    guest.send(FrameType::event, 255, 0, R"({"type":"workload_exit","sequence":7,"code":3})");
    REQUIRE(acked(guest) == 7);
    const std::string events = rig.events();
    for (const char* wanted : {R"("type":"hello")", R"("type":"confirm")", R"("kind":"boot")",
                               R"("type":"unnumbered")", R"("type":"workload_exit")"}) {
        INFO(wanted);
        REQUIRE(events.find(wanted) != std::string::npos);
    }
}

TEST_CASE("with once, the collector ends when output and workload have ended",
          "[host][collector]") {
    Rig rig;
    Running collector(rig);
    collector.server.stop_when_finished();
    FakeDialed link(rig.io, rig.path + "_4001");
    link.send(FrameType::hello, 255, 0, text(to_json(link_hello())));
    REQUIRE(link.receive()->header.type == FrameType::hello_ack);
    FakeDialed guest = dial_output(rig, output_hello(first_generation, 0, 0));
    (void)welcome_of(guest);
    guest.send(FrameType::eos, 1, 0, R"({"how":"closed"})");
    REQUIRE(acked(guest) == 0);
    REQUIRE_FALSE(collector.ended);
    link.send(FrameType::event, 255, 0, R"({"type":"workload_exit","sequence":1,"code":0})");
    REQUIRE(acked(link) == 1);
    REQUIRE(run_until(rig.io, [&] { return collector.ended; }));
}
