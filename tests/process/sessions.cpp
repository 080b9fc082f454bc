// Sessions of rousectl over a real agent: detached, attached to, listed, signalled, waited for.
#include "tests/process/agent.hpp"
#include "tools/lab/places.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <fmt/format.h>

#include <csignal>
#include <filesystem>
#include <memory>

using namespace rouse;
using Catch::Matchers::ContainsSubstring;
using test::Agent;
using test::AgentPlace;
using test::payload;

namespace {

const std::vector<std::string> silent = payload({"tell-signals"});

std::vector<std::string> client_words(const Agent& agent, const std::vector<std::string>& words) {
    std::vector<std::string> argv{lab::build_product("tools/rousectl").string(), "-H",
                                  agent.endpoint().target()};
    argv.insert(argv.end(), words.begin(), words.end());
    return argv;
}

test::Said ctl(const Agent& agent, const std::vector<std::string>& words) {
    return test::run_command(client_words(agent, words), test::patience);
}

} // namespace

TEST_CASE("a detached command is listed, signalled, waited for and read later",
          "[sessions][process]") {
    const AgentPlace place;
    const Agent agent(place, silent);
    const std::string script =
        "trap 'echo told; exit 5' USR1; echo begun; while :; do sleep 0.1; done";
    const auto begun = ctl(agent, {"exec", "-d", "--id", "job", "--", "/bin/sh", "-c", script});
    CHECK(begun.output == "job\n");
    REQUIRE(begun.status == 0);

    test::wait_until(
        [&] {
            return ctl(agent, {"ps", "--json"}).output.find(R"("stdout":{"oldest":0,"next":6)") !=
                   std::string::npos;
        },
        [&] {
            return ctl(agent, {"ps", "--json"}).output;
        },
        test::patience);
    const auto listed = ctl(agent, {"ps"});
    CHECK_THAT(listed.output, ContainsSubstring("main"));
    CHECK_THAT(listed.output, ContainsSubstring("job") && ContainsSubstring("running") &&
                                  ContainsSubstring("detached") && ContainsSubstring("/bin/sh"));

    test::Command waiting(client_words(agent, {"wait", "job"}));
    CHECK(ctl(agent, {"signal", "job", "usr1"}).status == 0);
    const auto waited = waiting.finish(test::patience);
    CHECK(waited.output == "5\n");
    CHECK(waited.status == 0);
    const auto read = ctl(agent, {"attach", "--no-stdin", "job"});
    CHECK(read.output == "begun\ntold\n");
    CHECK(read.status == 5);
    CHECK(ctl(agent, {"attach", "--read-only", "--from", "6", "job"}).output == "told\n");
    CHECK_THAT(ctl(agent, {"ps"}).output, ContainsSubstring("exited 5"));
    CHECK_THAT(ctl(agent, {"signal", "job", "TERM"}).error, ContainsSubstring("status 409"));
}

TEST_CASE("an id runs once: the same command comes to it, another is refused",
          "[sessions][process]") {
    const AgentPlace place;
    const Agent agent(place, silent);
    const std::vector<std::string> words{"exec",    "--id", "once",           "--",
                                         "/bin/sh", "-c",   "echo $$; exit 4"};
    const auto first = ctl(agent, words);
    const auto second = ctl(agent, words);
    CHECK(first.status == 4);
    CHECK(second.status == 4);
    CHECK(first.output == second.output);
    const auto other = ctl(agent, {"exec", "--id", "once", "--", "/bin/true"});
    CHECK(other.status == 125);
    CHECK_THAT(other.error, ContainsSubstring("status 409"));
}

TEST_CASE("what a person gets wrong is said, with the name of it", "[sessions][process]") {
    const AgentPlace place;
    const Agent agent(place, silent);
    const std::vector<std::pair<std::vector<std::string>, std::string>> cases{
        {{"attach", "nobody"}, "there is no session 'nobody'"},
        {{"attach", "a b"}, "'a b' names no session"},
        {{"wait", "nobody"}, "there is no session 'nobody'"},
        {{"signal", "main", "NONE"}, "'NONE' is no signal"},
        {{"exec", "--id", "main", "--", "true"}, "--id 'main'"},
        {{"exec", "--timeout", "soon", "--", "true"}, "--timeout: 'soon' is no time"},
        {{"exec", "-e", "=x", "--", "true"}, "-e '=x' is not NAME[=VALUE]"},
        {{"exec", "--detach-keys", "ctrl", "--", "true"}, "detach keys: 'ctrl'"},
        {{"exec", "--env-file", "/nowhere", "--", "true"}, "/nowhere"},
        {{"exec", "--ulimit", "nofile", "--", "true"}, "--ulimit 'nofile'"},
        {{"exec", "--memory", "much", "--", "true"}, "--memory: 'much' is no size"},
        {{"exec", "-d", "-i", "--", "true"}, "give one of them"},
        {{"proxy", "--listen", "tcp:0.0.0.0:80"}, "only 127.0.0.1 is allowed"},
        {{"forward", "80:tcp:10.0.0.1:80"}, "only 127.0.0.1 is allowed"},
    };
    for (const auto& [words, expected] : cases) {
        const auto said = ctl(agent, words);
        CHECK(said.status == 125);
        CHECK_THAT(said.error, ContainsSubstring(expected));
    }
}

