// Settings that take a guest and no more: its ports, and how long its end may take at most.
#include "proto/link.hpp"
#include "proto/output.hpp"
#include "tests/support/frames.hpp"
#include "tests/support/scripted_host.hpp"
#include "tests/uml/rig.hpp"
#include "tools/lab/guest.hpp"

#include <boost/json.hpp>
#include <catch2/catch_test_macros.hpp>

#include <set>

using namespace rouse;
using proto::FrameType;
using uml::Rig;

TEST_CASE("a guest listens and dials on the ports of its configuration, from ports of root's",
          "[uml]") {
    Rig rig({.profile = uml::qemu,
             .config = R"({"on_exit": "stay", "notify_socket": "vsock-stream:2:5003",
                           "workload": {"argv": ["/bin/rouse-payload", "trickle"]},
                           "ports": {"exec": 2001, "link": 5001, "output": 5002}})",
             .collect = false});
    const test::HostListener link_listener(rig.socket().string() + "_5001");
    const test::HostListener output_listener(rig.socket().string() + "_5002");
    const test::HostListener notify_listener(rig.socket().string() + "_5003");
    test::FrameConnection link = link_listener.accept(std::chrono::minutes(1));
    const auto hello = proto::parse_link_hello(link.expect(FrameType::hello).payload).value();
    CHECK(hello.exec_port == 2001);

    const lab::Deadline deadline(test::patience);
    const std::string& target = rig.endpoint().target();
    CHECK_FALSE(lab::connect_guest(target, lab::exec_port, deadline).has_value());
    auto socket = lab::connect_guest(target, 2001, deadline);
    REQUIRE(socket.has_value());
    test::Connection probe(std::move(*socket));
    REQUIRE(probe.send(test::request_text("GET", "/v1/ready?nonce=" + hello.nonce)));
    CHECK(proto::parse_ready(read_answer(probe).body).value().link_key == hello.link_key);

    // Output dials once the host is confirmed.
    const proto::LinkHelloAck ack{.version = 1, .nonce = hello.nonce, .document = {}};
    REQUIRE(link.send(FrameType::hello_ack, proto::to_json(ack)));
    test::FrameConnection output = output_listener.accept();
    const auto said = proto::parse_output_hello(output.expect(FrameType::hello).payload).value();
    CHECK(said.link_key == hello.link_key);

    // A host may know the agent by it: nobody but root of the guest can take such a port.
    (void)notify_listener.accept();
    constexpr std::uint32_t first_free_port = 1024; // 0 to LAST_RESERVED_PORT are root's
    std::set<std::uint32_t> dialled;
    for (const uml::LogLine& line : rig.log()) {
        if (line.direction != uml::Direction::from_guest || !line.header) continue;
        if (line.header->op != uml::Op::request) continue;
        dialled.insert(line.header->destination_port);
        CHECK(line.header->source_port < first_free_port);
    }
    CHECK(dialled == std::set<std::uint32_t>{5001, 5002, 5003});
}

TEST_CASE("the end of a machine takes no longer than its total, whoever is deaf to it", "[uml]") {
    Rig rig({.profile = uml::qemu,
             .config = R"({"stop_grace_ms": 60000,
                           "shutdown": {"total_ms": 1500},
                           "workload": {"argv": ["/bin/sh", "-c",
                               "trap '' TERM; echo deaf; while :; do usleep 50000; done"]}})",
             .collect = false});
    rig.wait_ready();
    test::wait_status(rig.endpoint(), [](const boost::json::value& status) {
        return test::number_at(status, "/output/0/read") > 0;
    });
    CHECK(test::ask(rig.endpoint(), "POST", "/v1/shutdown").status == 202);
    // Half of the time that the workload has by itself.
    CHECK(rig.machine().ends_within(std::chrono::seconds(30)));
}
