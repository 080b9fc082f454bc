#pragma once
// Serves HTTP/1.1 with Beast on connections that a listener accepted: keep-alive, limits and
// deadlines of proto/limits.hpp, upgrade to a frame stream.

#include "agent/io/connection_registry.hpp"
#include "agent/io/http.hpp"
#include "proto/limits.hpp"

#include <string>
#include <utility>

namespace rouse::io {

/// How long a client may take. The defaults are those of proto/limits.hpp.
struct HttpDeadlines {
    std::chrono::milliseconds header = proto::limits::header_read; ///< from accept or first byte
    std::chrono::milliseconds body = proto::limits::body_read;
    std::chrono::milliseconds write = proto::limits::body_read;        ///< to take our answer
    std::chrono::milliseconds piece = proto::limits::stream_write;     ///< to take a streamed piece
    std::chrono::milliseconds body_piece = proto::limits::stream_read; ///< to send one
    std::chrono::milliseconds idle = proto::limits::idle_keep_alive;
    std::chrono::milliseconds linger{500}; ///< to take the last answer before the close
};

/// Counters since start.
struct HttpCounters {
    std::uint64_t requests = 0;
    std::uint64_t bad_requests = 0; ///< malformed, too large or too slow
};

class HttpServer {
public:
    /// Borrows all; they outlive every connection.
    HttpServer(const HttpRoutes& routes, ConnectionRegistry& registry,
               HttpDeadlines deadlines = {});

    /// Serves only requests that carry this bearer token, except on routes that are open; empty:
    /// all. Answers others with 401.
    void require_token(std::string token) { token_ = std::move(token); }

    /// Serves one connection until it ends. Never throws for anything that the peer does. The
    /// handler of a request is cancelled when the peer hangs up; what a handler throws is answered
    /// with 500, what an upgrade handler throws goes to the caller.
    Awaitable<> serve(Socket socket);

    [[nodiscard]] const HttpCounters& counters() const { return counters_; }

private:
    const HttpRoutes& routes_;
    ConnectionRegistry& registry_;
    HttpDeadlines deadlines_;
    std::string token_;
    HttpCounters counters_;
};

} // namespace rouse::io
