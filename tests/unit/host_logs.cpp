// What rousectl logs reads: a collector's files, merged by arrival, and the guest itself.
#include "tests/support/temporary_directory.hpp"
#include "tests/unit/host_fake_guest.hpp"
#include "tools/host/arrivals.hpp"
#include "tools/host/log_reader.hpp"
#include "tools/host/output.hpp"
#include "tools/host/output_client.hpp"

#include <fmt/format.h>

#include <array>

#include <fcntl.h>
#include <unistd.h>

using namespace rouse;
using namespace rouse::test;
using host::Format;
using host::LogPiece;
using host::Piece;
using proto::FrameType;

namespace {

/// Both streams of a generation, as a collector writes them.
class Writer {
public:
    Writer(const TemporaryDirectory& directory, Format format)
        : arrivals_(std::make_shared<host::Arrivals>(directory.path())),
          out_(open(directory, format, "stdout")), err_(open(directory, format, "stderr")) {}

    void say(bool is_err, const std::string& bytes) {
        host::StreamStore& store = is_err ? *err_ : *out_;
        const Piece piece(Piece::Kind::data, store.extent()->end, bytes.size(), bytes);
        REQUIRE(store.write({piece}, host::StreamStore::Partial::write).has_value());
    }
    void lose(std::uint64_t count) {
        const Piece piece(Piece::Kind::gap, out_->extent()->end, count, {});
        REQUIRE(out_->write({piece}, host::StreamStore::Partial::write).has_value());
    }

private:
    std::unique_ptr<host::StreamStore> open(const TemporaryDirectory& directory, Format format,
                                            const std::string& stream) {
        host::StorePlace place;
        place.directory = directory.path();
        place.identity.stream = stream;
        place.next = UINT64_MAX;
        place.format = format;
        place.arrivals = arrivals_;
        auto store = std::move(host::open_store(place).value().store);
        REQUIRE(store->begin(50).has_value());
        return store;
    }

    std::shared_ptr<host::Arrivals> arrivals_;
    std::unique_ptr<host::StreamStore> out_;
    std::unique_ptr<host::StreamStore> err_;
};

/// All there is, in one line: stderr in brackets, lost bytes as <N>.
std::string shown(host::LogReader& reader) {
    std::string line;
    for (auto pieces = reader.next(); !pieces.empty(); pieces = reader.next())
        for (const LogPiece& piece : pieces) {
            if (piece.lost != 0) line += fmt::format("<{}>", piece.lost);
            line += piece.is_err ? "[" + piece.bytes + "]" : piece.bytes;
        }
    return line;
}

std::string frame(FrameType type, std::uint8_t stream, std::uint64_t offset,
                  const std::string& payload) {
    proto::FrameHeader header;
    header.type = type;
    header.stream = stream;
    header.offset = offset;
    return proto::encode(header, payload);
}

/// An answer with these bytes, a chunk for every three.
std::string chunked(const std::string& body) {
    std::string answer = "HTTP/1.1 200 OK\r\nContent-Type: application/vnd.rouse.frames\r\n"
                         "Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n";
    for (std::size_t at = 0; at < body.size(); at += 3) {
        const std::string piece = body.substr(at, 3);
        answer += fmt::format("{:x}\r\n{}\r\n", piece.size(), piece);
    }
    return answer + "0\r\n\r\n";
}

/// A guest that gives one answer after the other to requests, the last one for ever.
struct FakeGuest {
    explicit FakeGuest(std::vector<std::string> replies)
        : server(io, path, [this, replies = std::move(replies)](const std::string& received) {
              if (received.starts_with("CONNECT ")) return std::optional(http_answer(400, ""));
              requests.push_back(received.substr(0, received.find(" HTTP")));
              return std::optional(replies.at(std::min(requests.size(), replies.size()) - 1));
          }) {}

    host::Outcome<> read(bool follow) {
        host::OutputClient client(dialer, {.stream = "both", .follow = follow},
                                  [this](LogPiece piece) { return keep(std::move(piece)); });
        return await(io, client.run());
    }
    host::Awaitable<bool> keep(LogPiece piece) {
        pieces.push_back(std::move(piece));
        co_return true;
    }

    TemporaryDirectory directory;
    boost::asio::io_context io{1};
    std::string path = directory.path() / "v.sock";
    std::vector<std::string> requests;
    FakeServer server;
    host::Dialer dialer{io.get_executor(), host::parse_target("unix:" + path).value()};
    std::vector<LogPiece> pieces;
};

} // namespace

TEST_CASE("logs of both streams are merged in the order of their arrival", "[host][logs]") {
    for (const Format format : {Format::raw, Format::json}) {
        const TemporaryDirectory directory;
        Writer writer(directory, format);
        writer.say(false, "a\n");
        writer.say(true, "b\n");
        writer.say(false, "c\n");
        writer.lose(7);
        writer.say(false, "d\n");
        writer.say(true, "e\n");
        const auto reader = host::open_log(directory.path());
        REQUIRE(reader != nullptr);
        CHECK(shown(*reader) == "a\n[b\n]c\n<7>d\n[e\n]");
        CHECK(shown(*reader).empty());
        writer.say(true, "f\n");
        writer.say(false, "g\n");
        CHECK(shown(*reader) == "[f\n]g\n");
    }
}

