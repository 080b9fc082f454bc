// GET and PUT /v1/files under `rouse run`.
#include "proto/chunked.hpp"
#include "proto/fields.hpp"
#include "tests/process/agent.hpp"
#include "tests/process/file_tree.hpp"
#include "tests/support/openapi.hpp"

#include <boost/json.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <fmt/format.h>

#include <csignal>
#include <fstream>
#include <set>

#include <sys/stat.h>
#include <unistd.h>

using namespace rouse;
using Catch::Matchers::ContainsSubstring;
using test::Agent;
using test::AgentPlace;
using test::FileTree;
using test::HttpAnswer;
namespace fs = std::filesystem;

namespace {

const std::vector<std::string> waiting_workload = test::payload({"tell-signals"});

std::string files_target(const fs::path& path, const std::string& more = "") {
    return fmt::format("/v1/files?path={}{}", path.string(), more);
}

/// The whole archive; nothing when the answer was cut off.
std::optional<std::string> get_archive(const test::Endpoint& endpoint, const fs::path& path,
                                       const std::string& more = "") {
    HttpAnswer answer = test::ask(endpoint, "GET", files_target(path, more));
    INFO(answer.body.substr(0, 300));
    REQUIRE(answer.status == 200);
    REQUIRE_THAT(answer.head, ContainsSubstring("Content-Type: application/x-tar"));
    std::string archive;
    proto::ChunkDecoder chunks;
    REQUIRE(chunks.feed(answer.body, archive).has_value());
    return chunks.ended() ? std::optional(archive) : std::nullopt;
}

std::string kind_of(const HttpAnswer& answer) {
    const auto document = proto::parse_json(answer.body);
    return fmt::format("{} {}", answer.status, test::text_at(document.value(), "/error/kind"));
}

void spit(const fs::path& path, const std::string& text) {
    std::ofstream(path, std::ios::binary) << text;
}

std::string tar_of(const fs::path& directory, const std::string& name) {
    return test::run_command({"tar", "-C", directory.string(), "-cf", "-", name}, test::patience)
        .output;
}

/// Waits until no applet is left.
void wait_no_applets(const Agent& agent) {
    test::wait_until(
        [&] { return test::number_at(test::status(agent.endpoint()), "/files/running") == 0; },
        [] { return std::string("an applet is left"); }, test::patience);
}

} // namespace

TEST_CASE("a tree goes to the host and back, equal in everything", "[files][process]") {
    const AgentPlace place;
    const Agent agent(place, waiting_workload);
    const FileTree tree(place.folder() / "src");
    const std::optional<std::string> archive = get_archive(agent.endpoint(), tree.root());
    REQUIRE(archive);
    const HttpAnswer put =
        test::ask(agent.endpoint(), "PUT", files_target(place.folder() / "copy"), *archive);
    INFO(put.body);
    REQUIRE(put.status == 200);
    CHECK(test::describe(place.folder() / "copy") == test::describe(tree.root()));
    CHECK(test::blocks_of(place.folder() / "copy/sparse") ==
          test::blocks_of(tree.root() / "sparse"));
    const auto tally = proto::parse_json(put.body).value();
    CHECK(test::number_at(tally, "/entries") == test::describe(tree.root()).size());
    CHECK(tally.at("warnings").as_array().empty());
    wait_no_applets(agent);
}

TEST_CASE("a large archive in chunks streams both ways", "[files][process]") {
    const AgentPlace place;
    const Agent agent(place, waiting_workload);
    const std::string content(24 << 20, 'L');
    spit(place.folder() / "large", content);
    const std::optional<std::string> archive =
        get_archive(agent.endpoint(), place.folder() / "large", "&as=other");
    REQUIRE(archive);
    fs::create_directory(place.folder() / "in");
    test::Connection connection = agent.endpoint().connect();
    REQUIRE(connection.send(fmt::format("PUT {} HTTP/1.1\r\nHost: guest\r\nConnection: close\r\n"
                                        "Transfer-Encoding: chunked\r\n\r\n",
                                        files_target(place.folder() / "in"))));
    constexpr std::size_t step = 1'000'000;
    for (std::size_t at = 0; at < archive->size(); at += step)
        REQUIRE(connection.send(proto::encode_chunk(std::string_view(*archive).substr(at, step))));
    REQUIRE(connection.send(proto::last_chunk));
    const HttpAnswer answer = test::read_answer(connection);
    CHECK(answer.status == 200);
    CHECK(test::read_bytes(place.folder() / "in/other") == content);
}

