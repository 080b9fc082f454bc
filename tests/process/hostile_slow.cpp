// Clients that take their time, go away in the middle, or come by the thousand.

#include "proto/limits.hpp"
#include "tests/process/hostile_rows.hpp"
#include "tests/process/hostile_scene.hpp"
#include "tests/support/frames.hpp"

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <chrono>
#include <map>

#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>

using namespace rouse;
using namespace std::chrono_literals;
using test::HostileScene;
namespace limits = proto::limits;

namespace {

const std::vector<std::string> all_well;

/// For thousands of requests: most of their time would go into the stacks that the sanitizer makes
/// up to find pointers into those that are gone; the other tests have them.
const test::Environment plain_stacks{{"ASAN_OPTIONS", "detect_stack_use_after_return=0"}};

/// Sends its beginning at once and then a piece each 20 ms, for as long as it is let.
struct SlowRequest {
    std::string name;
    std::string beginning;
    std::string piece;
    std::chrono::milliseconds deadline; ///< of the agent, for all of it
};

const std::string chunked_post =
    "POST /v1/exec HTTP/1.1\r\nHost: guest\r\nTransfer-Encoding: chunked\r\n\r\n";

std::vector<SlowRequest> slow_requests() {
    const std::string line = "GET /v1/ready HTTP/1.1\r\n";
    return {
        {"nothing", "", "", limits::header_read},
        {"a request line, a byte at a time", "", "G", limits::header_read},
        {"a header, a byte at a time", line + "X: ", "x", limits::header_read},
        {"a header, a line at a time", line, "X: y\r\n", limits::header_read},
        {"a body, a byte at a time",
         "POST /v1/exec HTTP/1.1\r\nHost: guest\r\nContent-Length: 100000\r\n\r\n", " ",
         limits::body_read},
        {"a body, a chunk at a time", chunked_post, "1\r\n \r\n", limits::body_read},
        {"an extension of a chunk, a byte at a time", chunked_post + "1;", "x", limits::body_read},
        {"a trailer, a line at a time", chunked_post + "0\r\n", "X: y\r\n", limits::body_read},
        {"a chunk that ends in a line feed", chunked_post + "1\n", "", limits::body_read},
    };
}

bool answers_within(const test::Connection& connection, std::chrono::milliseconds limit) {
    pollfd entry{.fd = connection.descriptor(), .events = POLLIN, .revents = 0};
    return ::poll(&entry, 1, static_cast<int>(limit.count())) > 0;
}

/// What is wrong with how the agent took it; empty: nothing.
std::string outcome_of(const test::Endpoint& endpoint, const SlowRequest& request) {
    const auto begun = std::chrono::steady_clock::now();
    const lab::Deadline deadline(request.deadline + test::bad_input_slack);
    test::Connection connection = endpoint.connect();
    (void)connection.send(request.beginning); // the answer tells
    while (!answers_within(connection, 20ms) && !deadline.expired())
        (void)connection.send(request.piece);
    if (std::chrono::steady_clock::now() - begun < request.deadline)
        return request.name + ": was refused before its deadline";
    std::string answer;
    while (const auto more = connection.receive(deadline.left()))
        answer += *more;
    const std::string wrong = test::wrong_answer(answer, 408, "the request did not arrive in time");
    return wrong.empty() ? wrong : request.name + ": " + wrong;
}

proto::ExecRequest short_lived_echo() {
    proto::ExecRequest request;
    request.command.argv = {"cat"};
    request.session.reattach_grace = 0ms;
    return request;
}

/// How many descriptors this process, and what it starts, may have; as before in the end.
class OpenFiles {
public:
    explicit OpenFiles(rlim_t count) {
        if (::getrlimit(RLIMIT_NOFILE, &before_) != 0) throw std::runtime_error("getrlimit");
        set(count);
    }
    OpenFiles(const OpenFiles&) = delete;
    OpenFiles& operator=(const OpenFiles&) = delete;
    ~OpenFiles() { (void)::setrlimit(RLIMIT_NOFILE, &before_); } // it was so before

    void set(rlim_t count) const {
        const rlimit limit{.rlim_cur = std::min(count, before_.rlim_max),
                           .rlim_max = before_.rlim_max};
        if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) throw std::runtime_error("setrlimit");
    }

private:
    rlimit before_{};
};

