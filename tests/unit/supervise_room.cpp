// What room the agent and its payload have beside each other.
#include "agent/supervise/cgroup_room.hpp"
#include "tests/support/temporary_directory.hpp"

#include <catch2/catch_test_macros.hpp>

#include <filesystem>
#include <fstream>
#include <iterator>

using namespace rouse;

namespace {

/// Files as a kernel with all controllers has them.
struct FakeTree {
    FakeTree() {
        std::filesystem::create_directories(root() + "/exec");
        std::filesystem::create_directories(root() + "/agent");
        for (const char* const file : {"memory.min", "agent/memory.min", "agent/cpu.weight",
                                       "agent/cgroup.procs", "exec/pids.max", "exec/memory.max"})
            std::ofstream(root() + "/" + file) << "";
    }

    [[nodiscard]] std::string root() const { return directory.path(); }
    [[nodiscard]] std::string text(const std::string& file) const {
        std::ifstream stream(root() + "/" + file);
        return {std::istreambuf_iterator<char>(stream), {}};
    }

    test::TemporaryDirectory directory;
};

} // namespace

TEST_CASE("the agent's memory is protected in its group and above, and it moves there",
          "[workload]") {
    const FakeTree tree;
    CHECK(
        supervise::protect_agent(tree.root(), {.memory_min = 1234567, .cpu_weight = 300}).empty());
    CHECK(tree.text("memory.min") == "1234567");
    CHECK(tree.text("agent/memory.min") == "1234567");
    CHECK(tree.text("agent/cpu.weight") == "300");
    CHECK(tree.text("agent/cgroup.procs") == "0");
}

TEST_CASE("the payload is bounded as a whole, and what cannot be set is named", "[workload]") {
    const FakeTree tree;
    proto::CgroupLimits limits;
    limits.pids_max = 77;
    limits.memory_max = 4096;
    limits.cpu_weight = 50;
    const auto problems = supervise::bound_payload(tree.root(), limits);
    CHECK(tree.text("exec/pids.max") == "77");
    CHECK(tree.text("exec/memory.max") == "4096");
    REQUIRE(problems.size() == 1);
    CHECK(problems[0].file == "exec/cpu.weight");
    CHECK(problems[0].why == "this guest has no controller for it");
}

TEST_CASE("the payload's processes are fewer than the kernel has", "[workload]") {
    CHECK(supervise::usual_payload_pids(32768, 100000) == 28672);
    CHECK(supervise::usual_payload_pids(4194304, 1800) == 1575);
    CHECK(supervise::usual_payload_pids(301, 400) == 237);
    CHECK(supervise::usual_payload_pids(100, 100) == 50);
    proto::CgroupLimits limits = supervise::with_usual_pids({});
    REQUIRE(limits.pids_max);
    CHECK(*limits.pids_max > 1);
    limits.pids_max = 5;
    CHECK(supervise::with_usual_pids(limits).pids_max == 5);
}