TEST_CASE("the status of a file comes without the file", "[files][process]") {
    const AgentPlace place;
    const Agent agent(place, waiting_workload);
    spit(place.folder() / "file", "four");
    const HttpAnswer answer =
        test::ask(agent.endpoint(), "GET", files_target(place.folder() / "file", "&stat=1"));
    REQUIRE(answer.status == 200);
    const auto status = proto::parse_json(answer.body).value();
    CHECK(test::text_at(status, "/type") == "file");
    CHECK(test::number_at(status, "/size") == 4);
    std::set<std::string> keys;
    for (const auto& member : status.as_object())
        keys.emplace(member.key());
    CHECK(test::openapi_properties("FileStatus") == keys);
    CHECK(kind_of(test::ask(agent.endpoint(), "GET", files_target("/no/such", "&stat=1"))) ==
          "404 not_found");
}

TEST_CASE("what cannot be done with files is answered by its kind", "[files][process]") {
    const AgentPlace place;
    const Agent agent(place, waiting_workload);
    spit(place.folder() / "file", "x");
    fs::create_directory(place.folder() / "dir");
    REQUIRE(::chmod(place.folder().c_str(), 0755) == 0);
    REQUIRE(::chmod((place.folder() / "dir").c_str(), 0700) == 0);
    spit(place.folder() / "src", "text");
    const std::string archive = tar_of(place.folder(), "src");
    const std::string directory = tar_of(place.folder(), "dir");
    struct Row {
        std::string method;
        std::string target;
        std::string body;
        std::string answer;
    };
    const fs::path& root = place.folder();
    const std::vector<Row> rows{
        {"GET", files_target(root / "none"), "", "404 not_found"},
        {"GET", files_target(root / "file/below"), "", "409 conflict"},
        {"GET", files_target(root / "file/"), "", "409 conflict"},
        {"GET", files_target("relative"), "", "400 bad_request"},
        {"GET", "/v1/files", "", "400 bad_request"},
        {"GET", files_target(root, "&as=a/b"), "", "400 bad_request"},
        {"GET", files_target(root / "a%00b"), "", "400 bad_request"},
        {"GET", files_target(root, "&user=nobody-knows-them"), "", "400 bad_request"},
        {"PUT", files_target(root / "none/below"), archive, "404 not_found"},
        {"PUT", files_target(root / "none/"), archive, "404 not_found"},
        {"PUT", files_target(root / "file"), directory, "409 conflict"},
        {"PUT", files_target(root / "dir"), "this is no archive" + std::string(600, 'x'),
         "400 bad_archive"},
        {"PUT", files_target(root / "dir"), archive.substr(0, 700), "400 bad_archive"},
        {"PUT", files_target(root / "dir"), "", "400 bad_archive"},
        {"PUT", files_target("relative"), archive, "400 bad_request"},
        {"DELETE", files_target(root), "", "405 method_not_allowed"},
    };
    for (const Row& row : rows) {
        INFO(row.method << " " << row.target);
        CHECK(kind_of(test::ask(agent.endpoint(), row.method, row.target, row.body)) == row.answer);
    }
    if (::geteuid() == 0) {
        CHECK(kind_of(test::ask(agent.endpoint(), "GET",
                                files_target(root / "dir", "&user=nobody"))) == "403 denied");
        CHECK(kind_of(test::ask(agent.endpoint(), "PUT", files_target(root / "dir", "&user=nobody"),
                                archive)) == "403 denied");
    }
    const HttpAnswer named = test::ask(agent.endpoint(), "GET", files_target(root / "none"));
    CHECK(test::text_at(proto::parse_json(named.body).value(), "/error/path") == "none");
    wait_no_applets(agent);
}

TEST_CASE("an archive that leads outside is refused over HTTP", "[files][process]") {
    const AgentPlace place;
    const Agent agent(place, waiting_workload);
    fs::create_directories(place.folder() / "root");
    spit(place.folder() / "evil", "evil");
    const auto packed = [&](const std::string& name) {
        return test::run_command({"tar", "-C", place.folder().string(), "-P", "--transform",
                                  "s,evil," + name + ",", "-cf", "-", "evil"},
                                 test::patience)
            .output;
    };
    for (const std::string name : {"../victim", "/victim", "a/../../victim"}) {
        const HttpAnswer answer =
            test::ask(agent.endpoint(), "PUT", files_target(place.folder() / "root"), packed(name));
        INFO(answer.body);
        CHECK(kind_of(answer) == "400 bad_archive");
        CHECK(test::text_at(proto::parse_json(answer.body).value(), "/error/path") == name);
    }
    const HttpAnswer device = test::ask(
        agent.endpoint(), "PUT", files_target(place.folder() / "root"), tar_of("/dev", "null"));
    CHECK(kind_of(device) == "400 bad_archive");
    CHECK(fs::is_empty(place.folder() / "root"));
    CHECK_FALSE(fs::exists(place.folder() / "victim"));
}

