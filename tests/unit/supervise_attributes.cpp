// What a started process gets beyond user and directory.
#include "agent/supervise/command_plan.hpp"
#include "initramfs/file.hpp"
#include "proto/kernel_names.hpp"
#include "tests/support/temporary_directory.hpp"
#include "tests/unit/supervise_rig.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <fmt/format.h>

#include <charconv>
#include <filesystem>

#include <fcntl.h>
#include <linux/capability.h>
#include <sys/resource.h>

using namespace rouse;
using Catch::Matchers::ContainsSubstring;
using test::SuperviseRig;

namespace {

proto::Command cat(const std::string& file) {
    return {.argv = {"/bin/cat", file}, .env = {}, .cwd = "/", .user = ""};
}

/// What the command prints on both streams.
std::string printed_by(const proto::Command& wanted) {
    SuperviseRig rig;
    const test::TemporaryDirectory directory;
    const std::string path = directory.path() / "out";
    sys::Result<sys::UniqueFd> file = sys::open_file(path, O_WRONLY | O_CREAT, 0644);
    REQUIRE(file.has_value());
    auto started = rig.start(wanted, {.in = -1, .out = file->get(), .err = file->get()});
    if (const auto* const failure = std::get_if<proto::SpawnFailure>(&started))
        FAIL(failure->stage << ": " << failure->message);
    (void)rig.finish(std::get<supervise::Child>(started));
    return initramfs::read_file(path);
}

proto::SpawnFailure why_not(const proto::Command& wanted) {
    SuperviseRig rig;
    auto started = rig.start(wanted);
    REQUIRE(std::holds_alternative<proto::SpawnFailure>(started));
    CHECK(test::run_until(rig.io, [&] { return rig.reaper.watched() == 0; }));
    return std::get<proto::SpawnFailure>(started);
}

std::uint64_t bit(unsigned number) {
    return std::uint64_t{1} << number;
}

/// One of the sets of capabilities in the text of /proc/self/status.
std::uint64_t set_of(const std::string& status, const std::string& name) {
    const std::size_t at = status.find(name + ":\t");
    REQUIRE(at != std::string::npos);
    const char* const digits = status.data() + at + name.size() + 2;
    std::uint64_t set = 0;
    REQUIRE(std::from_chars(digits, status.data() + status.size(), set, 16).ec == std::errc());
    return set;
}

void need_root() {
    if (::geteuid() != 0) SKIP("only root has capabilities to give and to take");
}

} // namespace

TEST_CASE("whatever signals do in the agent, all are as new in a child", "[spawn]") {
    std::array<struct sigaction, 65> before{};
    struct sigaction ignore {};
    ignore.sa_handler = SIG_IGN;
    for (int number = 1; number <= 64; ++number)
        if (number != SIGCHLD) // an ignored SIGCHLD loses the exit status
            (void)::sigaction(number, &ignore, &before.at(static_cast<std::size_t>(number)));
    sigset_t all{};
    sigset_t mask{};
    (void)::sigfillset(&all);
    (void)::sigdelset(&all, SIGCHLD); // with which the rig learns of the exit
    REQUIRE(::pthread_sigmask(SIG_SETMASK, &all, &mask) == 0);
    const std::string status = printed_by(cat("/proc/self/status"));
    REQUIRE(::pthread_sigmask(SIG_SETMASK, &mask, nullptr) == 0);
    for (int number = 1; number <= 64; ++number)
        if (number != SIGCHLD)
            (void)::sigaction(number, &before.at(static_cast<std::size_t>(number)), nullptr);
    for (const std::string set : {"SigPnd", "ShdPnd", "SigBlk", "SigIgn", "SigCgt"})
        CHECK_THAT(status, ContainsSubstring(set + ":\t0000000000000000"));
}

TEST_CASE("every limit of resources reaches the process", "[spawn]") {
    for (const std::string_view name : proto::resource_names()) {
        CAPTURE(name);
        const int resource = proto::resource_number(name).value();
        rlimit before{};
        REQUIRE(::getrlimit(static_cast<__rlimit_resource>(resource), &before) == 0);
        proto::Command wanted = cat("/proc/self/limits");
        // Enough for cat itself, and lower than any hard limit that the test may have.
        const std::uint64_t hard = before.rlim_max == RLIM_INFINITY ? 1UL << 30U : before.rlim_max;
        wanted.attributes.rlimits[std::string(name)] = {.soft = hard - hard / 8, .hard = hard};
        CHECK_THAT(printed_by(wanted), ContainsSubstring(fmt::format("{} ", hard)));
        CHECK_THAT(printed_by(wanted), ContainsSubstring(fmt::format(" {} ", hard - hard / 8)));
    }
}

