// Many genuine restores: in a row, each of a snapshot of the restored machine; side by side, clones
// of one snapshot; and a family tree. ROUSE_RESTORES and ROUSE_CLONES say how many; `tools/test
// restores` runs 50 and 10. The hidden cases run in the nested rig, as in agent_nested.cpp.
#include "tests/vm/clone_identity.hpp"
#include "tests/vm/restored.hpp"
#include "tools/lab/places.hpp"

#include <boost/json.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/generators/catch_generators_range.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <fmt/format.h>

#include <cstdio>
#include <list>
#include <sstream>

using namespace rouse;
using Catch::Matchers::ContainsSubstring;
using test::Collected;
using test::Incarnation;

namespace {

/// Bytes that each stream writes 50 times a second.
constexpr const char* trickle_size = "1K";
/// Where ten machines share the processors of the nested rig: fewer writes, and larger ones.
constexpr const char* clone_trickle_size = "16K";
constexpr const char* clone_trickle_ms = "1000";
constexpr std::uint64_t first_bytes = 65536;

unsigned restores() {
    return test::count_from("ROUSE_RESTORES", 2);
}

unsigned clones() {
    return test::count_from("ROUSE_CLONES", 2);
}

/// Kernels, and whether their guests are prepared; every pair only where there is much time.
std::vector<std::pair<std::string, lab::Prepare>> family_rows() {
    constexpr unsigned many = 10;
    std::vector<std::pair<std::string, lab::Prepare>> rows{{"6.12", lab::Prepare::guest},
                                                           {"7.2", lab::Prepare::nobody}};
    if (restores() < many) return rows;
    rows.emplace_back("6.12", lab::Prepare::nobody);
    rows.emplace_back("7.2", lab::Prepare::guest);
    return rows;
}

std::string trickle_config() {
    return test::payload_config({"trickle", trickle_size});
}

/// One line for who looks at the run.
void report(const std::string& kernel, std::string_view what, const std::string& summary) {
    fmt::print("kernel {}, {}: {}\n", kernel, what, summary);
    (void)std::fflush(stdout); // it is for people
}

/// Every second snapshot takes its guest by surprise.
lab::Prepare prepare_in_turn(unsigned number) {
    return number % 2 == 0 ? lab::Prepare::guest : lab::Prepare::nobody;
}

/// Whether everything that the workload had written was collected when the guest was ready.
bool was_flushed(const std::optional<boost::json::object>& prepared) {
    return prepared && test::text_at(*prepared, "/state") == "prepared" &&
           test::number_at(*prepared, "/unflushed_bytes") == 0;
}

/// Saves a machine, which ends, and tells how far its output had come.
Incarnation save(lab::Machine& machine, const Collected& collected, const std::string& generation,
                 const std::filesystem::path& file, lab::Prepare prepare) {
    const auto prepared = machine.snapshot(file, {.prepare = prepare});
    Incarnation saved = test::incarnation(collected, generation);
    saved.flushed = was_flushed(prepared);
    return saved;
}

lab::RestoreOptions restore_options(const std::filesystem::path& snapshot,
                                    const std::string& name) {
    lab::RestoreOptions options;
    options.name = name;
    options.snapshot = snapshot;
    options.ready = lab::Ready::none;
    return options;
}

/// A collector of every guest of this machine, which finds restore documents in a directory.
class SharedCollector {
public:
    SharedCollector()
        : command_({lab::build_product("tools/rousectl").string(), "collect", "--any-cid",
                    "--output", output().string(), "--restore-document", documents().string()}) {}

    [[nodiscard]] std::filesystem::path documents() const { return documents_.path(); }
    [[nodiscard]] Collected collected(const lab::Machine& machine) const {
        return {output(), fmt::format("vsock-{}", machine.cid())};
    }

    /// A new machine that this collector tells who it is, and what else is in `document`.
    [[nodiscard]] lab::Machine restore(const std::filesystem::path& snapshot,
                                       const std::string& name,
                                       boost::json::object document = {}) const {
        auto options = restore_options(snapshot, name);
        options.documents = documents();
        options.document = std::move(document);
        return lab::Machine::restore(options);
    }

private:
    [[nodiscard]] std::filesystem::path output() const { return output_.path(); }