TEST_CASE("environment comes from options, files and ourselves", "[sessions][process]") {
    const AgentPlace place;
    const Agent agent(place, silent);
    const auto file = place.folder() / "env";
    const auto said = test::run_command(
        {"/bin/sh", "-c",
         fmt::format(
             "printf '# comment\\nA=1\\n\\nOURS\\n' > {}; exec {} -H {} exec --env-file {} "
             "-e B=2 -e OURS2 -e NONE -- /bin/sh -c 'echo $A $B $OURS $OURS2 ${{NONE-unset}}'",
             file.string(), lab::build_product("tools/rousectl").string(),
             agent.endpoint().target(), file.string())},
        test::patience, {{"OURS", "3"}, {"OURS2", "4"}});
    CHECK(said.error.empty());
    CHECK(said.output == "1 2 3 4 unset\n");
}

TEST_CASE("a timeout ends a command by TERM, and by KILL when it does not listen",
          "[sessions][process]") {
    const AgentPlace place;
    const Agent agent(place, silent);
    CHECK(ctl(agent, {"exec", "--timeout", "200ms", "--", "/bin/sleep", "100"}).status ==
          128 + SIGTERM);
    CHECK(ctl(agent, {"exec", "--timeout", "200ms", "--kill-grace", "200ms", "--", "/bin/sh", "-c",
                      "trap '' TERM; while :; do :; done"})
              .status == 128 + SIGKILL);
}

TEST_CASE("piped input of any size comes back as it went", "[sessions][process]") {
    const AgentPlace place;
    const Agent agent(place, silent);
    const auto said = test::run_command(
        {"/bin/sh", "-c",
         fmt::format("{} sequence stdout 24M | {} -H {} exec -i -- /bin/cat | md5sum; "
                     "{} sequence stdout 24M | md5sum",
                     payload({}).front(), lab::build_product("tools/rousectl").string(),
                     agent.endpoint().target(), payload({}).front())},
        std::chrono::minutes(2));
    CHECK(said.error.empty());
    REQUIRE(said.output.size() == 72);
    CHECK(said.output.substr(0, 36) == said.output.substr(36));
}

TEST_CASE("a stream goes on at its byte, however often its connection is cut",
          "[sessions][process]") {
    const AgentPlace place;
    const Agent agent(place, silent);
    const std::string path = place.folder() / "way";
    const auto way = [&] {
        auto made = std::make_unique<test::Command>(
            client_words(agent, {"proxy", "--listen", "unix:" + path}));
        test::wait_until([&] { return !made->output().empty(); }, [&] { return made->error(); },
                         test::patience);
        return made;
    };
    auto proxy = way();
    test::Command client(
        {"/bin/sh", "-c",
         fmt::format(
             "{} sequence stdout 16M | {} -H unix:{} exec -i --id cut -- /bin/cat | md5sum; "
             "{} sequence stdout 16M | md5sum",
             payload({}).front(), lab::build_product("tools/rousectl").string(), path,
             payload({}).front())});
    const auto received = [&]() -> std::uint64_t {
        const auto answer = ask(agent.endpoint(), "GET", "/v1/sessions/cut");
        if (answer.status != 200) return 0;
        return test::number_at(proto::parse_json(answer.body).value(), "/stdin/received");
    };
    for (std::uint64_t cut = 1; cut < 8; ++cut) {
        test::wait_until([&] { return received() >= cut * (2U << 20U); },
                         [&] { return client.error(); }, std::chrono::minutes(1));
        proxy.reset(); // killed, with all connections
        proxy = way();
    }
    const auto said = client.finish(std::chrono::minutes(2));
    // An outage that takes long is told, a byte that is lost would be, too.
    CHECK(said.error.find("are lost here") == std::string::npos);
    REQUIRE(said.output.size() == 72);
    CHECK(said.output.substr(0, 36) == said.output.substr(36));
    const auto listed = ask(agent.endpoint(), "GET", "/v1/sessions");
    CHECK(proto::parse_session_list(listed.body)->size() == 2); // the workload, and it: run once
}

TEST_CASE("signals reach the command, and the third of a kind ends it", "[sessions][process]") {
    const AgentPlace place;
    const Agent agent(place, silent);
    const std::string script = "trap 'echo usr1' USR1; trap 'echo int' INT; echo ready; "
                               "while :; do sleep 0.05; done";
    test::Command client(client_words(agent, {"exec", "--", "/bin/sh", "-c", script}));
    const auto shown = [&](const std::string& text) {
        test::wait_until([&] { return client.output() == text; },
                         [&] { return client.output() + client.error(); }, test::patience);
    };
    shown("ready\n");
    client.process().signal(SIGUSR1);
    shown("ready\nusr1\n");
    // Signals that come while one of their kind waits would be one.
    client.process().signal(SIGINT);
    shown("ready\nusr1\nint\n");
    client.process().signal(SIGINT);
    shown("ready\nusr1\nint\nint\n");
    client.process().signal(SIGINT);
    const auto said = client.finish(test::patience);
    CHECK(said.status == 125);
    CHECK_THAT(said.error, ContainsSubstring("given up by a signal"));
    test::wait_until(
        [&] { return ctl(agent, {"ps"}).output.find("exited SIGKILL") != std::string::npos; },
        [&] { return ctl(agent, {"ps"}).output; }, test::patience);
}
