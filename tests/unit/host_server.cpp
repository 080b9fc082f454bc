// Which machine a connection is of: by CID, by socket; and the forms in which it is written.
#include "tests/support/records.hpp"
#include "tests/unit/host_collector_rig.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <csignal>

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

using namespace rouse;
using namespace rouse::test;
using namespace rouse::test::collecting;

namespace {

/// A guest's exec port that proves one key.
class Prover {
public:
    Prover(boost::asio::io_context& io, const std::string& path, std::string link_key)
        : server_(io, path, [link_key = std::move(link_key)](const std::string& received) {
              return std::optional(answer(received, link_key));
          }) {}

private:
    static std::string answer(const std::string& received, const std::string& link_key) {
        if (received.starts_with("CONNECT ")) return http_answer(400, "");
        const std::size_t nonce = received.find("nonce=") + 6;
        const proto::Ready ready{.ready = true,
                                 .boot_id = "boot",
                                 .generation = first_generation,
                                 .epoch = 1,
                                 .link_key = link_key,
                                 .nonce =
                                     received.substr(nonce, received.find(' ', nonce) - nonce)};
        return http_answer(200, text(to_json(ready)));
    }

    FakeServer server_;
};

/// The CID that a Unix socket was bound to in the place of AF_VSOCK: its path ends "cid-N".
std::optional<std::uint32_t> cid_by_path(host::Socket& socket) {
    sockaddr_un address{};
    socklen_t size = sizeof address;
    if (::getpeername(socket.native_handle(), reinterpret_cast<sockaddr*>(&address), &size) != 0)
        return std::nullopt;
    const std::string path(address.sun_path);
    std::uint32_t cid = 0;
    const char* const digits = path.data() + path.rfind('-') + 1;
    (void)std::from_chars(digits, path.data() + path.size(), cid); // 0 is no guest's
    return cid;
}

/// Serves until it goes; the test's loop runs it.
class Served {
public:
    Served(boost::asio::io_context& io, host::CollectorServer& server) : io_(io), server_(server) {
        boost::asio::co_spawn(io, server.run(), [this](const std::exception_ptr& escaped) {
            ended_ = true;
            if (escaped) std::rethrow_exception(escaped);
        });
    }
    Served(const Served&) = delete;
    Served& operator=(const Served&) = delete;
    ~Served() {
        server_.stop();
        CHECK(run_until(io_, [this] { return ended_; }));
    }

private:
    boost::asio::io_context& io_;
    host::CollectorServer& server_;
    bool ended_ = false;
};

/// Sends a first line as the guest whose key this is, and waits for its ACK.
void deliver(FakeDialed& guest, const std::string& link_key, const std::string& line) {
    proto::OutputHello hello = output_hello(first_generation, 0, line.size());
    hello.link_key = link_key;
    guest.send(FrameType::hello, 255, 0, text(to_json(hello)));
    (void)welcome_of(guest);
    guest.send(FrameType::data, 1, 0, line, proto::frame_flag::ack_now);
    REQUIRE(acked(guest) == line.size());
}

const std::string other_key(32, 'b');

} // namespace

