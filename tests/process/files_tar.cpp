// The applet for files and the system's tar understand each other.
#include "tests/process/agent.hpp"
#include "tests/process/file_tree.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <fmt/format.h>

using namespace rouse;
using Catch::Matchers::ContainsSubstring;
using test::FileTree;
using test::Said;
using test::TemporaryDirectory;

namespace {

std::string applet_path() {
    return test::rouse({}).front();
}

Said run_script(const std::string& script) {
    return test::run_command({"/bin/sh", "-c", "set -e; " + script}, test::patience);
}

} // namespace

TEST_CASE("the system's tar unpacks what the applet packs", "[files][process]") {
    const TemporaryDirectory folder;
    const FileTree tree(folder.path() / "src");
    const auto target = folder.path() / "out";
    const Said said = run_script(fmt::format("mkdir {0}; {1} files create {2} | tar -xpf - -C {0}",
                                             target.string(), applet_path(), tree.root().string()));
    INFO(said.error);
    REQUIRE(said.status == 0);
    CHECK(test::describe(target / "src") == test::describe(tree.root()));
    CHECK(test::blocks_of(target / "src/sparse") == test::blocks_of(tree.root() / "sparse"));
}

TEST_CASE("the applet unpacks what the system's tar packs, in every format", "[files][process]") {
    const TemporaryDirectory folder;
    const FileTree tree(folder.path() / "src");
    for (const char* const form :
         {"--format=gnu", "--format=gnu -S", "--format=pax", "--format=pax -S", "--format=posix",
          "--format=pax -S --sparse-version=0.1", "--format=pax -b 2048"}) {
        const auto target = folder.path() / "out";
        INFO(form);
        const Said said =
            run_script(fmt::format("rm -rf {0}; mkdir {0}; cd {1}; tar {2} -cf - src | "
                                   "{3} files extract {0}",
                                   target.string(), folder.path().string(), form, applet_path()));
        INFO(said.error);
        REQUIRE(said.status == 0);
        const bool has_nanoseconds = std::string_view(form).find("gnu") == std::string_view::npos;
        const auto times = has_nanoseconds ? test::Times::exact : test::Times::seconds;
        CHECK(test::describe(target / "src", times) == test::describe(tree.root(), times));
        if (std::string_view(form).find("-S") != std::string_view::npos)
            CHECK(test::blocks_of(target / "src/sparse") < 1000);
    }
}

TEST_CASE("the applet says what is wrong and ends with 1", "[files][process]") {
    const TemporaryDirectory folder;
    const auto run = [](std::vector<std::string> words) {
        words.insert(words.begin(), "files");
        return test::run_command(test::rouse(std::move(words)), test::patience);
    };
    const std::string missing = (folder.path() / "missing").string();
    const Said none = run({"create", missing});
    CHECK(none.status == 1);
    CHECK(none.output.empty());
    CHECK(none.error ==
          fmt::format("rouse files: error: missing: {}\n", "No such file or directory"));
    const Said json = run({"stat", "--json", missing});
    CHECK(json.status == 1);
    CHECK_THAT(json.error, ContainsSubstring(R"({"error":{"kind":"not_found")"));
    for (const std::vector<std::string>& words : std::vector<std::vector<std::string>>{
             {}, {"list", "/"}, {"create"}, {"create", "--as", "a/b", "/"}, {"stat", "/", "/"}}) {
        const Said said = run(words);
        CHECK(said.status == 2);
        CHECK_THAT(said.error, ContainsSubstring("files: "));
    }
}

TEST_CASE("a tree deeper than any path is packed whole", "[files][process]") {
    const TemporaryDirectory folder;
    const test::DeepDirectory deep(folder.path(), 2000);
    const Said said = run_script(
        fmt::format("cd {0}; {1} files create top | tar -tf - | tail -n 1 | wc -c; rm -rf top",
                    folder.path().string(), applet_path()));
    INFO(said.error);
    CHECK(said.status == 0);
    CHECK(said.output.size() == 6); // five digits: more than 20 000 bytes of name
}
