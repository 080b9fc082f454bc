#pragma once
// A collector in the test's event loop, and a guest that dials it.

#include "proto/link.hpp"
#include "proto/output.hpp"
#include "tests/unit/host_fake_guest.hpp"
#include "tools/host/collector_server.hpp"
#include "tools/host/files.hpp"

#include <filesystem>

namespace rouse::test::collecting {

using proto::FrameType;

namespace json = boost::json;

inline constexpr const char* first_generation = "0b9f5f9e-6a43-4c54-9d5c-2d1c4c1b7a10";
inline constexpr const char* second_generation = "5d0c7b52-93c1-4a53-8a6e-0e7a1f9c2b34";
inline constexpr const char* key = "00112233445566778899aabbccddeeff";

inline std::string text(const json::value& value) {
    return json::serialize(value);
}

/// The target "vm" with its exec port; collectors come and go.
struct Rig {
    Rig()
        : exec(io, path, [this](const std::string& received) -> std::optional<std::string> {
              if (received.starts_with("CONNECT ")) return http_answer(400, "");
              const std::size_t nonce = received.find("nonce=") + 6;
              proto::Ready ready{.ready = true,
                                 .boot_id = "boot",
                                 .generation = first_generation,
                                 .epoch = 1,
                                 .link_key = answered_key,
                                 .nonce =
                                     received.substr(nonce, received.find(' ', nonce) - nonce)};
              ++probes;
              return http_answer(200, text(to_json(ready)));
          }) {}

    TemporaryDirectory directory;
    boost::asio::io_context io{1};
    std::string path = directory.path() / "vm";
    std::string answered_key = key;
    int probes = 0;
    FakeServer exec;
    std::filesystem::path output = directory.path() / "out";
    std::filesystem::path document = directory.path() / "restore.json";
    host::CollectorOptions options; ///< of the collectors that follow
    std::vector<std::string> notices;

    [[nodiscard]] std::string file(const std::string& generation, const std::string& name) const {
        return host::read_file(output / "vm" / generation / name).value();
    }
    [[nodiscard]] std::string events() const {
        return host::read_file(output / "vm" / "events.jsonl").value();
    }
};

/// A collector that runs while it lives.
struct Running {
    explicit Running(Rig& owner) : rig(owner), server(owner.io.get_executor(), {}) {
        server.on_notice([&owner](const std::string& line) { owner.notices.push_back(line); });
        host::CollectorOptions options = rig.options;
        options.name = "vm";
        options.output = rig.output;
        options.restore_document = rig.document;
        const auto target = host::parse_target("unix:" + rig.path).value();
        REQUIRE(server.add(target, options).has_value());
        boost::asio::co_spawn(rig.io, server.run(), [this](const std::exception_ptr& escaped) {
            ended = true;
            if (escaped) std::rethrow_exception(escaped);
        });
    }
    Running(const Running&) = delete;
    Running& operator=(const Running&) = delete;
    ~Running() {
        server.stop();
        CHECK(run_until(rig.io, [this] { return ended; }));
    }

    Rig& rig;
    host::CollectorServer server;
    bool ended = false;
};

inline proto::OutputHello output_hello(const std::string& generation, std::uint64_t oldest,
                                       std::uint64_t next) {
    return {.versions = {1},
            .boot_id = "boot",
            .generation = generation,
            .parent_generation = std::nullopt,
            .epoch = 1,
            .link_key = key,
            .stream = "stdout",
            .oldest = oldest,
            .next = next};
}

inline FakeDialed dial_output(Rig& rig, const proto::OutputHello& hello) {
    FakeDialed guest(rig.io, rig.path + "_4002");
    guest.send(FrameType::hello, 255, 0, text(to_json(hello)));
    return guest;
}

/// What the host welcomed with.
inline proto::OutputWelcome welcome_of(FakeDialed& guest) {
    const auto frame = guest.receive();
    REQUIRE(frame.has_value());
    INFO(frame->payload);
    REQUIRE(frame->header.type == FrameType::welcome);
    return proto::parse_output_welcome(frame->payload).value();
}

/// The next ACK.
inline std::uint64_t acked(FakeDialed& guest) {
    const auto frame = guest.receive();
    REQUIRE(frame.has_value());
    INFO(frame->payload);
    REQUIRE(frame->header.type == FrameType::ack);
    return frame->header.offset;
}

inline std::string refusal(FakeDialed& guest) {
    const auto frame = guest.receive();
    REQUIRE(frame.has_value());
    REQUIRE(frame->header.type == FrameType::error);
    std::string kind = proto::parse_error_document(frame->payload).value().kind;
    REQUIRE_FALSE(guest.receive().has_value());
    return kind;
}

inline proto::LinkHello link_hello() {
    return {.versions = {1},
            .boot_id = "boot",
            .generation = first_generation,
            .epoch = 1,
            .link_key = key,
            .nonce = "00000000000000000000000000000001",
            .exec_port = 1001,
            .streams = {"stdout"}};
}

} // namespace rouse::test::collecting