/// GET /v1/ready on a connection that stays; the status of the answer.
int knock(test::Connection& connection) {
    // One who is refused may be so before the request was sent.
    (void)connection.send(test::request_text("GET", "/v1/ready", {}, "Connection: keep-alive\r\n"));
    const test::HttpAnswer answer = test::read_answer(connection);
    if (answer.status != 200 && test::wrong_answer(answer.head + "\r\n\r\n" + answer.body, 503,
                                                   "busy: 1024 connections are open") != "")
        throw std::runtime_error("answered " + answer.head + answer.body);
    return answer.status;
}

} // namespace

TEST_CASE("who is slow is told so at the deadline, however often a byte comes",
          "[hostile][process]") {
    HostileScene scene;
    const auto requests = slow_requests();
    CHECK(scene.survive([&] {
        std::vector<std::function<std::string()>> checks;
        for (const SlowRequest& request : requests)
            checks.emplace_back([&] { return outcome_of(scene.endpoint(), request); });
        return test::all_at_once(checks);
    }) == all_well);
}

TEST_CASE("a client that goes in the middle of a frame leaves nothing behind",
          "[hostile][process]") {
    HostileScene scene;
    constexpr std::size_t head = proto::frame_header_size;
    const std::string frame = test::frame_text(proto::FrameType::data, 0, 0, "hello");
    CHECK(scene.survive([&] {
        for (const std::size_t cut : {std::size_t{0}, std::size_t{1}, head - 1, head, head + 4}) {
            auto stream = test::FrameConnection::exec(scene.endpoint(), short_lived_echo());
            (void)stream.expect(proto::FrameType::started);
            (void)stream.connection().send(frame.substr(0, cut)); // nothing is waited for
            const int sides = cut % 2 == 0 ? SHUT_WR : SHUT_RDWR;
            (void)::shutdown(stream.connection().descriptor(), sides); // it is open
            if (sides == SHUT_WR && !stream.connection().ends_within(test::bad_input_slack))
                return std::vector<std::string>{"a stream goes on without its client"};
        }
        return all_well;
    }) == all_well);
}

TEST_CASE("ten thousand connections one after another are nothing to the agent",
          "[hostile][process]") {
    HostileScene scene(plain_stacks);
    CHECK(scene.survive([&] {
        for (int i = 0; i < 10'000; ++i) {
            test::Connection connection = scene.endpoint().connect();
            // Some go without a word, some in the middle of one, some before their answer.
            const char* const words = i % 4 == 1   ? "GET /v1/re"
                                      : i % 4 == 2 ? "GET /v1/ready HTTP/1.1\r\n\r\n"
                                      : i % 4 == 3 ? "\r\n\r\n\x01"
                                                   : "";
            (void)connection.send(words); // the agent may be full
        }
        return all_well;
    }) == all_well);
}

TEST_CASE("beyond the limit a connection is told so, and those that are open are served",
          "[hostile][process]") {
    const OpenFiles open_files(1024); // what a shell gives to `rouse run`
    HostileScene scene(plain_stacks);
    open_files.set(4096); // for our own ends of so many connections
    CHECK(scene.survive([&] {
        // Those whose connections are open already are served all the while; a new one is not.
        scene.rest_commands();
        std::vector<test::Connection> open;
        std::map<int, std::size_t> answers;
        for (std::size_t i = 0; i < limits::connections + 100; ++i) {
            test::Connection connection = scene.endpoint().connect();
            const int status = knock(connection);
            ++answers[status];
            if (status == 200) open.push_back(std::move(connection));
        }
        const std::size_t room = limits::connections - HostileScene::witness_connections;
        // The last connections from before may not have ended at the first one of these.
        CHECK(open.size() <= room);
        CHECK(open.size() + 5 >= room);
        CHECK(answers[200] + answers[503] == limits::connections + 100);
        bool served = true;
        for (test::Connection& connection : open)
            served = knock(connection) == 200 && served;
        CHECK(served);
        open.clear();
        scene.resume_commands();
        return all_well;
    }) == all_well);
    test::Connection again = scene.endpoint().connect();
    CHECK(knock(again) == 200);
}
