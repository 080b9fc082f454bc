#include "tests/support/endpoint.hpp"

#include "tools/lab/guest.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <deque>
#include <optional>
#include <stdexcept>

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

namespace rouse::test {

namespace json = boost::json;

namespace {

/// The value of Content-Length; nothing without one.
std::optional<std::size_t> content_length(std::string_view head) {
    constexpr std::string_view name = "\r\ncontent-length:";
    std::string lower(head);
    std::transform(lower.begin(), lower.end(), lower.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    const auto at = lower.find(name);
    if (at == std::string::npos) return std::nullopt;
    const auto digits = lower.find_first_not_of(' ', at + name.size());
    std::size_t length = 0;
    std::from_chars(lower.data() + digits, lower.data() + lower.size(), length);
    return length;
}

std::string exec_request(std::vector<std::string> argv, std::string user) {
    proto::ExecRequest request;
    request.command.argv = std::move(argv);
    request.command.user = std::move(user);
    return request_text("POST", "/v1/exec", json::serialize(proto::to_json(request)));
}

proto::ExecResult read_result(Connection& connection) {
    const HttpAnswer answer = read_answer(connection);
    auto result = proto::parse_exec_result(answer.body);
    if (answer.status != 200 || !result)
        throw std::runtime_error(fmt::format("exec answered {} {}", answer.status, answer.body));
    return std::move(*result);
}

/// A connect waits where the listener's queue is full; one that does not block would fail instead.
/// Source: unix(7), ERRORS; socket(7), SO_SNDTIMEO.
std::optional<lab::Descriptor> connect_patiently(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path) return std::nullopt;
    path.copy(address.sun_path, path.size());
    lab::Descriptor connection(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const timeval limit{
        .tv_sec = std::chrono::duration_cast<std::chrono::seconds>(patience).count(), .tv_usec = 0};
    if (!connection.is_open() ||
        ::setsockopt(connection.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) != 0 ||
        ::connect(connection.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) !=
            0)
        return std::nullopt;
    return connection;
}

[[noreturn]] void not_there(const json::value& document, std::string_view pointer) {
    throw std::runtime_error(
        fmt::format("there is no {} in {}", pointer, json::serialize(document)));
}

} // namespace

Connection Endpoint::connect() const {
    std::optional<lab::Descriptor> socket;
    if (behind_vsock_)
        socket = lab::connect_guest(target_, lab::exec_port, lab::Deadline(patience));
    else
        socket = connect_patiently(target_.substr(5));
    if (!socket) throw std::runtime_error(fmt::format("{} does not accept", target_));
    return Connection(std::move(*socket));
}

std::string request_text(std::string_view method, std::string_view path, std::string_view body,
                         std::string_view fields) {
    return fmt::format("{} {} HTTP/1.1\r\nHost: guest\r\n{}Content-Length: {}\r\n\r\n{}", method,
                       path, fields.empty() ? "Connection: close\r\n" : fields, body.size(), body);
}

HttpAnswer read_answer(Connection& connection, std::chrono::milliseconds limit) {
    const lab::Deadline deadline(limit);
    std::string text;
    std::size_t head_end = std::string::npos;
    while ((head_end = text.find("\r\n\r\n")) == std::string::npos) {
        const auto more = connection.receive(deadline.left());
        if (!more) throw std::runtime_error(fmt::format("the connection ended after '{}'", text));
        text += *more;
    }
    HttpAnswer answer{.status = lab::parse_status_line(text).value_or(0),
                      .head = text.substr(0, head_end),
                      .body = text.substr(head_end + 4)};
    const auto length = content_length(answer.head);
    while (!length || answer.body.size() < *length) {
        const auto more = connection.receive(deadline.left());
        if (!more) break;
        answer.body += *more;
    }
    if (length && answer.body.size() < *length)
        throw std::runtime_error(fmt::format("the body is cut off: {}", text));
    return answer;
}

HttpAnswer ask(const Endpoint& endpoint, std::string_view method, std::string_view path,
               std::string_view body, std::chrono::milliseconds limit) {
    Connection connection = endpoint.connect();
    // A server that refuses early may have closed already; its answer is there all the same.
    (void)connection.send(request_text(method, path, body), limit);
    return read_answer(connection, limit);
}

json::value status(const Endpoint& endpoint) {
    const HttpAnswer answer = ask(endpoint, "GET", "/v1/status");
    auto document = proto::parse_json(answer.body);
    if (answer.status != 200 || !document)
        throw std::runtime_error(
            fmt::format("/v1/status answered {} {}", answer.status, answer.body));
    return std::move(*document);
}

std::uint64_t number_at(const json::value& document, std::string_view pointer) {
    boost::system::error_code missing;
    const json::value* value = document.find_pointer(pointer, missing);
    if (value == nullptr || !value->is_number()) not_there(document, pointer);
    return value->to_number<std::uint64_t>();
}

std::string text_at(const json::value& document, std::string_view pointer) {
    boost::system::error_code missing;
    const json::value* value = document.find_pointer(pointer, missing);
    if (value == nullptr || !value->is_string()) not_there(document, pointer);
    return json::value_to<std::string>(*value);
}

proto::ExecResult exec(const Endpoint& endpoint, std::vector<std::string> argv, std::string user) {
    Connection connection = endpoint.connect();
    if (!connection.send(exec_request(std::move(argv), std::move(user))))
        throw std::runtime_error("the connection ended before the request was sent");
    return read_result(connection);
}

void wait_held(const Endpoint& endpoint, unsigned stream) {
    const std::string row = fmt::format("/output/{}", stream);
    std::uint64_t last = 0;
    wait_status(endpoint, [&](const json::value& status) {
        const auto taken = number_at(status, row + "/read");
        const bool held = taken > (256U << 10U) && taken == last &&
                          number_at(status, row + "/workload_bytes") > (16U << 10U);
        last = taken;
        return held;
    });
}

void wait_log_dropped(const Endpoint& endpoint) {
    const auto before = number_at(status(endpoint), "/log_dropped");
    wait_status(endpoint, [&](const json::value& status) {
        return number_at(status, "/log_dropped") > before;
    });
}

std::vector<proto::ExecResult> exec_all(const Endpoint& endpoint,
                                        const std::vector<std::vector<std::string>>& commands,
                                        std::size_t width) {
    std::vector<proto::ExecResult> results;
    std::deque<Connection> running;
    for (const auto& argv : commands) {
        if (running.size() == width) {
            results.push_back(read_result(running.front()));
            running.pop_front();
        }
        running.push_back(endpoint.connect());
        if (!running.back().send(exec_request(argv, {})))
            throw std::runtime_error("the connection ended before the request was sent");
    }
    for (Connection& connection : running)
        results.push_back(read_result(connection));
    return results;
}

} // namespace rouse::test