TEST_CASE("logs find the generation that was written to last", "[host][logs]") {
    const TemporaryDirectory directory;
    namespace fs = std::filesystem;
    CHECK(host::newest_generation(directory.path()).empty());
    for (const std::string name : {"vm/old", "vm/new", "vm/journal"}) {
        const fs::path generation = directory.path() / name;
        fs::create_directories(generation);
        const bool is_journal = name == "vm/journal";
        const fs::path file = generation / (is_journal ? "stdout.export" : "stderr");
        REQUIRE(host::append_file(file, "x").has_value());
        const auto age = std::chrono::hours(name == "vm/new" ? 1 : 2);
        fs::last_write_time(file, fs::file_time_type::clock::now() - age);
    }
    CHECK(host::newest_generation(directory.path()) == directory.path() / "vm/new");
    CHECK(host::newest_generation(directory.path() / "vm") == directory.path() / "vm/new");
    CHECK(host::open_log(directory.path() / "vm/journal") == nullptr);
}

TEST_CASE("the guest's retained output is read to its end", "[host][logs]") {
    const std::string body = frame(FrameType::dropped, 1, 0, R"({"count":10})") +
                             frame(FrameType::data, 1, 10, "out\n") +
                             frame(FrameType::data, 2, 3, "err\n");
    FakeGuest guest({chunked(body)});
    REQUIRE(guest.read(false).has_value());
    CHECK(guest.requests ==
          std::vector<std::string>{"GET /v1/workload/output?follow=0&stream=both&from=oldest"});
    REQUIRE(guest.pieces.size() == 3);
    CHECK(guest.pieces[0] == LogPiece{.is_err = false, .bytes = {}, .lost = 10});
    CHECK(guest.pieces[1] == LogPiece{.is_err = false, .bytes = "out\n", .lost = 0});
    CHECK(guest.pieces[2] == LogPiece{.is_err = true, .bytes = "err\n", .lost = 0});
}

TEST_CASE("following goes on after a lost connection and shows nothing twice", "[host][logs]") {
    const std::string first = frame(FrameType::data, 1, 0, "one\n");
    const std::string second = frame(FrameType::data, 1, 2, "e\ntwo\n") +
                               frame(FrameType::eos, 1, 8, R"({"how":"closed"})");
    const std::string third = frame(FrameType::data, 1, 20, "late\n") +
                              frame(FrameType::eos, 1, 25, R"({"how":"closed"})") +
                              frame(FrameType::eos, 2, 0, R"({"how":"closed"})");
    FakeGuest guest({chunked(first), chunked(second), chunked(third)});
    REQUIRE(guest.read(true).has_value());
    std::string bytes;
    std::uint64_t lost = 0;
    for (const LogPiece& piece : guest.pieces) {
        bytes += piece.bytes;
        lost += piece.lost;
    }
    CHECK(bytes == "one\ntwo\nlate\n");
    CHECK(lost == 12);
}

TEST_CASE("a guest that refuses to give its output is quoted", "[host][logs]") {
    for (const bool follow : {false, true}) {
        FakeGuest guest(
            {http_answer(404, R"({"error":{"kind":"not_found","message":"no such"}})")});
        const auto done = guest.read(follow);
        REQUIRE(done.has_error());
        CHECK(done.error().message.find("no such (status 404)") != std::string::npos);
    }
}

TEST_CASE("writing to a pipe that nobody reads blocks neither the loop nor changes the pipe",
          "[host][logs]") {
    std::array<int, 2> ends{};
    REQUIRE(::pipe2(ends.data(), O_CLOEXEC) == 0);
    const host::Descriptor read_end(ends[0]);
    const host::Descriptor write_end(ends[1]);
    boost::asio::io_context io{1};
    host::Output output(io.get_executor(), write_end.get());
    const std::string bytes(300'000, 'x');
    std::optional<bool> written;
    boost::asio::co_spawn(io, output.write(bytes),
                          [&](const std::exception_ptr&, bool all) { written = all; });
    io.poll();
    CHECK_FALSE(written.has_value());
    CHECK((::fcntl(write_end.get(), F_GETFL) & O_NONBLOCK) == 0);
    std::size_t received = 0;
    std::array<char, 65536> buffer{};
    REQUIRE(::fcntl(read_end.get(), F_SETFL, O_NONBLOCK) == 0);
    REQUIRE(run_until(io, [&] {
        ssize_t count = 0;
        while ((count = ::read(read_end.get(), buffer.data(), buffer.size())) > 0)
            received += static_cast<std::size_t>(count);
        return written.has_value();
    }));
    CHECK(written == true);
    CHECK(received == bytes.size());
}