    test::TemporaryDirectory output_;
    test::TemporaryDirectory documents_;
    test::Command command_;
};

/// The one generation that a machine that was booted has sent output of, once it has sent some.
std::string wait_first_output(const Collected& collected) {
    (void)collected.wait_event("output_connected");
    std::string generation = collected.generations().at(0);
    test::wait_until([&] { return collected.size(generation, "stdout") > first_bytes; },
                     [] { return std::string("the workload's output does not arrive"); },
                     test::patience);
    return generation;
}

/// What a machine tells of its restores and of what has triggered them, what its collector has
/// logged, and what its console says: for a check that broke off.
std::string story_of(const lab::Machine& machine, const Collected& collected) {
    const test::Said said = test::run_command(
        {lab::build_product("tools/rousectl").string(), "-H", machine.target(), "debug", "epochs"},
        test::patience);
    std::string story = said.output + said.error;
    for (const test::Event& event : collected.events())
        story += boost::json::serialize(event) + '\n';
    return story + machine.console_text();
}

} // namespace

TEST_CASE("genuine vhost-vsock: restores in a row, each of the restored machine's snapshot",
          "[.][restored]") {
    const std::string kernel = GENERATE("6.12", "7.2");
    INFO("kernel " << kernel);
    const test::TemporaryDirectory folder;
    const auto snapshot = [&](unsigned number) {
        return folder.path() / fmt::format("saved-{}", number);
    };
    test::LastingSessions sessions;
    Incarnation parent;
    {
        test::Guest source(test::genuine_options(kernel, trickle_config()));
        const std::string generation = wait_first_output(source.collected());
        sessions.begin(source.endpoint());
        parent =
            save(source.machine(), source.collected(), generation, snapshot(0), prepare_in_turn(0));
    }
    test::RestoreChecks checks;
    for (unsigned number = 1; number <= restores(); ++number) {
        INFO("restore " << number);
        auto options = restore_options(snapshot(number - 1), fmt::format("vm-{}", number));
        options.collect = folder.path() / options.name;
        lab::Machine machine = lab::Machine::restore(options);
        const Collected collected(options.collect);
        try {
            checks.check(machine, collected, parent);
            sessions.go_on(test::Endpoint::guest(machine.target()));
        } catch (const std::exception& problem) {
            FAIL(problem.what() << '\n' << story_of(machine, collected));
        }
        parent = save(machine, collected, machine.generation(), snapshot(number),
                      prepare_in_turn(number));
        test::check_sequence(collected, machine.generation(), "stdout", 1); // to its very end
        test::check_sequence(collected, machine.generation(), "stderr", 2);
        std::filesystem::remove(options.snapshot);
        std::filesystem::remove_all(options.collect);
    }
    report(kernel, "in a row", checks.summary());
}

TEST_CASE("genuine vhost-vsock: clones of one snapshot live side by side", "[.][restored]") {
    const std::string kernel = GENERATE("6.12", "7.2");
    INFO("kernel " << kernel);
    const test::TemporaryDirectory folder;
    const auto snapshot = folder.path() / "saved";
    const SharedCollector collector;
    test::LastingSessions sessions;
    Incarnation parent;
    {
        auto options = test::genuine_options(
            kernel, test::payload_config({"trickle", clone_trickle_size, clone_trickle_ms}));
        options.network = "hubport,hubid=0";
        lab::Machine source = lab::Machine::boot(options);
        const Collected collected = collector.collected(source);
        const std::string generation = wait_first_output(collected);
        sessions.begin(test::Endpoint::guest(source.target()));
        parent = save(source, collected, generation, snapshot, lab::Prepare::guest);
    }
    test::RestoreChecks checks;
    std::list<lab::Machine> machines;
    std::list<test::CloneIdentity> identities;
    for (unsigned number = 1; number <= clones(); ++number) {
        INFO("clone " << number);
        const test::CloneIdentity& identity = identities.emplace_back(number);
        machines.push_back(collector.restore(snapshot, identity.hostname, identity.document()));
        const Collected collected = collector.collected(machines.back());
        try {
            checks.check(machines.back(), collected, parent);
            test::LastingSessions(sessions).go_on(test::Endpoint::guest(machines.back().target()));
        } catch (const std::exception& problem) {
            FAIL(problem.what() << '\n' << story_of(machines.back(), collected));
        }
    }
    auto identity = identities.begin();
    for (const lab::Machine& machine : machines) {
        (identity++)->check(test::Endpoint::guest(machine.target()));
        // Those that came later did not disturb it.
        const Collected collected = collector.collected(machine);
        CHECK(collected.generations() == std::vector<std::string>{machine.generation()});
        const auto so_far = test::incarnation(collected, machine.generation()).end.at("stdout");
        test::check_fork(collected, machine.generation(), parent,
                         so_far - parent.end.at("stdout") + first_bytes);
        test::check_connections(test::Endpoint::guest(machine.target()));
    }
    report(kernel, "clones", checks.summary());
}

