// Clients that know the agent by its documents alone: the OpenAPI description is what the code
// does, and the examples of proto/README.md run as they stand there.

#include "proto/exec.hpp"
#include "proto/restore.hpp"
#include "proto/shutdown.hpp"
#include "proto/snapshot.hpp"
#include "tests/process/agent.hpp"
#include "tests/support/command.hpp"
#include "tests/support/openapi.hpp"
#include "tools/lab/places.hpp"

#include <catch2/catch_test_macros.hpp>

#include <fstream>
#include <iterator>
#include <sstream>

using namespace rouse;
namespace json = boost::json;
using test::Agent;
using test::AgentPlace;
using Names = std::set<std::string>;

namespace {

/// The code block of that language which follows these words of the page.
std::string example(const std::string& words, const std::string& language) {
    std::ifstream file(lab::source_root() / "proto/README.md");
    const std::string page{std::istreambuf_iterator<char>(file), {}};
    const std::string fence = "```" + language + "\n";
    const std::size_t said = page.find(words);
    const std::size_t begin = page.find(fence, said);
    REQUIRE(said != std::string::npos);
    REQUIRE(begin != std::string::npos);
    const std::size_t code = begin + fence.size();
    return page.substr(code, page.find("```", code) - code);
}

/// Runs an example as a file of its own.
test::Said run_example(const AgentPlace& place, const std::string& interpreter,
                       const std::string& code, std::vector<std::string> arguments = {}) {
    const std::filesystem::path file = place.folder() / "example";
    std::ofstream(file) << code;
    std::vector<std::string> words{"/usr/bin/env", "SOCKET=" + place.socket().string(), interpreter,
                                   file.string()};
    words.insert(words.end(), arguments.begin(), arguments.end());
    return test::run_command(words, test::patience);
}

Names keys_of(const json::value& document) {
    Names keys;
    for (const auto& member : document.as_object())
        keys.insert(member.key());
    return keys;
}

proto::ExecRequest request_with_everything() {
    proto::ExecRequest request;
    proto::Command& command = request.command;
    command.argv = {"a"};
    command.env = {{"A", "b"}};
    command.cwd = "/";
    command.user = "root";
    command.attributes.groups = {"1"};
    command.attributes.rlimits = {{"nofile", {.soft = 1, .hard = 2}}};
    command.attributes.cgroup = {.memory_max = 4096,
                                 .memory_high = 4096,
                                 .memory_swap_max = 4096,
                                 .pids_max = 1,
                                 .cpu_max_us = 1000,
                                 .cpu_period_us = 1000,
                                 .cpu_weight = 1,
                                 .io_weight = 1};
    command.attributes.capabilities = {.drop = {"ALL"}, .add = {"CHOWN"}};
    command.attributes.no_new_privs = true;
    command.attributes.umask = 0;
    command.attributes.oom_score_adj = 1;
    request.stdin_bytes = "x";
    request.session.id = "i";
    request.session.tty.emplace();
    request.session.timeout = std::chrono::milliseconds(1);
    request.session.kill_grace = std::chrono::milliseconds(1);
    request.session.reattach_grace = std::chrono::milliseconds(1);
    request.session.detach = true;
    request.session.on_disconnect = proto::OnDisconnect::keep;
    return request;
}

} // namespace

TEST_CASE("the OpenAPI document names what the agent answers, and nothing else", "[process]") {
    const AgentPlace place;
    const Agent agent(place, test::payload({"tell-signals"}));
    const auto index = proto::parse_json(ask(agent.endpoint(), "GET", "/v1").body);
    Names routes;
    for (const json::value& route : index.value().at("routes").as_array())
        routes.insert(json::value_to<std::string>(route));
    CHECK(test::openapi_operations() == routes);
}

