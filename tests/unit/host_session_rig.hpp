#pragma once
// A client of a SessionGuest, and what it got.

#include "tests/unit/host_fake_guest.hpp"
#include "tests/unit/host_session_guest.hpp"
#include "tools/host/exec_client.hpp"

#include <fmt/format.h>

namespace rouse::test {

using namespace std::chrono_literals;

/// Runs or attaches to the session, once.
struct SessionRig {
    SessionRig() {
        guest.out = numbers(3000);
        guest.err = "some words";
    }

    static std::string numbers(std::size_t size) {
        std::string text;
        for (int n = 0; text.size() < size; ++n)
            text += fmt::format("{}\n", n);
        text.resize(size);
        return text;
    }

    [[nodiscard]] proto::ExecRequest request() const {
        proto::ExecRequest made;
        made.command.argv = {"/bin/x"};
        made.session.reattach_grace = grace;
        return made;
    }

    host::Awaitable<std::string> read(std::size_t limit) {
        std::string piece = input.substr(0, std::min<std::size_t>(limit, 700));
        input.erase(0, piece.size());
        co_return piece;
    }

    host::ExecInput::Source source() {
        return [this](std::size_t limit) { return read(limit); };
    }

    host::Outcome<host::ExecEnd> run() {
        return await(io, client.run(request(), source(), host::Clock::now() + 5s));
    }

    host::Outcome<host::ExecEnd> attach(proto::AttachRequest from = {}) {
        return await(
            io, client.attach({.id = "other", .from = from}, source(), host::Clock::now() + 5s));
    }

    host::Awaitable<bool> keep(std::uint8_t stream, std::string_view bytes) {
        (stream == proto::stream_id::err ? err : out) += bytes;
        co_return true;
    }

    TemporaryDirectory directory;
    boost::asio::io_context io{1};
    std::string path = directory.path() / "v.sock";
    SessionGuest guest{io, path};
    host::Dialer dialer{io.get_executor(), host::parse_target("unix:" + path).value()};
    std::string input = numbers(2000);
    std::string out;
    std::string err;
    std::vector<std::string> notices;
    std::chrono::milliseconds grace = 30s;
    unsigned connections = 0;
    host::ExecClient client{
        dialer,
        [this](std::uint8_t stream, std::string_view bytes) { return keep(stream, bytes); },
        {.on_started = [this](const proto::Started&) { ++connections; },
         .on_notice = [this](const std::string& words) { notices.push_back(words); }}};
};

/// Everything came once, both ways, and the command ran once.
inline void check_whole(SessionRig& rig, const host::Outcome<host::ExecEnd>& end) {
    REQUIRE(end.has_value());
    CHECK(end->exit->code == 3U);
    CHECK(end->lost == 0);
    CHECK(rig.out == SessionRig::numbers(3000));
    CHECK(rig.err == "some words");
    CHECK(rig.guest.in() == SessionRig::numbers(2000));
    CHECK(rig.guest.starts() == 1);
    CHECK(rig.guest.complaints() == std::vector<std::string>());
}

} // namespace rouse::test
