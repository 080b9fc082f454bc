// Documents: what goes out comes back, and what is wrong is said with its place.
#include "proto/config.hpp"
#include "proto/exec_stream.hpp"
#include "proto/link.hpp"
#include "proto/output.hpp"

#include <catch2/catch_test_macros.hpp>

using namespace rouse::proto;
namespace json = boost::json;

namespace {

constexpr const char* uuid = "0b9f5f9e-6a43-4c54-9d5c-2d1c4c1b7a10";

template <typename Document>
std::string text_of(const Document& document) {
    return json::serialize(to_json(document));
}

} // namespace

TEST_CASE("the wall clock of a restore document goes on from when it was received", "[proto]") {
    using namespace std::chrono_literals;
    const std::chrono::steady_clock::time_point then{5s};
    RestoreDocument document{.generation = {}, .now_ns = 1000, .entropy = {}};
    REQUIRE(wall_clock_at(document, then) == 1000);
    document.received.at = then;
    REQUIRE(wall_clock_at(document, then + 30ms) == 30001000);
    REQUIRE(wall_clock_at(document, then - 1s) == 1000);
    document.now_ns = UINT64_MAX - 1;
    REQUIRE(wall_clock_at(document, then + 1s) == UINT64_MAX);
    // When it came is not what it says.
    REQUIRE(document == RestoreDocument{.generation = {}, .now_ns = UINT64_MAX - 1, .entropy = {}});
}

TEST_CASE("documents of the link come back as they were sent", "[proto]") {
    const LinkHello hello{.versions = {1, 2},
                          .boot_id = "b",
                          .generation = uuid,
                          .epoch = 7,
                          .link_key = "k",
                          .nonce = "n",
                          .exec_port = 1001,
                          .streams = {"stdout", "stderr"}};
    REQUIRE(parse_link_hello(text_of(hello)).value() == hello);
    const RestoreDocument document{.generation = uuid,
                                   .now_ns = UINT64_MAX,
                                   .entropy = std::string("\0\xff", 2),
                                   .config = R"({"on_exit":"stay"})"};
    const LinkHelloAck ack{.version = 1, .nonce = "n", .document = document};
    REQUIRE(parse_link_hello_ack(text_of(ack)).value() == ack);
    const LinkHelloAck bare{.version = 1, .nonce = "n", .document = {}};
    REQUIRE(parse_link_hello_ack(text_of(bare)).value() == bare);
    REQUIRE(parse_restore_document(text_of(document)).value() == document);
    const Event event{.sequence = 3, .type = "workload_exit", .body = {{"code", 1}}};
    REQUIRE(parse_event(text_of(event)).value() == event);
    const Ready ready{.ready = true,
                      .boot_id = "b",
                      .generation = uuid,
                      .epoch = 7,
                      .link_key = "k",
                      .nonce = "n"};
    REQUIRE(parse_ready(text_of(ready)).value() == ready);
    const ErrorDocument error{.kind = "refused", .message = "no"};
    REQUIRE(parse_error_document(text_of(error)).value() == error);
}

TEST_CASE("documents of an output connection come back as they were sent", "[proto]") {
    OutputHello hello{.versions = {1},
                      .boot_id = "b",
                      .generation = uuid,
                      .parent_generation = std::nullopt,
                      .epoch = 1,
                      .link_key = "k",
                      .stream = "stderr",
                      .oldest = 5,
                      .next = 5};
    REQUIRE(parse_output_hello(text_of(hello)).value() == hello);
    hello.parent_generation = "p";
    REQUIRE(parse_output_hello(text_of(hello)).value() == hello);
    OutputWelcome welcome;
    welcome.version = 1;
    REQUIRE(parse_output_welcome(text_of(welcome)).value() == welcome);
    welcome.resume = 0;
    REQUIRE(parse_output_welcome(text_of(welcome)).value() == welcome);
    for (const bool eos : {false, true}) {
        const Ack ack{.window = 9, .eos = eos};
        REQUIRE(parse_ack(text_of(ack)).value() == ack);
    }
    for (const auto how : {EndOfStream::How::closed, EndOfStream::How::lingered}) {
        const EndOfStream end{.how = how, .bytes = 0};
        REQUIRE(parse_end_of_stream(text_of(end)).value() == end);
    }
    const EndOfStream cut{.how = EndOfStream::How::truncated, .bytes = 12};
    REQUIRE(parse_end_of_stream(text_of(cut)).value() == cut);
}