TEST_CASE("an error in the middle of an archive cuts the body off", "[files][process]") {
    const AgentPlace place;
    const Agent agent(place, waiting_workload);
    if (::geteuid() != 0) SKIP("only root can take another user's part");
    REQUIRE(::chmod(place.folder().c_str(), 0755) == 0);
    fs::create_directory(place.folder() / "src");
    for (int i = 0; i < 20; ++i)
        spit(place.folder() / fmt::format("src/{}", i), std::string(1 << 20, 'l'));
    test::Connection connection = agent.endpoint().connect();
    REQUIRE(connection.send(
        test::request_text("GET", files_target(place.folder() / "src", "&user=nobody"))));
    const std::optional<std::string> begun = connection.receive();
    REQUIRE(begun);
    // What nobody reads holds the applet up long before the last file.
    for (const fs::directory_entry& file : fs::directory_iterator(place.folder() / "src"))
        REQUIRE(::chmod(file.path().c_str(), 0000) == 0);
    std::string answer = *begun;
    while (const std::optional<std::string> more = connection.receive())
        answer += *more;
    const std::size_t head = answer.find("\r\n\r\n");
    REQUIRE(answer.starts_with("HTTP/1.1 200 "));
    std::string archive;
    proto::ChunkDecoder chunks;
    REQUIRE(chunks.feed(std::string_view(answer).substr(head + 4), archive).has_value());
    CHECK_FALSE(chunks.ended());
    CHECK(archive.size() > 100'000);
    wait_no_applets(agent);
}

TEST_CASE("a client that goes away leaves no applet and no half file behind", "[files][process]") {
    const AgentPlace place;
    const Agent agent(place, waiting_workload);
    spit(place.folder() / "large", std::string(8 << 20, 'x'));
    const std::string archive = tar_of(place.folder(), "large");
    fs::create_directory(place.folder() / "in");
    {
        test::Connection reader = agent.endpoint().connect();
        REQUIRE(reader.send(test::request_text("GET", files_target(place.folder() / "large"))));
        REQUIRE(reader.receive());
        test::Connection writer = agent.endpoint().connect();
        REQUIRE(writer.send(fmt::format("PUT {} HTTP/1.1\r\nContent-Length: {}\r\n\r\n",
                                        files_target(place.folder() / "in"), archive.size()) +
                            archive.substr(0, 1 << 20)));
        test::wait_until([&] { return !fs::is_empty(place.folder() / "in"); },
                         [] { return std::string("nothing is unpacked"); }, test::patience);
    }
    wait_no_applets(agent);
    CHECK(fs::is_empty(place.folder() / "in"));
}

TEST_CASE("requests for files have a limit, and others are served beside them",
          "[files][process]") {
    const AgentPlace place;
    const Agent agent(place, waiting_workload);
    spit(place.folder() / "large", std::string(8 << 20, 'x'));
    std::vector<test::Connection> stuck;
    for (std::size_t i = 0; i < proto::limits::files_transfers; ++i) {
        stuck.push_back(agent.endpoint().connect());
        REQUIRE(
            stuck.back().send(test::request_text("GET", files_target(place.folder() / "large"))));
        REQUIRE(stuck.back().receive()); // its head; the rest is never read
    }
    CHECK(kind_of(test::ask(agent.endpoint(), "GET", files_target(place.folder() / "large"))) ==
          "503 busy");
    CHECK(test::exec(agent.endpoint(), {"true"}).exit->code == 0U);
    stuck.clear();
    wait_no_applets(agent);
    CHECK(get_archive(agent.endpoint(), place.folder() / "large"));
}

TEST_CASE("files belong to the user who is named", "[files][process]") {
    if (::geteuid() != 0) SKIP("only root can take another user's part");
    const AgentPlace place;
    const Agent agent(place, waiting_workload);
    const fs::path home = place.folder() / "home";
    fs::create_directory(home);
    REQUIRE(::chmod(place.folder().c_str(), 0755) == 0);
    REQUIRE(::chmod(home.c_str(), 0777) == 0);
    spit(place.folder() / "file", "x");
    const HttpAnswer put = test::ask(agent.endpoint(), "PUT", files_target(home, "&user=nobody"),
                                     tar_of(place.folder(), "file"));
    INFO(put.body);
    REQUIRE(put.status == 200);
    struct stat status {};
    REQUIRE(::stat((home / "file").c_str(), &status) == 0);
    CHECK(status.st_uid == 65534);
}