TEST_CASE("guests on one vsock port are told apart by their CID", "[host][collector]") {
    const TemporaryDirectory directory;
    boost::asio::io_context io{1};
    const std::string base = directory.path().string();
    const Prover seven(io, base + "/7", key);
    const Prover nine(io, base + "/9", other_key);
    host::CollectorServer::Ways ways;
    ways.listen = [&](const host::Executor& executor, const host::Target&, std::uint32_t port) {
        const auto place = host::parse_target("unix:" + base + "/host").value();
        return host::Listener::open(executor, place, port, cid_by_path);
    };
    ways.reach = [&](const host::Target& target) {
        return host::parse_target(fmt::format("unix:{}/{}", base, target.cid)).value();
    };
    host::CollectorServer server(io.get_executor(), {}, ways);
    host::CollectorOptions options;
    options.output = directory.path() / "out";
    options.name = "web";
    std::vector<std::string> notices;
    server.on_notice([&](const std::string& line) { notices.push_back(line); });
    REQUIRE(server.add(host::parse_target("vsock:7").value(), options).has_value());
    const Served served(io, server);

    FakeDialed first(io, base + "/host_4002", base + "/cid-7");
    deliver(first, key, "from seven\n");
    { // Nobody asked for nine yet.
        FakeDialed stranger(io, base + "/host_4002", base + "/cid-9");
        REQUIRE_FALSE(stranger.receive().has_value());
        CHECK(notices.back().find("CID 9") != std::string::npos);
    }
    REQUIRE(server.add_any_cid(options).has_value());
    FakeDialed second(io, base + "/host_4002", base + "/x-cid-9");
    deliver(second, other_key, "from nine\n");
    // The right key, from another machine than the one that has it.
    FakeDialed forger(io, base + "/host_4002", base + "/y-cid-9");
    forger.send(FrameType::hello, 255, 0, text(to_json(output_hello(first_generation, 0, 0))));
    CHECK(refusal(forger) == "refused");

    const auto file = [&](const std::string& name) {
        return host::read_file(options.output / name / first_generation / "stdout").value();
    };
    CHECK(file("web") == "from seven\n");
    CHECK(file("vsock-9") == "from nine\n");
    CHECK(server.names() == std::set<std::string>{"web", "vsock-9"});
}

TEST_CASE("the sockets of a directory are served as they come and go", "[host][collector]") {
    const TemporaryDirectory directory;
    boost::asio::io_context io{1};
    const std::filesystem::path sockets = directory.path() / "s";
    std::filesystem::create_directory(sockets);
    host::CollectorServer server(io.get_executor(), {});
    host::CollectorOptions options;
    options.output = directory.path() / "out";
    REQUIRE(server.add_directory(sockets, options).has_value());
    const Served served(io, server);
    const std::string path = (sockets / "vm.sock").string();
    for (const std::string round : {"one\n", "two\n"}) {
        INFO(round);
        const Prover guest(io, path, key);
        REQUIRE(run_until(io, [&] { return std::filesystem::exists(path + "_4002"); }));
        CHECK(server.names() == std::set<std::string>{"vm.sock"});
        {
            FakeDialed dialed(io, path + "_4002");
            proto::OutputHello hello = output_hello(
                round == "one\n" ? first_generation : second_generation, 0, round.size());
            dialed.send(FrameType::hello, 255, 0, text(to_json(hello)));
            (void)welcome_of(dialed);
            dialed.send(FrameType::data, 1, 0, round, proto::frame_flag::ack_now);
            REQUIRE(acked(dialed) == round.size());
        }
        std::filesystem::remove(path);
        REQUIRE(run_until(io, [&] { return server.names().empty(); }));
        CHECK_FALSE(std::filesystem::exists(path + "_4002"));
    }
    const auto machine = options.output / "vm.sock";
    CHECK(host::read_file(machine / first_generation / "stdout").value() == "one\n");
    CHECK(host::read_file(machine / second_generation / "stdout").value() == "two\n");
}

TEST_CASE("every form holds lines, gaps, the end and the parent of a clone", "[host][collector]") {
    for (const host::Format format : {host::Format::json, host::Format::journal}) {
        Rig rig;
        rig.options.format = format;
        rig.options.durable = host::Durable::yes;
        {
            const Running collector(rig);
            proto::OutputHello hello = output_hello(second_generation, 5, 99);
            hello.parent_generation = first_generation;
            FakeDialed guest = dial_output(rig, hello);
            REQUIRE_FALSE(welcome_of(guest).resume.has_value());
            guest.send(FrameType::data, 1, 5, "one\ntw");
            REQUIRE(acked(guest) == 11); // a part of a line does not wait for the rest for ever
            guest.send(FrameType::dropped, 1, 11, R"({"count":9})");
            REQUIRE(acked(guest) == 20);
            guest.send(FrameType::data, 1, 20, "\xff\n");
            REQUIRE(acked(guest) == 22);
            guest.send(FrameType::eos, 1, 22, R"({"how":"lingered"})");
            REQUIRE(acked(guest) == 22);
        }
        const bool is_json = format == host::Format::json;
        const std::string file =
            rig.file(second_generation, is_json ? "stdout.jsonl" : "stdout.export");
        const Rebuilt stream = is_json ? rebuild_json(file) : rebuild_journal(file);
        CHECK(stream.start == 5);
        CHECK(stream.bytes == "one\ntw\xff\n");
        CHECK(stream.gaps == std::vector{std::pair<std::uint64_t, std::uint64_t>(11, 9)});
        CHECK(stream.eos == "lingered");
        CHECK(stream.parent == first_generation);
        CHECK(stream.boot_id == "boot");
    }
}

