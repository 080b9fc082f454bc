// What stays of a guest when the program that booted it is killed from outside: nothing.
#include "tests/support/command.hpp"
#include "tests/support/wait.hpp"
#include "tests/uml/rig.hpp"

#include <catch2/catch_test_macros.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <charconv>
#include <csignal>
#include <fstream>
#include <iostream>
#include <map>
#include <sstream>

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace rouse;
using uml::Rig;

namespace {

constexpr const char* victim = "a guest that nobody ends";
constexpr const char* ready = "the guest stands";

/// Of /proc/PID/stat.
struct Stat {
    pid_t parent = 0;
    std::uint64_t started = 0; ///< tells a process from a later one with its number
};

std::optional<Stat> stat_of(pid_t pid) {
    std::ifstream file(fmt::format("/proc/{}/stat", pid));
    std::string line;
    if (!std::getline(file, line)) return std::nullopt;
    // The name may hold anything; what follows is numbers but for the first word, the state.
    std::istringstream words(line.substr(line.rfind(')') + 1));
    Stat stat;
    std::string skipped;
    words >> skipped >> stat.parent;
    constexpr int fields_between = 17; // 5 to 21 of proc(5)
    for (int field = 0; field < fields_between; ++field)
        words >> skipped;
    words >> stat.started;
    return words ? std::optional(stat) : std::nullopt;
}

std::map<pid_t, Stat> all_processes() {
    std::map<pid_t, Stat> found;
    for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
        const std::string name = entry.path().filename().string();
        pid_t pid = 0;
        const char* const end = name.data() + name.size();
        if (std::from_chars(name.data(), end, pid).ptr != end) continue;
        if (const auto stat = stat_of(pid)) found.emplace(pid, *stat);
    }
    return found;
}

/// The processes that descend from one, itself included.
std::map<pid_t, Stat> family_of(pid_t ancestor) {
    const std::map<pid_t, Stat> all = all_processes();
    const auto descends = [&](pid_t pid) {
        while (pid != ancestor) {
            const auto found = all.find(pid);
            if (found == all.end()) return false;
            pid = found->second.parent;
        }
        return true;
    };
    std::map<pid_t, Stat> family;
    for (const auto& [pid, stat] : all)
        if (descends(pid)) family.emplace(pid, stat);
    return family;
}

/// Those that still are, also as zombies.
std::vector<pid_t> left_of(const std::map<pid_t, Stat>& family) {
    std::vector<pid_t> left;
    for (const auto& [pid, before] : family) {
        // Orphans come to us. Others are not ours to wait for, which is no error here.
        (void)waitpid(pid, nullptr, WNOHANG);
        const auto now = stat_of(pid);
        if (now && now->started == before.started) left.push_back(pid);
    }
    return left;
}

} // namespace

// Runs only when it is asked for by its name: it never ends.
TEST_CASE("a guest that nobody ends", "[.]") {
    Rig rig({.profile = uml::qemu, .collect = false});
    rig.wait_ready();
    std::cout << ready << "\n" << std::flush;
    for (;;)
        (void)pause(); // always -1
}

TEST_CASE("a test program that is killed leaves no process of its guest behind", "[uml]") {
    if (!uml::has_pid_namespace()) SKIP("it does: there is no PID namespace without root");
    (void)prctl(PR_SET_CHILD_SUBREAPER, 1); // cannot fail
    const test::TemporaryDirectory folder;  // nobody else removes the victim's files
    test::Command program({std::filesystem::read_symlink("/proc/self/exe").string(), victim},
                          {{"TMPDIR", folder.path().string()}});
    test::wait_until([&] { return program.output().find(ready) != std::string::npos; },
                     [&] { return program.output() + program.error(); }, test::patience);
    const std::map<pid_t, Stat> family = family_of(program.process().pid());
    // The program, the kernel, and a process of the kernel's for each of the guest's.
    REQUIRE(family.size() > 3);
    program.process().signal(SIGKILL);
    CHECK(program.finish(test::patience).status == 128 + SIGKILL);
    try {
        test::wait_until([&] { return left_of(family).empty(); },
                         [&] { return fmt::format("left: {}", fmt::join(left_of(family), " ")); },
                         test::patience);
    } catch (...) {
        for (const pid_t pid : left_of(family))
            (void)kill(pid, SIGKILL);
        throw;
    }
}
