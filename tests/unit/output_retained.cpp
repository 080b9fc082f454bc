// GET /v1/workload/output: what is kept is shown to whoever looks, and stays kept.

#include "proto/exec_stream.hpp"
#include "tests/unit/http_rig.hpp"
#include "tests/unit/output_guest.hpp"

#include <boost/json.hpp>
#include <catch2/catch_test_macros.hpp>
#include <fmt/format.h>

using namespace rouse;
using proto::FrameType;
using test::OutputGuest;
using test::OutputHost;

namespace {

/// The service of a guest behind an HTTP server.
struct RetainedRig {
    explicit RetainedRig(std::size_t retention = 1 << 20) {
        guest.options.book.retention = retention;
        guest.start();
        http.routes["GET /v1/workload/output"] = guest.service->retained().route();
    }
    template <typename Done>
    bool until(Done done) {
        return guest.until(done);
    }
    /// Writes, and waits until the relay has taken it.
    void write(const std::string& stream, std::size_t count) {
        REQUIRE(guest.write_all(stream, count, [] {}));
        REQUIRE(until([&] { return guest.status(stream).offsets.read == guest.written[stream]; }));
    }
    test::HttpRig::Client& read(const std::string& query,
                                test::HttpRig::Reading reading = test::HttpRig::Reading::now) {
        return http.ask("/v1/workload/output" + query, reading);
    }
    /// The whole answer.
    test::HttpRig::Client& get(const std::string& query) {
        test::HttpRig::Client& client = read(query);
        REQUIRE(until([&] { return client.whole(); }));
        return client;
    }

    OutputGuest guest;
    test::HttpRig http{guest.io};
};

/// What the frames of an answer say of one stream.
struct Shown {
    std::uint64_t from = 0;
    std::string bytes; ///< of DATA
    std::uint64_t next = 0;
    std::uint64_t dropped = 0;
    std::optional<proto::EndOfStream> end;
};

/// Checks that the frames of each stream follow each other without a hole, and have the bytes that
/// were written.
std::map<std::string, Shown> shown(const std::string& body) {
    proto::FrameDecoder decoder;
    decoder.append(body);
    std::map<std::string, Shown> streams;
    for (;;) {
        const auto next = decoder.next();
        REQUIRE(next.has_value());
        if (!*next) return streams;
        const proto::Frame& frame = **next;
        const std::string name = frame.header.stream == proto::stream_id::out ? "stdout" : "stderr";
        const bool first = !streams.contains(name);
        Shown& stream = streams[name];
        if (first) stream.from = stream.next = frame.header.offset;
        CHECK(frame.header.offset == stream.next);
        CHECK_FALSE(stream.end.has_value());
        if (frame.header.type == FrameType::data) {
            CHECK(frame.payload.size() <= proto::limits::data_frame);
            CHECK(frame.payload == test::bytes_of(name, frame.header.offset, frame.payload.size()));
            stream.bytes += frame.payload;
            stream.next += frame.payload.size();
        } else if (frame.header.type == FrameType::dropped) {
            const std::uint64_t count = proto::parse_dropped(frame.payload).value().count;
            CHECK(count > 0);
            stream.dropped += count;
            stream.next += count;
        } else {
            REQUIRE(frame.header.type == FrameType::eos);
            stream.end = proto::parse_end_of_stream(frame.payload).value();
        }
    }
}

} // namespace

TEST_CASE("what is kept of both streams is shown, and is still sent to the host", "[output]") {
    RetainedRig rig;
    rig.write("stdout", 200000);
    rig.write("stderr", 777);
    for (int turn = 0; turn < 2; ++turn) {
        const auto streams = shown(rig.get("").body());
        CHECK(streams.at("stdout").bytes == rig.guest.all_of("stdout"));
        CHECK(streams.at("stderr").bytes == rig.guest.all_of("stderr"));
        CHECK_FALSE(streams.at("stdout").end.has_value());
    }
    CHECK(shown(rig.get("?stream=stderr").body()).size() == 1);
    rig.guest.connect(1);
    OutputHost host(rig.guest.host_path());
    REQUIRE(test::arrives(rig.guest, host, "stdout"));
    CHECK(host.stream("stdout").bytes == rig.guest.all_of("stdout"));
    CHECK(host.stream("stdout").problem.empty());
}

