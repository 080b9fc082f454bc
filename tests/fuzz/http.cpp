// The HTTP server on one end of a socket pair, with handlers of every kind: no request keeps its
// connection from ending, and each answer is whole.

#include "agent/io/http_server.hpp"
#include "agent/io/task_group.hpp"
#include "proto/exec.hpp"
#include "proto/frame_decoder.hpp"
#include "proto/restore.hpp"
#include "tests/fuzz/fuzz.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/write.hpp>

#include <array>
#include <chrono>
#include <string>
#include <utility>

#include <signal.h>
#include <sys/socket.h>

using namespace rouse;

namespace {

io::Awaitable<io::HttpReply> answer_document(io::HttpRequest request) {
    const auto exec = proto::parse_exec_request(request.body);
    const auto restore = proto::parse_restore_document(request.body);
    if (exec || restore) co_return io::HttpReply();
    co_return io::HttpReply::error(400, "document", exec.error().message());
}

io::Awaitable<io::HttpReply> answer_query(io::HttpRequest request) {
    io::HttpReply reply;
    for (const auto& [name, value] : request.query)
        reply.body += name + "=" + value + "\n";
    co_return reply;
}

io::Awaitable<> say_three(const io::HttpSink& send) {
    for (const char* word : {"one", "two", "three"}) {
        io::Awaitable<bool> sending = send(word);
        const bool sent = co_await std::move(sending);
        if (!sent) co_return;
    }
}

io::Awaitable<io::HttpReply> answer_stream(io::HttpRequest) {
    io::HttpReply reply;
    reply.stream = [](const io::HttpSink& send) { return say_three(send); };
    co_return reply;
}

io::Awaitable<io::HttpReply> take_body(io::HttpRequest request, const io::HttpSource& body) {
    const bool early = request.query.contains("early");
    io::HttpBodyPiece piece;
    std::size_t size = 0;
    for (bool more = true; more;) {
        io::Awaitable<io::HttpBodyPiece> asking = body();
        piece = co_await std::move(asking);
        more = !early && piece.state == io::HttpBodyPiece::State::bytes;
        size += piece.bytes.size();
        fuzz::require(piece.bytes.size() <= 64 * 1024, "a piece is bounded");
        fuzz::require(piece.bytes.empty() == (piece.state != io::HttpBodyPiece::State::bytes),
                      "a piece has bytes, or says why not");
    }
    io::HttpReply reply;
    reply.body = std::to_string(size);
    co_return reply;
}

io::Awaitable<> take_frames(io::HttpRequest, io::Socket& socket, std::string received) {
    proto::FrameDecoder decoder;
    std::array<char, 4096> buffer{};
    for (;;) {
        decoder.append(received);
        for (;;) {
            const auto next = decoder.next();
            if (!next) co_return;
            if (!*next) break;
        }
        auto read = co_await socket.async_read_some(io::asio::buffer(buffer), io::no_throw);
        const auto& [error, count] = read;
        if (error) co_return;
        received.assign(buffer.data(), count);
    }
}

io::HttpRoutes make_routes() {
    io::HttpRoutes routes;
    routes["POST /v1/exec"].handler = answer_document;
    routes["POST /v1/exec"].upgrade = take_frames;
    routes["POST /v1/exec"].upgrade_token = proto::exec_upgrade_token;
    routes["GET /v1/ready"].handler = answer_query;
    routes["GET /v1/events"].handler = answer_stream;
    routes["PUT /v1/files"].body_handler = take_body;
    return routes;
}

/// Reads all answers until the server ends the connection.
io::Awaitable<> read_answers(io::Socket& socket, std::string& answers) {
    std::array<char, 16384> buffer{};
    for (;;) {
        auto read = co_await socket.async_read_some(io::asio::buffer(buffer), io::no_throw);
        const auto& [error, count] = read;
        if (error) co_return;
        answers.append(buffer.data(), count);
    }
}

/// Sends the requests in pieces and says that there are no more.
io::Awaitable<> send_requests(io::Socket& socket, std::string_view bytes, std::size_t step) {
    while (!bytes.empty()) {
        const std::string piece(bytes.substr(0, step));
        bytes.remove_prefix(piece.size());
        auto sent = co_await io::asio::async_write(socket, io::asio::buffer(piece), io::no_throw);
        if (std::get<0>(sent)) co_return;
    }
    io::error_code ignored; // The server may have gone.
    socket.shutdown(io::Socket::shutdown_send, ignored);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    (void)::signal(SIGPIPE, SIG_IGN); // as the agent does
    static const io::HttpRoutes routes = make_routes();
    fuzz::Choices choices(fuzz::text_of(data, size));
    const std::size_t step = 1 + choices.below(255) * 64;
    io::asio::io_context loop{1};
    std::array<int, 2> fds{};
    fuzz::require(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds.data()) == 0,
                  "there are sockets");
    const io::asio::generic::stream_protocol unix_stream(AF_UNIX, 0);
    io::Socket near(loop, unix_stream, fds[0]);
    io::Socket far(loop, unix_stream, fds[1]);
    io::ConnectionRegistry registry;
    io::HttpServer server(routes, registry);
    std::string answers;
    std::string escaped;
    io::TaskGroup tasks(loop.get_executor(),
                        [&](const std::string&, const std::string& what) { escaped = what; });
    tasks.spawn("server", server.serve(std::move(near)));
    tasks.spawn("reader", read_answers(far, answers));
    tasks.spawn("writer", send_requests(far, choices.rest(), step));
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(4);
    while (tasks.size() > 0 && std::chrono::steady_clock::now() < end) {
        loop.restart();
        (void)loop.run_one_until(end);
    }
    // Every deadline of the server is longer: a client that says that it has finished is let go.
    fuzz::require(tasks.size() == 0, "a connection ends when its client has finished");
    fuzz::require(escaped.empty(), "nothing escapes the server");
    fuzz::require(registry.entries().empty(), "no connection is left in the registry");
    fuzz::require(answers.empty() || answers.starts_with("HTTP/1.1 "), "answers are HTTP");
    return 0;
}
