#include "tests/process/exec_scene.hpp"

#include "proto/exec_stream.hpp"
#include "proto/output.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <deque>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <utility>

namespace rouse::test {

namespace json = boost::json;
using proto::FrameType;

std::vector<std::string> idle_workload() {
    return payload({"tell-signals"});
}

proto::ExecRequest exec_request(std::vector<std::string> argv, std::string id) {
    proto::ExecRequest request;
    request.command.argv = std::move(argv);
    request.session.id = std::move(id);
    return request;
}

proto::ExecRequest shell_request(const std::string& script, std::string id) {
    return exec_request({"/bin/sh", "-c", script}, std::move(id));
}

std::string body_of(const proto::ExecRequest& request) {
    return json::serialize(proto::to_json(request));
}

std::string exec_text(proto::ExecRequest request, ExecForm form) {
    request.session.detach = form == ExecForm::detached;
    const std::string upgrade = fmt::format("Connection: Upgrade\r\nUpgrade: {}\r\n",
                                            std::string_view(proto::exec_upgrade_token));
    return request_text("POST", "/v1/exec", body_of(request),
                        form == ExecForm::stream ? upgrade : "");
}

std::vector<HttpAnswer> ask_all(const Endpoint& endpoint, const std::vector<std::string>& requests,
                                std::size_t width) {
    std::vector<HttpAnswer> answers;
    std::deque<Connection> waiting;
    const auto read_one = [&] {
        answers.push_back(read_answer(waiting.front()));
        waiting.pop_front();
    };
    for (const std::string& request : requests) {
        if (waiting.size() == width) read_one();
        waiting.push_back(endpoint.connect());
        if (!waiting.back().send(request))
            throw std::runtime_error("the connection ended before the request was sent");
    }
    while (!waiting.empty())
        read_one();
    return answers;
}

std::vector<StreamedExec> run_streams(const Endpoint& endpoint,
                                      const std::vector<proto::ExecRequest>& requests,
                                      std::size_t width) {
    std::vector<StreamedExec> results;
    std::deque<FrameConnection> running;
    const auto finish_one = [&] {
        results.push_back(run_stream(running.front()));
        running.pop_front();
    };
    for (const proto::ExecRequest& request : requests) {
        if (running.size() == width) finish_one();
        running.push_back(FrameConnection::exec(endpoint, request));
    }
    while (!running.empty())
        finish_one();
    return results;
}

proto::SessionDocument session_of(const Endpoint& endpoint, const std::string& id) {
    const HttpAnswer answer = ask(endpoint, "GET", "/v1/sessions/" + id);
    if (answer.status != 200)
        throw std::runtime_error(fmt::format("session '{}': {}", id, answer.body));
    return proto::parse_session_document(proto::parse_json(answer.body).value()).value();
}

proto::Frame await_frame(FrameConnection& stream, FrameType type, std::chrono::milliseconds limit) {
    const lab::Deadline deadline(limit);
    for (;;) {
        auto frame = stream.receive(deadline.left());
        if (!frame)
            throw std::runtime_error(fmt::format("the stream ended before {}", proto::name(type)));
        if (frame->header.type == type) return std::move(*frame);
    }
}

pid_t started_pid(FrameConnection& stream) {
    const proto::Frame frame = stream.expect(FrameType::started);
    return static_cast<pid_t>(proto::parse_started(frame.payload).value().pid);
}

bool acknowledge(FrameConnection& stream, std::uint8_t output, std::uint64_t offset, bool end) {
    const proto::Ack ack{.window = proto::limits::exec_window, .eos = end};
    return stream.send(FrameType::ack, proto::to_json(ack), output, offset);
}

std::uint64_t leading_number(std::string_view text) {
    const std::string_view digits =
        text.substr(std::min(text.find_first_not_of(" \t"), text.size()));
    std::uint64_t number = 0;
    const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    if (read.ec != std::errc()) throw std::runtime_error(fmt::format("no number: '{}'", text));
    return number;
}

std::string text_of(const std::filesystem::path& file) {
    std::ifstream stream(file);
    return {std::istreambuf_iterator<char>(stream), {}};
}

} // namespace rouse::test