TEST_CASE("open files may be limited otherwise than usual", "[spawn]") {
    proto::Command wanted{
        .argv = {"/bin/sh", "-c", "ulimit -Sn; ulimit -Hn"}, .env = {}, .cwd = "/", .user = ""};
    wanted.attributes.rlimits["nofile"] = {.soft = 20, .hard = 30};
    CHECK(printed_by(wanted) == "20\n30\n");
}

TEST_CASE("a limit that cannot be had is told by its name", "[spawn]") {
    need_root();
    proto::Command wanted = cat("/dev/null");
    wanted.attributes.rlimits["core"] = {.soft = 0, .hard = 0};
    // The kernel's fs.nr_open is the most there is.
    wanted.attributes.rlimits["nofile"] = {};
    const proto::SpawnFailure failure = why_not(wanted);
    CHECK(failure.stage == "rlimits");
    CHECK(failure.error == EPERM);
    CHECK(failure.path == "nofile");
    CHECK(proto::shell_exit_code(failure) == 126);
}

TEST_CASE("umask and oom_score_adj are as asked for", "[spawn]") {
    for (const auto& [mask, text] : std::vector<std::pair<std::uint32_t, std::string>>{
             {0, "0000"}, {022, "0022"}, {077, "0077"}, {0777, "0777"}}) {
        proto::Command wanted = cat("/proc/self/status");
        wanted.attributes.umask = mask;
        CHECK_THAT(printed_by(wanted), ContainsSubstring("Umask:\t" + text));
    }
    for (const std::int64_t score : {0, 1, 1000}) {
        proto::Command wanted = cat("/proc/self/oom_score_adj");
        wanted.attributes.oom_score_adj = score;
        CHECK(printed_by(wanted) == fmt::format("{}\n", score));
    }
}

TEST_CASE("groups are added to those of the user, by name or number", "[spawn]") {
    const test::TemporaryDirectory directory;
    const sys::UserFiles files{.passwd = directory.path() / "passwd",
                               .group = directory.path() / "group"};
    initramfs::write_file(files.passwd, "anna:x:1000:100::/:/bin/sh\n");
    initramfs::write_file(files.group, "users:x:100:\nsound:x:29:anna\ndisk:x:6:\n");
    proto::Command wanted = cat("/dev/null");
    wanted.user = "anna";
    wanted.attributes.groups = {"disk", "4343", "29"};
    auto made = supervise::make_plan(wanted, files);
    REQUIRE(std::holds_alternative<sys::SpawnPlan>(made));
    CHECK(std::get<sys::SpawnPlan>(made).user->groups == std::vector<gid_t>{100, 29, 6, 4343});

    wanted.attributes.groups = {"nobody-has-this"};
    made = supervise::make_plan(wanted, files);
    REQUIRE(std::holds_alternative<proto::SpawnFailure>(made));
    CHECK(std::get<proto::SpawnFailure>(made).stage == "groups");
    CHECK(std::get<proto::SpawnFailure>(made).path == "nobody-has-this");
    CHECK_THAT(std::get<proto::SpawnFailure>(made).message, ContainsSubstring("no such group"));
}

TEST_CASE("groups reach the process, with a user and without", "[spawn]") {
    need_root();
    proto::Command wanted{.argv = {"/usr/bin/id", "-G"}, .env = {}, .cwd = "/", .user = "4242:7"};
    wanted.attributes.groups = {"4343", "4344"};
    CHECK(printed_by(wanted) == "7 4343 4344\n");
    wanted.user.clear();
    CHECK_THAT(printed_by(wanted), ContainsSubstring("4343 4344"));
}

TEST_CASE("root keeps what is not dropped, and no program gives it back", "[spawn]") {
    need_root();
    proto::Command wanted = cat("/proc/self/status");
    const std::string usual = printed_by(wanted);
    const std::uint64_t all = set_of(usual, "CapBnd");

    wanted.attributes.capabilities = {.drop = {"NET_RAW", "CHOWN"}, .add = {}};
    std::string status = printed_by(wanted);
    const std::uint64_t left = all & ~(bit(CAP_NET_RAW) | bit(CAP_CHOWN));
    CHECK(set_of(status, "CapBnd") == left);
    CHECK(set_of(status, "CapPrm") == left);
    CHECK(set_of(status, "CapEff") == left);
    CHECK(set_of(status, "CapAmb") == 0);

    wanted.attributes.capabilities = {.drop = {"ALL"}, .add = {"KILL"}};
    status = printed_by(wanted);
    for (const std::string set : {"CapBnd", "CapPrm", "CapEff"})
        CHECK(set_of(status, set) == bit(CAP_KILL));
    CHECK(set_of(status, "CapInh") == 0);

    wanted.attributes.capabilities = {.drop = {"ALL"}, .add = {}};
    status = printed_by(wanted);
    for (const std::string set : {"CapBnd", "CapPrm", "CapEff", "CapInh", "CapAmb"})
        CHECK(set_of(status, set) == 0);
}

