#pragma once
// Turns bytes into one HTTP request. No I/O: the parser is Beast's, the bytes come from anywhere.

#include "agent/io/http.hpp"

#include <memory>
#include <optional>
#include <string>

namespace rouse::io {

class HttpParser {
public:
    enum class State { incomplete, complete, failed };

    HttpParser();
    ~HttpParser();
    HttpParser(const HttpParser&) = delete;
    HttpParser& operator=(const HttpParser&) = delete;
    HttpParser(HttpParser&&) = delete;
    HttpParser& operator=(HttpParser&&) = delete;

    /// Takes from the front of `bytes` what belongs to the request. What it leaves is the next
    /// request or another protocol when complete, else the beginning of something unfinished.
    State feed(std::string& bytes);
    /// The same, but stops before the body.
    State feed_header(std::string& bytes);
    /// Fails when the body that is announced is too long, of a request whose body is fed. For a
    /// complete header.
    State check_length();

    /// How long a body is that somebody else reads; known once the header is complete.
    struct Framing {
        bool chunked = false;
        std::uint64_t length = 0; ///< unless it is chunked
    };
    [[nodiscard]] Framing framing() const;

    [[nodiscard]] bool header_complete() const;
    /// The client waits for `100 Continue` before it sends the body.
    [[nodiscard]] bool expects_continue() const;
    /// Whether another request may follow on the connection; known once the request was taken.
    [[nodiscard]] bool keep_alive() const { return keep_alive_; }
    /// Whether the client understands chunks (HTTP/1.1); known once the request was taken.
    [[nodiscard]] bool chunks() const { return chunks_; }
    /// The request without its body; nothing when its target is no path. For a complete header.
    [[nodiscard]] std::optional<HttpRequest> head() const;
    /// The request with the body that was read, moved out; nothing when its target is no path
    /// (400).
    [[nodiscard]] std::optional<HttpRequest> take();
    /// Why it failed, as the answer: 400, 413, 431 or 501.
    [[nodiscard]] const HttpReply& failure() const { return failure_; }

private:
    State fail(HttpReply reply);

    struct Beast; ///< keeps Beast out of everybody else's translation unit
    std::unique_ptr<Beast> beast_;
    HttpReply failure_;
    bool length_checked_ = false;
    bool keep_alive_ = false;
    bool chunks_ = false;
};

} // namespace rouse::io