TEST_CASE("genuine vhost-vsock: the source goes on, its snapshot is restored twice, and one of "
          "those again",
          "[.][restored]") {
    const auto [kernel, prepare] = GENERATE(from_range(family_rows()));
    INFO("kernel " << kernel << (prepare == lab::Prepare::guest ? ", prepared" : ", surprised"));
    const test::TemporaryDirectory folder;
    const SharedCollector collector;
    lab::Machine source = lab::Machine::boot(test::genuine_options(kernel, trickle_config()));
    const Collected of_source = collector.collected(source);
    const std::string first = wait_first_output(of_source);
    const auto before = test::incarnation(of_source, first).end;
    (void)source.snapshot(folder.path() / "one",
                          {.after = lab::AfterSnapshot::resume, .prepare = prepare});
    // No earlier than what it had acknowledged before, no later than what it sent after.
    const Incarnation parent = test::incarnation(of_source, first);

    test::RestoreChecks checks;
    lab::Machine left = collector.restore(folder.path() / "one", "left");
    lab::Machine right = collector.restore(folder.path() / "one", "right");
    for (lab::Machine* twin : {&left, &right}) {
        const Collected collected = collector.collected(*twin);
        checks.check(*twin, collected, parent);
        const auto start =
            test::number_at(collected.record(twin->generation(), "stdout"), "/start");
        CHECK(start + first_bytes > before.at("stdout"));
    }
    const Incarnation child =
        save(left, collector.collected(left), left.generation(), folder.path() / "two", prepare);
    lab::Machine grandchild = collector.restore(folder.path() / "two", "grandchild");
    checks.check(grandchild, collector.collected(grandchild), child);

    // The source never noticed: its own generation, every byte once, and commands at the first try.
    const auto far = test::incarnation(of_source, first).end.at("stdout");
    test::wait_until([&] { return of_source.size(first, "stdout") > far + first_bytes; },
                     [] { return std::string("the source's output does not go on"); },
                     test::patience);
    test::check_sequence(of_source, first, "stdout", 1);
    test::check_sequence(of_source, first, "stderr", 2);
    CHECK(of_source.generations() == std::vector<std::string>{first});
    (void)test::check_parallel_execs(source.target());
    report(kernel, "family", checks.summary());
}

TEST_CASE("restores in a row, clones and a family of snapshots: exec at the first try, output "
          "exactly once",
          "[.][restores]") {
    const auto limit =
        std::chrono::minutes(8) + 2 * (restores() + clones()) * std::chrono::seconds(40);
    std::vector<std::string> command{lab::build_product("tests/vm/rouse-vm").string(),
                                     "[restored]"};
    const auto choice = lab::choose_rig();
    INFO("rig " << lab::rig_name(choice.rig) << ": " << choice.reason);
    if (choice.rig != lab::Rig::kvm)
        command.insert(command.begin(),
                       {lab::build_product("tools/rouse-lab").string(), "nested", "--memory",
                        "4096", "--timeout", std::to_string(std::chrono::seconds(limit).count()),
                        "--"});
    const auto said = test::run_command(command, limit + std::chrono::minutes(1));
    INFO(said.output << said.error);
    CHECK(said.status == 0);
    CHECK_THAT(said.output,
               ContainsSubstring("All tests passed") && ContainsSubstring("4 test cases"));
    std::istringstream lines(said.output);
    for (std::string line; std::getline(lines, line);)
        if (line.starts_with("kernel ")) fmt::print("{}\n", line);
}