TEST_CASE("kept output is shown from an offset, small and large writes alike", "[output]") {
    RetainedRig rig;
    for (const std::size_t size : {1U, 80U, 4095U, 4096U, 65536U, 3U})
        rig.write("stdout", size);
    const std::string all = rig.guest.all_of("stdout");
    for (const std::size_t from :
         {std::size_t{0}, std::size_t{1}, std::size_t{80}, std::size_t{4095}, std::size_t{8192},
          std::size_t{70000}, all.size()}) {
        const auto streams = shown(rig.get(fmt::format("?stream=stdout&from={}", from)).body());
        if (from == all.size()) {
            CHECK(streams.empty());
            continue;
        }
        CHECK(streams.at("stdout").from == from);
        CHECK(streams.at("stdout").bytes == all.substr(from));
    }
}

TEST_CASE("a reader that follows gets new bytes, and the end of each stream", "[output]") {
    RetainedRig rig;
    rig.write("stdout", 10);
    auto& reader = rig.read("?follow=1");
    for (std::size_t count = 10; count <= 100000; count *= 10) {
        rig.write("stdout", count);
        REQUIRE(rig.until(
            [&] { return shown(reader.body())["stdout"].bytes == rig.guest.all_of("stdout"); }));
    }
    rig.guest.ends.clear();
    REQUIRE(rig.until([&] { return reader.whole(); }));
    const auto streams = shown(reader.body());
    CHECK(streams.at("stdout").end->how == proto::EndOfStream::How::closed);
    CHECK(streams.at("stderr").end->how == proto::EndOfStream::How::closed);
    // Who comes after the end sees the same.
    CHECK(shown(rig.get("").body()).at("stdout").end.has_value());
}

TEST_CASE("what a host has acknowledged is a marked gap for a reader from before", "[output]") {
    RetainedRig rig;
    rig.guest.connect(1);
    OutputHost host(rig.guest.host_path());
    rig.write("stdout", 50000);
    REQUIRE(test::arrives(rig.guest, host, "stdout"));
    REQUIRE(rig.until([&] {
        host.serve();
        return rig.guest.status("stdout").offsets.acked == 50000;
    }));
    host.connections.clear();
    rig.write("stdout", 1000);
    const auto first = shown(rig.get("?stream=stdout&from=0").body());
    CHECK(first.at("stdout").dropped == 50000);
    CHECK(first.at("stdout").bytes == rig.guest.all_of("stdout").substr(50000));
    CHECK(shown(rig.get("?stream=stdout").body()).at("stdout").dropped == 0);
}

TEST_CASE("a slow reader of kept output finds a gap and delays nobody", "[output]") {
    RetainedRig rig(64 << 10);
    rig.guest.connect(1);
    OutputHost host(rig.guest.host_path());
    REQUIRE(test::welcomed(rig.guest, host));
    auto& slow = rig.read("?stream=stdout&follow=1", test::HttpRig::Reading::later);
    const auto meanwhile = [&] { host.serve(); };
    // More than a socket holds: the host takes all of it although the reader takes nothing.
    REQUIRE(rig.guest.write_all("stdout", 4 << 20, meanwhile));
    REQUIRE(test::arrives(rig.guest, host, "stdout"));
    slow.start_reading();
    rig.guest.ends.clear();
    REQUIRE(rig.until([&] {
        host.serve();
        return slow.whole();
    }));
    const Shown seen = shown(slow.body()).at("stdout");
    CHECK(seen.dropped > 0);
    CHECK(seen.next == rig.guest.written["stdout"]);
    CHECK(seen.from + seen.bytes.size() + seen.dropped == rig.guest.written["stdout"]);
}

TEST_CASE("the readers of kept output are bounded, and nonsense is refused", "[output]") {
    RetainedRig rig;
    for (const char* query :
         {"?stream=stdin", "?follow=2", "?from=x", "?from=0", "?stream=stdout&from=1", "?from="}) {
        INFO(query);
        auto& client = rig.read(query);
        REQUIRE(rig.until([&] { return client.has_head(); }));
        CHECK(client.status() == 400);
    }
    std::vector<test::HttpRig::Client*> readers;
    for (std::size_t i = 0; i <= proto::limits::output_readers; ++i) {
        readers.push_back(&rig.read("?follow=1"));
        REQUIRE(rig.until([&] { return readers.back()->has_head(); }));
    }
    CHECK(readers.back()->status() == 503);
    CHECK(rig.guest.service->retained().readers() == proto::limits::output_readers);
    for (test::HttpRig::Client* const reader : readers)
        reader->close();
    CHECK(rig.until([&] { return rig.guest.service->retained().readers() == 0; }));
}
