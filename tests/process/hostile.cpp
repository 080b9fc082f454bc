// Whatever a client sends: it is told what is wrong, in time, and nobody else notices.

#include "proto/limits.hpp"
#include "tests/process/hostile_rows.hpp"
#include "tests/process/hostile_scene.hpp"

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <map>
#include <thread>

#include <fcntl.h>
#include <stdio.h>

using namespace rouse;
using test::HostileScene;
namespace fs = std::filesystem;

namespace {

const std::vector<std::string> nothing_wrong;

/// What is wrong with the answers to rows that are sent all at once.
std::vector<std::string> send_all(HostileScene& scene, const std::vector<test::BadRequest>& rows) {
    return scene.survive(
        [&] { return test::complaints(scene.endpoint(), rows, {}, test::LastWords::certain); });
}

void write_text(const fs::path& path, const std::string& text) {
    std::ofstream(path, std::ios::binary) << text;
}

std::string content_of(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

} // namespace

TEST_CASE("the agent is tried with at least sixty hostile inputs", "[hostile][process]") {
    CHECK(test::hostile_heads().size() + test::hostile_bodies().size() +
              test::hostile_commands().size() + test::hostile_documents().size() +
              test::hostile_frames().size() + test::hostile_archives("/").size() >=
          60);
}

TEST_CASE("a bad head of a request is answered by its reason", "[hostile][process]") {
    HostileScene scene;
    CHECK(send_all(scene, test::hostile_heads()) == nothing_wrong);
}

TEST_CASE("a body that is framed badly is answered by its reason", "[hostile][process]") {
    HostileScene scene;
    CHECK(send_all(scene, test::hostile_bodies()) == nothing_wrong);
}

TEST_CASE("a bad document is answered by its place and reason", "[hostile][process]") {
    HostileScene scene;
    CHECK(send_all(scene, test::hostile_commands()) == nothing_wrong);
    CHECK(send_all(scene, test::hostile_documents()) == nothing_wrong);
}

TEST_CASE("a bad frame ends its stream by its reason, and a strange one is skipped",
          "[hostile][process]") {
    HostileScene scene;
    CHECK(scene.survive([&] {
        return test::complaints(scene.endpoint(), {}, test::hostile_frames(),
                                test::LastWords::certain);
    }) == nothing_wrong);
}

TEST_CASE("a hostile archive is refused by its reason, and nothing leaves the directory",
          "[hostile][process]") {
    HostileScene scene;
    write_text(scene.folder() / "victim", "safe");
    const fs::path root = scene.folder() / "root";
    const auto rows = test::hostile_archives(root.string());
    for (std::size_t i = 0; i < rows.size(); ++i)
        fs::create_directories(root / std::to_string(i));
    write_text(root / "victim", "safe");
    // More at once would be refused as too many.
    constexpr auto width = static_cast<std::ptrdiff_t>(proto::limits::files_transfers) - 2;
    for (auto row = rows.begin(); row != rows.end();) {
        const auto count = std::min(width, rows.end() - row);
        CHECK(send_all(scene, {row, row + count}) == nothing_wrong);
        row += count;
    }
    CHECK(content_of(scene.folder() / "victim") == "safe");
    CHECK(content_of(root / "victim") == "safe");
    CHECK(fs::hard_link_count(root / "victim") == 1);
    CHECK(std::distance(fs::directory_iterator(root), {}) ==
          static_cast<std::ptrdiff_t>(rows.size()) + 1);
    CHECK_FALSE(fs::exists("/victim"));
}

TEST_CASE("somebody who swaps directories for links leads no archive outside",
          "[hostile][process]") {
    HostileScene scene;
    const fs::path root = scene.folder() / "root";
    const fs::path outside = scene.folder() / "outside";
    fs::create_directories(root / "d");
    fs::create_directory(outside);
    fs::create_directory_symlink(outside, root / "link");
    fs::create_directories(scene.folder() / "source/d/e");
    write_text(scene.folder() / "source/d/e/f", "evil");
    const std::string archive =
        test::run_command({"tar", "-C", (scene.folder() / "source").string(), "-cf", "-", "d"},
                          test::patience)
            .output;
    std::atomic<bool> done = false;
    std::thread swapper([&] {
        // d is by turns a directory and a link to outside.
        for (; !done; std::this_thread::yield())
            (void)::renameat2(AT_FDCWD, (root / "d").c_str(), AT_FDCWD, (root / "link").c_str(),
                              RENAME_EXCHANGE); // the next one may go better
    });
    constexpr int turns = 15;
    std::map<int, int> answers;
    CHECK(scene.survive([&] {
        for (int turn = 0; turn < turns; ++turn)
            ++answers[test::ask(scene.endpoint(), "PUT",
                                fmt::format("/v1/files?path={}", root.string()), archive)
                          .status];
        return nothing_wrong;
    }) == nothing_wrong);
    done = true;
    swapper.join();
    CHECK(answers[200] + answers[400] + answers[404] + answers[409] == turns);
    CHECK(fs::is_empty(outside));
}