TEST_CASE("a full disk gets no ACK, says so, and is tried again", "[host][collector]") {
    Rig rig;
    const Running collector(rig);
    FakeDialed guest = dial_output(rig, output_hello(first_generation, 0, 200'000));
    (void)welcome_of(guest);
    const std::string bytes(20'000, 'x');
    guest.send(FrameType::data, 1, 0, bytes, proto::frame_flag::ack_now);
    REQUIRE(acked(guest) == 20'000);
    // A limit on the size of files does what a full disk does, and only to this process.
    rlimit before{};
    REQUIRE(::getrlimit(RLIMIT_FSIZE, &before) == 0);
    rlimit small = before;
    small.rlim_cur = 30'000;
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &small) == 0);
    (void)::signal(SIGXFSZ, SIG_IGN); // the write fails instead
    guest.send(FrameType::data, 1, 20'000, bytes, proto::frame_flag::ack_now);
    const bool said = run_until(rig.io, [&] { return !rig.notices.empty(); });
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &before) == 0);
    REQUIRE(said);
    CHECK(rig.notices.front().find("nothing is acknowledged") != std::string::npos);
    CHECK(guest.available() == 0);
    REQUIRE(acked(guest) == 40'000);
    CHECK(rig.file(first_generation, "stdout") == bytes + bytes);
    CHECK(rig.notices.back().find("is written again") != std::string::npos);
}

TEST_CASE("standard output gets whole records, and an ACK waits for its reader",
          "[host][collector]") {
    std::array<int, 2> ends{};
    REQUIRE(::pipe2(ends.data(), O_CLOEXEC) == 0);
    const host::Descriptor read_end(ends[0]);
    const host::Descriptor write_end(ends[1]);
    REQUIRE(::fcntl(read_end.get(), F_SETFL, O_NONBLOCK) == 0);
    Rig rig;
    rig.options.format = host::Format::json;
    rig.options.pipe = std::make_shared<host::SharedPipe>(write_end.get());
    const Running collector(rig);
    FakeDialed guest = dial_output(rig, output_hello(first_generation, 0, 400'000));
    (void)welcome_of(guest);
    std::string lines;
    while (lines.size() < 200'000)
        lines += fmt::format("line {}\n", lines.size());
    for (std::size_t at = 0; at < lines.size(); at += 28'000)
        guest.send(FrameType::data, 1, at, lines.substr(at, 28'000),
                   at + 28'000 >= lines.size() ? proto::frame_flag::ack_now : std::uint16_t{0});
    std::string records;
    std::array<char, 65536> buffer{};
    const auto take = [&] {
        const ssize_t count = ::read(read_end.get(), buffer.data(), buffer.size());
        if (count > 0) records.append(buffer.data(), static_cast<std::size_t>(count));
    };
    std::uint64_t last = 0;
    const auto all_acked = [&] {
        take();
        while (guest.available() > 0)
            last = acked(guest);
        return last == lines.size();
    };
    // The loop has nothing to do while the worker waits for us: a timer keeps it turning.
    host::Timer tick(rig.io);
    std::function<void()> turn = [&] {
        tick.expires_after(std::chrono::milliseconds(1));
        tick.async_wait([&](host::error_code error) {
            if (!error) turn();
        });
    };
    turn();
    REQUIRE(run_until(rig.io, all_acked));
    take();
    std::string of_stream; // events of the machine come on the same way
    for (std::size_t at = 0; at < records.size();) {
        const std::size_t end = records.find('\n', at) + 1;
        const std::string line = records.substr(at, end - at);
        if (line.find(R"("stream":"stdout","offset")") != std::string::npos) of_stream += line;
        at = end;
    }
    CHECK(rebuild_json(of_stream).bytes == lines);
    tick.cancel();
}
