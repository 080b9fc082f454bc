#include "tests/support/mmds_fake.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

namespace rouse::test {

namespace json = boost::json;

namespace {

constexpr unsigned longest_token_life = 21600;

std::string lower(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    return text;
}

std::optional<std::string> find(const std::map<std::string, std::string>& headers,
                                const std::string& suffix) {
    for (const char* prefix : {"x-metadata-", "x-aws-ec2-metadata-"})
        if (const auto found = headers.find(prefix + suffix); found != headers.end())
            return found->second;
    return std::nullopt;
}

/// Firecracker's plain form: the keys of an object, or a text.
std::optional<std::string> to_imds(const json::value& value) {
    if (const auto* text = value.if_string()) return std::string(*text);
    const json::object* object = value.if_object();
    if (object == nullptr) return std::nullopt;
    std::string lines;
    for (const auto& member : *object)
        lines += fmt::format("{}{}{}", lines.empty() ? "" : "\n", std::string(member.key()),
                             member.value().is_object() ? "/" : "");
    return lines;
}

} // namespace

MmdsFake::MmdsFake(boost::asio::io_context& io, MmdsFakeOptions options)
    : acceptor_(io, {boost::asio::ip::address_v4::loopback(), 0}), options_(options) {
    accept();
}

std::uint16_t MmdsFake::port() const {
    return acceptor_.local_endpoint().port();
}

void MmdsFake::restore() {
    data_ = nullptr;
    tokens_.clear();
}

std::size_t MmdsFake::count(const std::string& line) const {
    return static_cast<std::size_t>(std::count(log_.begin(), log_.end(), line));
}

void MmdsFake::accept() {
    acceptor_.async_accept([this](const io::error_code& error, Socket socket) {
        if (error) return;
        read(std::make_shared<Client>(std::move(socket)));
        accept();
    });
}

/// It keeps connections open, whatever the client wishes, until the client closes.
void MmdsFake::read(const std::shared_ptr<Client>& client) {
    boost::asio::async_read_until(client->socket, boost::asio::dynamic_buffer(client->received),
                                  "\r\n\r\n",
                                  [this, client](const io::error_code& error, std::size_t) {
                                      if (!error) take(client);
                                  });
}

void MmdsFake::take(const std::shared_ptr<Client>& client) {
    ++requests_;
    const std::size_t end = client->received.find("\r\n\r\n");
    const Request request = parse(client->received.substr(0, end + 2));
    client->received.erase(0, end + 4);
    if (hook_) hook_(request.method + " " + request.path);
    switch (mood_) {
    case Mood::silent:
        return read(client);
    case Mood::endless:
        client->sent = "HTTP/1.1 200 \r\nContent-Type: application/json\r\n\r\n";
        return drip(client);
    case Mood::garbage:
        return write(client, "SSH-2.0-OpenSSH_9.2\r\n\r\n");
    case Mood::closing:
        return; // The last owner of the connection goes.
    case Mood::proper:
        break;
    }
    const Answer said = answer(request);
    log_.push_back(fmt::format("{} {} {}", request.method, request.path, said.status));
    std::string wire = fmt::format(
        "HTTP/1.1 {} \r\nServer: Firecracker API\r\nConnection: keep-alive\r\n", said.status);
    if (!said.allow.empty()) wire += fmt::format("Allow: {}\r\n", said.allow);
    wire += fmt::format("Content-Type: {}\r\nContent-Length: {}\r\n\r\n{}", said.type,
                        said.body.size(), said.body);
    write(client, std::move(wire));
}

void MmdsFake::write(const std::shared_ptr<Client>& client, std::string bytes) {
    client->sent = std::move(bytes);
    boost::asio::async_write(client->socket, boost::asio::buffer(client->sent),
                             [this, client](const io::error_code& error, std::size_t) {
                                 if (!error) read(client);
                             });
}

void MmdsFake::drip(const std::shared_ptr<Client>& client) {
    boost::asio::async_write(client->socket, boost::asio::buffer(client->sent),
                             [this, client](const io::error_code& error, std::size_t) {
                                 client->sent.assign(4096, ' ');
                                 if (!error) drip(client);
                             });
}

MmdsFake::Request MmdsFake::parse(const std::string& head) {
    Request request;
    const std::size_t first = head.find(' ');
    const std::size_t second = head.find(' ', first + 1);
    request.method = head.substr(0, first);
    request.path = head.substr(first + 1, second - first - 1);
    std::size_t at = head.find("\r\n") + 2;
    while (at < head.size()) {
        const std::size_t end = head.find("\r\n", at);
        const std::string line = head.substr(at, end - at);
        const std::size_t colon = line.find(": ");
        if (colon != std::string::npos)
            request.headers.emplace(lower(line.substr(0, colon)), line.substr(colon + 2));
        at = end + 2;
    }
    // Several slashes count as one.
    for (std::size_t two = 0; (two = request.path.find("//")) != std::string::npos;)
        request.path.erase(two, 1);
    return request;
}

MmdsFake::Answer MmdsFake::answer(const Request& request) {
    if (request.method != "GET" && (request.method != "PUT" || !options_.tokens))
        return {.status = 405,
                .body = "Not allowed HTTP method.",
                .allow = options_.tokens ? "GET, PUT" : "GET"};
    if (request.method == "PUT") return give_token(request);
    if (!options_.tokens) return look_up(request);
    const std::optional<std::string> token = find(request.headers, "token");
    if (!token)
        return {.status = 401,
                .body = "No MMDS token provided. Use `X-metadata-token` header to specify the "
                        "session token."};
    if (!is_valid(*token)) return {.status = 401, .body = "MMDS token not valid."};
    return look_up(request);
}

MmdsFake::Answer MmdsFake::give_token(const Request& request) {
    if (request.headers.contains("x-forwarded-for"))
        return {.status = 400,
                .body = "Invalid header. Reason: Unsupported header name. Key: x-forwarded-for"};
    if (request.path != "/latest/api/token")
        return {.status = 404, .body = fmt::format("Resource not found: {}.", request.path)};
    const std::optional<std::string> life = find(request.headers, "token-ttl-seconds");
    if (!life)
        return {.status = 400,
                .body = "Token time to live value not found. Use `X-metadata-token-ttl-seconds` "
                        "header to specify the token's lifetime."};
    unsigned seconds = 0;
    (void)std::from_chars(life->data(), life->data() + life->size(), seconds); // 0 is refused
    if (seconds < 1 || seconds > longest_token_life)
        return {.status = 400,
                .body = fmt::format("Invalid time to live value provided for token: {}. Please "
                                    "provide a value between 1 and 21600.",
                                    seconds)};
    std::string token = fmt::format("{}{}", token_text_, ++given_);
    tokens_[token] = std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
    return {.body = std::move(token), .type = "text/plain"};
}

bool MmdsFake::is_valid(const std::string& token) const {
    const auto found = tokens_.find(token);
    return found != tokens_.end() && std::chrono::steady_clock::now() < found->second;
}

MmdsFake::Answer MmdsFake::look_up(const Request& request) const {
    std::string pointer = request.path;
    if (pointer.ends_with('/')) pointer.pop_back();
    io::error_code error;
    const json::value* const value = data_.find_pointer(pointer, error);
    if (value == nullptr || data_.is_null())
        return {.status = 404, .body = fmt::format("Resource not found: {}.", request.path)};
    const auto accept = request.headers.find("accept");
    const bool wants_json = accept != request.headers.end() && accept->second == "application/json";
    if (wants_json && !options_.imds_compat) return {.body = json::serialize(*value)};
    std::optional<std::string> text = to_imds(*value);
    if (!text)
        return {.status = 501, .body = "Cannot retrieve value. The value has an unsupported type."};
    return {.body = std::move(*text)};
}

} // namespace rouse::test
