#include "tools/lab/guest_words.hpp"

#include "tools/lab/error.hpp"
#include "tools/lab/guest.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>

#include <poll.h>
#include <sys/socket.h>

namespace rouse::lab {
namespace {

namespace json = boost::json;

constexpr int ok = 200;
constexpr int not_found = 404;
constexpr int prepare_tries = 3;
constexpr std::string_view prepare_path = "/v1/snapshot/prepare";
constexpr std::string_view resume_path = "/v1/snapshot/resume";

/// The value of a header of the answer; empty without it. The agent writes names as here.
std::string_view header(std::string_view head, std::string_view name) {
    const std::string start = fmt::format("\r\n{}: ", name);
    const auto at = head.find(start);
    if (at == std::string_view::npos) return {};
    head.remove_prefix(at + start.size());
    return head.substr(0, head.find("\r\n"));
}

std::string request_text(std::string_view path, const std::optional<std::string>& body) {
    std::string text = fmt::format("{} {} HTTP/1.1\r\nHost: guest\r\nConnection: close\r\n",
                                   body ? "POST" : "GET", path);
    if (body)
        text +=
            fmt::format("Content-Type: application/json\r\nContent-Length: {}\r\n", body->size());
    return text + "\r\n" + body.value_or("");
}

/// Adds what there is to `text`; false at the end of the connection and at the deadline.
bool read_more(int socket, std::string& text, Deadline deadline) {
    std::array<char, 4096> bytes{};
    pollfd ready{.fd = socket, .events = POLLIN, .revents = 0};
    if (poll(&ready, 1, deadline.poll_timeout()) <= 0) return false;
    const ssize_t count = recv(socket, bytes.data(), bytes.size(), 0);
    if (count <= 0) return false;
    text.append(bytes.data(), static_cast<std::size_t>(count));
    return true;
}

/// The object in an answer; an empty one when it is something else.
json::object object_of(const HttpReply& reply) {
    boost::system::error_code error;
    const json::value value = json::parse(reply.body, error);
    return !error && value.is_object() ? value.get_object() : json::object();
}

} // namespace

std::optional<HttpReply> parse_reply(std::string_view text) {
    const auto end = text.find("\r\n\r\n");
    const auto status = parse_status_line(text);
    if (end == std::string_view::npos || !status) return std::nullopt;
    const std::string_view head = text.substr(0, end + 2);
    const std::string_view body = text.substr(end + 4);
    const std::string_view length = header(head, "Content-Length");
    std::size_t size = 0;
    const auto [stop, error] = std::from_chars(length.data(), length.data() + length.size(), size);
    if (error != std::errc() || stop != length.data() + length.size() || body.size() < size)
        return std::nullopt;
    return HttpReply{.status = *status, .body = std::string(body.substr(0, size))};
}

std::optional<HttpReply> http_exchange(std::string_view target, std::string_view path,
                                       const std::optional<std::string>& body, Deadline deadline) {
    const auto socket = connect_guest(target, exec_port, deadline);
    if (!socket) return std::nullopt;
    const std::string request = request_text(path, body);
    // Documents fit into any socket buffer, so a short write means a dead peer.
    if (send(socket->get(), request.data(), request.size(), MSG_NOSIGNAL) !=
        static_cast<ssize_t>(request.size()))
        return std::nullopt;
    std::string text;
    for (;;) {
        if (auto reply = parse_reply(text)) return reply;
        if (!read_more(socket->get(), text, deadline)) return std::nullopt;
    }
}

std::optional<json::object> prepare_guest(std::string_view target, Deadline deadline) {
    // A guest without an agent refuses at once; one with an agent may refuse one connection, when
    // an earlier one of the same port pair is not gone yet.
    std::optional<HttpReply> reply;
    for (int tries = 0; tries < prepare_tries && !reply && !deadline.expired(); ++tries)
        reply = http_exchange(target, prepare_path, "{}", deadline);
    if (!reply && deadline.expired())
        throw LabError(fmt::format("{} does not say that it is prepared for a snapshot", target));
    if (!reply || reply->status == not_found) return std::nullopt;
    if (reply->status != ok)
        throw LabError(fmt::format("{} cannot be prepared for a snapshot (status {}): {}", target,
                                   reply->status, reply->body));
    return object_of(*reply);
}

void resume_guest(std::string_view target, const json::object& prepared, Deadline deadline) {
    json::object body;
    if (const json::value* lease = prepared.if_contains("lease")) body["lease"] = *lease;
    const std::string text = json::serialize(body);
    for (;;) {
        const auto reply = http_exchange(target, resume_path, text, deadline);
        if (reply && reply->status == ok) return;
        if (deadline.expired())
            throw LabError(fmt::format("{} was prepared for a snapshot and cannot be told that it "
                                       "goes on ({})",
                                       target, reply ? reply->body : "no answer"));
        wait_to_retry(deadline);
    }
}

json::object tell_restored(std::string_view target, json::object document, Deadline deadline) {
    std::optional<HttpReply> reply;
    while (!reply) {
        const auto now = std::chrono::system_clock::now().time_since_epoch();
        document["now_ns"] = std::chrono::duration_cast<std::chrono::nanoseconds>(now).count();
        reply = http_exchange(target, "/v1/restore", json::serialize(document), deadline);
        if (deadline.expired()) break;
        if (!reply) wait_to_retry(deadline);
    }
    if (!reply) throw LabError(fmt::format("{} does not take its restore document", target));
    json::object report = object_of(*reply);
    const json::value* state = report.if_contains("state");
    if (reply->status != ok || (state != nullptr && *state == json::value("failed")))
        throw LabError(fmt::format("{} could not be made what its restore document says "
                                   "(status {}): {}",
                                   target, reply->status, reply->body));
    return report;
}

} // namespace rouse::lab