TEST_CASE("documents of exec come back as they were sent", "[proto]") {
    ExecRequest request;
    request.command = {.argv = {"/bin/a", ""}, .env = {{"A", "1"}}, .cwd = "/", .user = "0:0"};
    for (const std::string& input :
         {std::string(), std::string("text"), std::string("\xff\0", 2)}) {
        request.stdin_bytes = input;
        REQUIRE(parse_exec_request(text_of(request)).value() == request);
    }
    ExecResult result;
    result.exit = ExitStatus{};
    result.exit->signal = 9;
    result.exit->max_rss_kib = 5;
    result.out = {.bytes = "\xfe", .truncated = 3};
    REQUIRE(parse_exec_result(text_of(result)).value() == result);
    ExecResult failed;
    failed.error = SpawnFailure{.stage = "exec", .error = 2, .message = "m", .path = "/p"};
    REQUIRE(parse_exec_result(text_of(failed)).value() == failed);
    const Started started{
        .pid = 7, .id = "a", .control = false, .tty = true, .in = 1, .out = 2, .err = 3};
    REQUIRE(parse_started(text_of(started)).value() == started);
    REQUIRE(parse_signal_request(text_of(SignalRequest{.signal = 64})).value().signal == 64);
    REQUIRE(parse_dropped(text_of(Dropped{.count = 1})).value().count == 1);
}

TEST_CASE("a restore report comes back as it was sent", "[proto]") {
    RestoreReport report{
        .epoch = 2,
        .kind = "restore",
        .trigger = "host",
        .exec = "proven",
        .state = "complete",
        .generation = uuid,
        .parent_generation = "p",
        .steps = {{.name = "fence", .outcome = "ok", .duration_us = 1, .detail = ""},
                  {.name = "x", .outcome = "failed", .duration_us = 2, .detail = "d"}},
        .total_us = 3};
    REQUIRE(parse_restore_report(to_json(report)).value() == report);
    report.parent_generation.reset();
    REQUIRE(parse_restore_report(to_json(report)).value() == report);
}

TEST_CASE("every exit code and signal survives, and becomes the shell's number", "[proto]") {
    for (std::uint64_t code = 0; code < 256; ++code) {
        ExitStatus status;
        status.code = code;
        REQUIRE(parse_exit_status(to_json(status)).value() == status);
        REQUIRE(shell_exit_code(status) == static_cast<int>(code));
    }
    for (std::uint64_t signal = 1; signal <= 64; ++signal) {
        ExitStatus status;
        status.signal = signal;
        REQUIRE(parse_exit_status(to_json(status)).value() == status);
        REQUIRE(shell_exit_code(status) == 128 + static_cast<int>(signal));
    }
}

TEST_CASE("a program that is missing is 127, everything else that fails 126", "[proto]") {
    const auto code = [](std::string stage, std::uint64_t error) {
        return shell_exit_code(
            SpawnFailure{.stage = std::move(stage), .error = error, .message = {}, .path = {}});
    };
    REQUIRE(code("exec", 2) == 127);
    REQUIRE(code("exec", 13) == 126);
    REQUIRE(code("chdir", 2) == 126);
}

TEST_CASE("what is wrong with a document is said with its JSON path", "[proto]") {
    const auto exec = [](std::string_view body) {
        return parse_exec_request(body).error().message();
    };
    REQUIRE(exec("[]") == "$: must be an object");
    REQUIRE(exec("{}") == "$.argv: is missing");
    REQUIRE(exec(R"({"argv": []})") == "$.argv: must name a program");
    REQUIRE(exec(R"({"argv": ["a", 3]})") == "$.argv[1]: must be a string");
    REQUIRE(exec(R"({"argv": ["a"], "env": {"X": 1}})") == "$.env.X: must be a string");
    REQUIRE(exec(R"({"argv": ["a"], "stdin": {"base64": "!"}})").starts_with("$.stdin.base64: "));
    REQUIRE(exec(R"({"argv": ["a"], "tty": true})") == "$.tty: must be an object");
    REQUIRE(exec("{\"argv\": ").starts_with("$: not valid JSON at byte "));
    const std::string twice = "$: a member comes twice in an object";
    REQUIRE(exec(R"({"argv": ["a"], "argv": ["b"]})") == twice);
    REQUIRE(exec(R"({"argv": ["a"], "env": {"A": "", "\u0041": ""}})") == twice);
    REQUIRE(parse_exec_request(R"({"argv": ["a:\":\\", ":"], "env": {":": ":"}})").has_value());
    const auto hello = parse_output_hello(
        R"({"versions":[1],"boot_id":"","generation":"","stream":"stdout","oldest":2,"next":1})");
    REQUIRE(hello.error().message() == "$.oldest: is beyond next");
    REQUIRE(parse_restore_document(R"({"generation": "x"})").error().message() ==
            "$.generation: must be a UUID");
}

TEST_CASE("members that a newer peer adds to a payload are passed over", "[proto]") {
    REQUIRE(parse_ack(R"({"window": 1, "new": {}})").value().window == 1);
    REQUIRE(parse_signal_request(R"({"signal": 0})").has_error());
    REQUIRE(parse_signal_request(R"({"signal": 65})").has_error());
}

TEST_CASE("the version is one that both sides speak, or both sides are named", "[proto]") {
    REQUIRE(choose_version({7, 1}).value() == 1);
    REQUIRE(choose_version({8, 9}).error().why == "peer speaks [8, 9], this side speaks [1]");
    REQUIRE(choose_version({}).has_error());
}
