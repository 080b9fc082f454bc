// What `rousectl restore` says to a guest: the document that arrives there.
#include "proto/restore.hpp"
#include "tests/support/command.hpp"
#include "tests/support/scripted_host.hpp"
#include "tests/support/temporary_directory.hpp"
#include "tools/lab/places.hpp"

#include <boost/json.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <fmt/format.h>

#include <chrono>
#include <set>
#include <string>
#include <vector>

using namespace rouse;
using namespace std::chrono_literals;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::StartsWith;

namespace {

/// Receives until the text has its end.
void receive_until(test::Connection& connection, std::string& text, std::string_view end) {
    while (text.find(end) == std::string::npos) {
        const auto more = connection.receive();
        REQUIRE(more.has_value());
        text += *more;
    }
}

/// The socket of a VMM whose guest keeps what it is asked.
class AskedGuest {
public:
    [[nodiscard]] std::vector<std::string> restore(std::vector<std::string> words = {}) const {
        words.insert(words.begin(), {lab::build_product("tools/rousectl").string(), "-H",
                                     "unix:" + path_.string(), "restore"});
        return words;
    }

    /// The document of the next request, which is not answered yet.
    proto::RestoreDocument asked() {
        connection_ = std::move(listener_.accept().connection());
        std::string text;
        receive_until(connection_, text, "\n");
        CHECK_THAT(text, StartsWith("CONNECT "));
        REQUIRE(connection_.send("OK 1073741824\n"));
        text.clear();
        receive_until(connection_, text, "\r\n\r\n");
        CHECK_THAT(text, StartsWith("POST /v1/restore HTTP/1.1\r\n"));
        receive_until(connection_, text, "}");
        const std::string body = text.substr(text.find("\r\n\r\n") + 4);
        INFO(body);
        return proto::parse_restore_document(body).value();
    }

    void answer() {
        proto::RestoreReport report;
        report.state = "complete";
        const std::string body = boost::json::serialize(proto::to_json(report));
        REQUIRE(connection_.send(fmt::format("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                                             "Content-Length: {}\r\nConnection: close\r\n\r\n{}",
                                             body.size(), body)));
    }

    void hang_up() { connection_.close(); }

    [[nodiscard]] bool was_not_asked() const { return listener_.stays_quiet(0ms); }

private:
    test::TemporaryDirectory folder_;
    std::filesystem::path path_ = folder_.path() / "guest";
    test::HostListener listener_{path_};
    test::Connection connection_{lab::Descriptor()};
};

/// What arrives when this is said.
proto::RestoreDocument document_of(std::vector<std::string> words) {
    AskedGuest guest;
    test::Command command(guest.restore(std::move(words)));
    proto::RestoreDocument document = guest.asked();
    guest.answer();
    const test::Said said = command.finish(test::patience);
    INFO(said.error);
    CHECK(said.status == 0);
    return document;
}

std::uint64_t nanoseconds_now() {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::nanoseconds>(now).count());
}

} // namespace

TEST_CASE("rousectl restore brings a seed that nobody else gets, and the host's time",
          "[restore][process]") {
    constexpr std::size_t seed_bytes = 32;
    using Words = std::vector<std::string>;
    std::set<std::string> seeds;
    const std::vector<Words> all{{}, {"--entropy", "auto", "--now", "auto"}, {"--entropy=auto"}};
    for (const Words& words : all) {
        const std::uint64_t before = nanoseconds_now();
        const auto document = document_of(words);
        CHECK(document.entropy.size() == seed_bytes);
        CHECK(seeds.insert(document.entropy).second);
        REQUIRE(document.now_ns.has_value());
        CHECK(*document.now_ns >= before);
        CHECK(*document.now_ns <= nanoseconds_now());
    }
}

TEST_CASE("rousectl restore leaves out the seed and the time that are not wanted",
          "[restore][process]") {
    const auto seedless = document_of({"--entropy", "none"});
    CHECK(seedless.entropy.empty());
    CHECK(seedless.now_ns.has_value());
    const auto timeless = document_of({"--now", "none"});
    CHECK_FALSE(timeless.entropy.empty());
    CHECK_FALSE(timeless.now_ns.has_value());
    const auto neither =
        document_of({"--generation", "same", "--entropy", "none", "--now", "none"});
    CHECK(neither == proto::RestoreDocument());
}

TEST_CASE("rousectl restore repeats its seed when it has to ask again, and tells the time anew",
          "[restore][process]") {
    AskedGuest guest;
    test::Command command(guest.restore());
    const auto first = guest.asked();
    guest.hang_up(); // as the fence of another trigger does
    const auto second = guest.asked();
    guest.answer();
    CHECK(command.finish(test::patience).status == 0);
    CHECK(second.generation == first.generation);
    CHECK(second.entropy == first.entropy);
    CHECK(second.now_ns.value() > first.now_ns.value());
}

TEST_CASE("rousectl restore says which of seed and time it does not understand",
          "[restore][process]") {
    const AskedGuest guest;
    for (const std::string option : {"--entropy", "--now"})
        for (const std::string value : {"", "seed", "Auto", "1700000000", "/dev/urandom"}) {
            INFO(option << " '" << value << "'");
            const test::Said said =
                test::run_command(guest.restore({option + "=" + value}), test::patience);
            CHECK(said.status == 125);
            CHECK(said.output.empty());
            CHECK_THAT(said.error, ContainsSubstring(option) && ContainsSubstring("auto,none"));
        }
    CHECK(guest.was_not_asked());
}