TEST_CASE("the schemas of the OpenAPI document are the documents of the code", "[process]") {
    const json::value request = proto::to_json(request_with_everything());
    CHECK(proto::parse_exec_request(json::serialize(request)).has_value());
    CHECK(test::openapi_properties("ExecRequest") == keys_of(request));
    CHECK(test::openapi_properties("CgroupLimits") == keys_of(request.at("cgroup")));
    CHECK(test::openapi_properties("Capabilities") == keys_of(request.at("capabilities")));
    CHECK(test::openapi_properties("TerminalSize") == keys_of(request.at("tty")));
    proto::SessionDocument session;
    session.exit.emplace();
    session.error.emplace();
    const json::value document = proto::to_json(session);
    CHECK(test::openapi_properties("Session") == keys_of(document));
    CHECK(test::openapi_properties("KeptRange") == keys_of(document.at("stdout")));
    CHECK(test::openapi_properties("ExitStatus") == keys_of(document.at("exit")));
    CHECK(test::openapi_properties("SpawnFailure") == keys_of(document.at("error")));
    proto::ExecResult result;
    result.exit.emplace();
    result.error.emplace();
    CHECK(test::openapi_properties("ExecResult") == keys_of(proto::to_json(result)));
    CHECK(test::openapi_properties("PrepareRequest") ==
          keys_of(proto::to_json(proto::PrepareRequest{})));
    CHECK(test::openapi_properties("Prepared") == keys_of(proto::to_json(proto::Prepared{})));
    CHECK(test::openapi_properties("OpenConnection") ==
          keys_of(proto::to_json(proto::OpenConnection{})));
    CHECK(test::openapi_properties("ResumeRequest") ==
          keys_of(proto::to_json(proto::ResumeRequest{.lease = "l"})));
    CHECK(test::openapi_properties("ShutdownRequest") ==
          keys_of(proto::to_json(proto::ShutdownRequest{})));
    CHECK(test::openapi_properties("ShutdownAccepted") ==
          keys_of(proto::to_json(proto::ShutdownAccepted{})));
    CHECK(test::openapi_properties("Resumed") == keys_of(proto::to_json(proto::Resumed{})));
    proto::AttachRequest attach;
    attach.out = attach.err = 1;
    CHECK(test::openapi_properties("AttachRequest") == keys_of(proto::to_json(attach)));
    proto::RestoreDocument restore;
    restore.generation = "g";
    restore.now_ns = 1;
    restore.entropy = "e";
    restore.hostname = "h";
    restore.machine_id = "m";
    restore.network = {{.name = "eth0",
                        .mac = proto::MacAddress(),
                        .mtu = 1400,
                        .addresses = std::vector<proto::IpPrefix>(1),
                        .routes = std::vector<proto::NetworkRoute>(1)}};
    restore.dns.emplace();
    restore.close_tcp = true;
    restore.config = "{}";
    restore.signal = 1;
    const json::object restoring = proto::to_json(restore);
    CHECK(test::openapi_properties("RestoreDocument") == keys_of(restoring));
    CHECK(test::openapi_properties("NetworkInterface") == keys_of(restoring.at("network").at(0)));
    CHECK(test::openapi_properties("RestoreReport") ==
          keys_of(proto::to_json(proto::RestoreReport())));
}

TEST_CASE("curl runs a command as the page says", "[process]") {
    const AgentPlace place;
    const Agent agent(place, test::payload({"tell-signals"}));
    const test::Said said = run_example(place, "bash", example("curl, with", "bash"));
    INFO(said.error);
    CHECK(said.status == 0);
    const auto result = proto::parse_exec_result(said.output);
    REQUIRE(result.has_value());
    CHECK(result->out.bytes == "out\n");
    CHECK(result->err.bytes == "err\n");
    CHECK(result->exit->code == 3U);
}

TEST_CASE("Python's http.client repeats a request as the page says", "[process]") {
    const AgentPlace place;
    const Agent agent(place, test::payload({"tell-signals"}));
    const test::Said said = run_example(place, "python3", example("Python without", "python"));
    INFO(said.error);
    CHECK(said.output == "0 True\n");
}

TEST_CASE("a shell script speaks the stream as the page says", "[process]") {
    const AgentPlace place;
    const Agent agent(place, test::payload({"tell-signals"}));
    const std::string code = example("A stream in shell", "bash");
    CHECK(std::count(code.begin(), code.end(), '\n') <= 40);
    const test::Said said = run_example(
        place, "bash", code,
        {"sh", "-c", "head -c 200000 /dev/zero | tr '\\0' x; echo \"'q\\\" $0\" >&2; exit 7",
         "back\\slash"});
    CHECK(said.status == 7);
    CHECK(said.output == std::string(200000, 'x'));
    CHECK(said.error == "'q\" back\\slash\n");
}