TEST_CASE("another user has what was added and nothing else", "[spawn]") {
    need_root();
    proto::Command wanted = cat("/proc/self/status");
    wanted.user = "4242:4242";
    std::string status = printed_by(wanted);
    const std::uint64_t all = set_of(status, "CapBnd");
    CHECK(set_of(status, "CapEff") == 0);

    wanted.attributes.capabilities = {.drop = {}, .add = {"NET_BIND_SERVICE", "SYS_TIME"}};
    const std::uint64_t added = bit(CAP_NET_BIND_SERVICE) | bit(CAP_SYS_TIME);
    status = printed_by(wanted);
    CHECK_THAT(status, ContainsSubstring("Uid:\t4242\t4242\t4242\t4242"));
    for (const std::string set : {"CapPrm", "CapEff", "CapInh", "CapAmb"})
        CHECK(set_of(status, set) == added);
    CHECK(set_of(status, "CapBnd") == all);

    wanted.attributes.capabilities.drop = {"ALL"};
    wanted.attributes.no_new_privs = true;
    status = printed_by(wanted);
    for (const std::string set : {"CapPrm", "CapEff", "CapInh", "CapAmb", "CapBnd"})
        CHECK(set_of(status, set) == added);
    CHECK_THAT(status, ContainsSubstring("NoNewPrivs:\t1"));

    wanted.attributes.capabilities = {.drop = {"ALL"}, .add = {}};
    status = printed_by(wanted);
    for (const std::string set : {"CapPrm", "CapEff", "CapInh", "CapAmb", "CapBnd"})
        CHECK(set_of(status, set) == 0);
}

TEST_CASE("every capability may be dropped by its name alone", "[spawn]") {
    need_root();
    const std::uint64_t all = set_of(printed_by(cat("/proc/self/status")), "CapBnd");
    for (unsigned number = 0; number < 41; ++number) {
        CAPTURE(number);
        if ((all & bit(number)) == 0) continue;
        proto::Command wanted = cat("/proc/self/status");
        wanted.attributes.capabilities.drop = {proto::capability_name(number)};
        CHECK(set_of(printed_by(wanted), "CapEff") == (all & ~bit(number)));
    }
}

TEST_CASE("a capability that the agent has not cannot be given", "[spawn]") {
    need_root();
    sys::SpawnPlan plan;
    plan.programs = {"/bin/true"};
    plan.argv = {"true"};
    constexpr unsigned unknown_to_every_kernel = 63;
    plan.attributes.capabilities.add = bit(unknown_to_every_kernel);
    SuperviseRig rig;
    sys::Result<sys::Spawned> spawned = sys::spawn(plan);
    REQUIRE(spawned.has_value());
    supervise::Child child(spawned->pid, rig.reaper, rig.io.get_executor());
    CHECK(rig.finish(child).code == 127U);
    const auto read = sys::read_spawn_report(spawned->errors.get());
    REQUIRE(read.has_value());
    CHECK(read->report == sys::SpawnReport::failed);
    CHECK(read->error.stage == sys::SpawnStage::capabilities);
    CHECK(read->error.number == EINVAL);
    CHECK(read->error.item == static_cast<int>(unknown_to_every_kernel));
}

TEST_CASE("no_new_privs keeps a set-user-ID program from giving anything", "[spawn]") {
    need_root();
    const test::TemporaryDirectory directory;
    const std::string program = directory.path() / "id";
    std::filesystem::copy_file("/usr/bin/id", program);
    std::filesystem::permissions(directory.path(), std::filesystem::perms(0755));
    REQUIRE(::chmod(program.c_str(), 04755) == 0);
    proto::Command wanted{.argv = {program, "-u"}, .env = {}, .cwd = "/", .user = "4242:4242"};
    CHECK(printed_by(wanted) == "0\n");
    wanted.attributes.no_new_privs = true;
    CHECK(printed_by(wanted) == "4242\n");
}

TEST_CASE("every stage of a spawn has a name of its own", "[spawn]") {
    std::vector<std::string> names;
    for (int stage = 0; stage <= static_cast<int>(sys::SpawnStage::exec); ++stage)
        names.emplace_back(sys::name(static_cast<sys::SpawnStage>(stage)));
    CHECK(names == std::vector<std::string>{"session", "cgroup", "stdio", "terminal", "descriptors",
                                            "oom_score_adj", "rlimits", "user", "capabilities",
                                            "chdir", "exec"});
}
