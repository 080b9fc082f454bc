// The collector and the link, against a guest that is played on Unix sockets.
#include "tests/unit/host_collector_rig.hpp"

#include <fmt/format.h>

using namespace rouse;
using namespace rouse::test;
using namespace rouse::test::collecting;

TEST_CASE("the link is acknowledged after a probe, with the document of the moment",
          "[host][collector]") {
    Rig rig;
    const Running collector(rig);
    for (const char* generation : {first_generation, second_generation}) {
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
        REQUIRE(ack.document.entropy == std::string("\0\1\2", 3));
        REQUIRE(ack.document.now_ns.has_value());
        REQUIRE(rig.probes == before + 1);
    }
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
