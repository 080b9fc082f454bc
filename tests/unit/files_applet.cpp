// The words of the applet: how it is called, and what it says.

#include "agent/files/complaints.hpp"
#include "agent/files/files_command.hpp"

#include <catch2/catch_test_macros.hpp>

#include <array>
#include <string>
#include <vector>

using namespace rouse;
using files::Complaints;
using files::FilesRequest;

TEST_CASE("the applet's command line is read, or what is wrong with it is said", "[files]") {
    struct Row {
        std::vector<std::string> words;
        std::string wrong;
    };
    const std::string usage =
        "files: say what to do: create|extract|stat [--as NAME] [--json] PATH";
    const std::vector<Row> rows{
        {{}, usage},
        {{"list"}, usage},
        {{"create"}, "files: a path is needed"},
        {{"create", "--as", "a/b", "/x"}, "files: --as takes a name without a slash"},
        {{"create", "--as", "..", "/x"}, "files: --as takes a name without a slash"},
        {{"create", "/x", "/y"}, "files: unknown or one too many: '/y'"},
        {{"create", "/x", "--as"}, "files: unknown or one too many: '--as'"},
        {{"create", "--fast", "/x"}, "files: unknown or one too many: '--fast'"},
    };
    for (const Row& row : rows)
        CHECK(files::parse_files_arguments(row.words).wrong == row.wrong);
    const FilesRequest extract =
        files::parse_files_arguments({"extract", "--as", "n", "--json", "--", "--path"}).request;
    CHECK(extract.verb == FilesRequest::Verb::extract);
    CHECK(extract.as == "n");
    CHECK(extract.json);
    CHECK(extract.path == "--path");
    CHECK(files::parse_files_arguments({"stat", "/x"}).request.verb == FilesRequest::Verb::stat);
}

TEST_CASE("what the applet says is taken line by line, and bounded", "[files]") {
    Complaints complaints;
    const std::string said =
        "{\"warning\":{\"kind\":\"left_out\",\"message\":\"m\",\"path\":\"p\"}}\n"
        "a loader's line\n{\"other\":1}\n[1\n\n"
        "{\"error\":{\"kind\":\"denied\",\"message\":\"no\",\"path\":\"/x\"}}\nunfinished";
    for (const char byte : said)
        complaints.add(std::string_view(&byte, 1));
    CHECK(complaints.warned() == 1);
    REQUIRE(complaints.failure());
    CHECK(complaints.failure()->kind == "denied");
    CHECK(complaints.failure()->path == "/x");
    CHECK(complaints.failure()->message == "no");
    CHECK(complaints.stray().empty());

    Complaints many;
    for (int i = 0; i < 1000; ++i)
        many.add("{\"warning\":{\"message\":\"m\",\"path\":\"p\"}}\n");
    CHECK(many.warned() == 1000);
    CHECK(many.warnings().size() == 100);
    constexpr std::size_t endless = 10'000'000;
    many.add(std::string(endless, 'x')); // NOLINT(bugprone-string-constructor): it is meant
    many.add("\nlast\n");
    CHECK(many.stray() == "last");
    CHECK_FALSE(many.failure());
}

TEST_CASE("every kind of failure has its status", "[files]") {
    const auto rows = std::to_array<std::pair<std::string_view, unsigned>>({{"not_found", 404},
                                                                            {"denied", 403},
                                                                            {"conflict", 409},
                                                                            {"bad_archive", 400},
                                                                            {"bad_request", 400},
                                                                            {"no_space", 507},
                                                                            {"failed", 500},
                                                                            {"spawn", 500}});
    for (const auto& [kind, status] : rows)
        CHECK(files::http_status(kind) == status);
    for (const int number : {ENOENT, EACCES, EPERM, EROFS, EEXIST, ENOTDIR, EISDIR, ENOSPC, EDQUOT})
        CHECK(files::http_status(files::Failure("p", sys::error_from(number)).kind) != 500);
    CHECK(files::Failure("p", sys::error_from(EIO)).kind == "failed");
}
