#include "agent/io/http_server.hpp"

#include "agent/io/http_connection.hpp"

#include <utility>

namespace rouse::io {

HttpServer::HttpServer(const HttpRoutes& routes, ConnectionRegistry& registry,
                       HttpDeadlines deadlines)
    : routes_(routes), registry_(registry), deadlines_(deadlines) {}

Awaitable<> HttpServer::serve(Socket socket) {
    ConnectionRegistry::Registration registration = registry_.add(socket, "http");
    HttpConnection connection(routes_, deadlines_, token_, counters_, socket, registration);
    Awaitable<> serving = connection.serve();
    co_await std::move(serving);
}

} // namespace rouse::io
