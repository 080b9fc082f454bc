#pragma once
// The HTTP server in the test's own loop, and clients that read their answers, streamed ones too.

#include "agent/io/http_server.hpp"
#include "agent/io/task_group.hpp"
#include "proto/chunked.hpp"
#include "tests/support/peer.hpp"
#include "tests/support/run_until.hpp"

#include <boost/asio/io_context.hpp>
#include <fmt/format.h>

#include <charconv>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace rouse::test {

class HttpRig {
public:
    enum class Reading { now, later };

    /// One connection with one request.
    class Client {
    public:
        explicit Client(Socket socket) : peer_(std::move(socket)) {}

        void send(std::string bytes) { peer_.send(std::move(bytes)); }
        void start_reading() { peer_.start_reading(); }
        void close() { peer_.close(); }
        [[nodiscard]] const std::string& received() { return peer_.received(); }
        [[nodiscard]] bool ended() const { return peer_.ended(); }
        [[nodiscard]] bool has_head() const { return peer_.has("\r\n\r\n"); }

        /// Of the answer; 0 before its head came.
        [[nodiscard]] int status() {
            int status = 0;
            constexpr std::size_t at = 9; // behind "HTTP/1.1 "
            const std::string& text = peer_.received();
            if (has_head()) (void)std::from_chars(text.data() + at, text.data() + at + 3, status);
            return status;
        }
        /// What has come of the body.
        [[nodiscard]] const std::string& body() {
            decode();
            return body_;
        }
        /// All of it came.
        [[nodiscard]] bool whole() {
            decode();
            if (is_chunked()) return chunks_.ended();
            const std::size_t at = peer_.received().find("Content-Length: ");
            std::size_t length = 0;
            if (at == std::string::npos) return ended();
            const char* const digits = peer_.received().data() + at + 16;
            (void)std::from_chars(digits, digits + 10, length);
            return body_.size() == length;
        }

    private:
        [[nodiscard]] bool is_chunked() const {
            return peer_.has("Transfer-Encoding: chunked\r\n");
        }

        void decode() {
            const std::size_t head = peer_.received().find("\r\n\r\n");
            if (head == std::string::npos) return;
            const std::string_view rest = std::string_view(peer_.received()).substr(head + 4);
            if (!is_chunked()) {
                body_ = rest;
                return;
            }
            if (!chunks_.feed(rest.substr(decoded_), body_)) throw std::runtime_error("chunks");
            decoded_ = rest.size();
        }

        Peer peer_;
        proto::ChunkDecoder chunks_;
        std::size_t decoded_ = 0;
        std::string body_;
    };

    struct Answer {
        int status = 0;
        std::string head;
        std::string body;
    };

    explicit HttpRig(io::HttpDeadlines deadlines = {})
        : loop(own_loop_), server(routes, registry, deadlines) {}
    /// In a loop that is there already and outlives the rig.
    explicit HttpRig(boost::asio::io_context& shared) : loop(shared), server(routes, registry) {}
    HttpRig(const HttpRig&) = delete;
    HttpRig& operator=(const HttpRig&) = delete;
    ~HttpRig() {
        tasks.cancel();
        if (!idle()) std::terminate(); // A task that cannot be cancelled is a bug.
        // A loop that outlives the rig still has the reads of the clients, which go with the rig.
        for (const std::unique_ptr<Client>& client : clients_)
            client->close();
        loop.restart();
        loop.poll();
    }

    /// A connection that has sent `GET target`; lives as long as the rig.
    Client& ask(const std::string& target, Reading reading = Reading::now,
                const std::string& version = "1.1") {
        auto [near, far] = socket_pair(loop);
        Client& client = *clients_.emplace_back(std::make_unique<Client>(std::move(far)));
        if (reading == Reading::now) client.start_reading();
        client.send(fmt::format("GET {} HTTP/{}\r\n\r\n", target, version));
        tasks.spawn("http", server.serve(std::move(near)));
        return client;
    }

    /// The whole answer to `GET target`.
    Answer get(const std::string& target) {
        Client& client = ask(target);
        if (!until([&] { return client.has_head() && client.whole(); }))
            throw std::runtime_error("no whole answer: " + client.received());
        client.close();
        const std::string& text = client.received();
        return {.status = client.status(),
                .head = text.substr(0, text.find("\r\n\r\n")),
                .body = client.body()};
    }

    template <typename Done>
    [[nodiscard]] bool until(Done done) {
        return run_until(loop, done);
    }
    /// No connection is left.
    [[nodiscard]] bool idle() {
        return run_until(loop, [this] { return tasks.size() == 0; });
    }

private:
    boost::asio::io_context own_loop_;

public:
    boost::asio::io_context& loop;
    io::HttpRoutes routes;
    io::ConnectionRegistry registry;
    io::HttpServer server;
    io::TaskGroup tasks{loop.get_executor(), [this](const std::string&, const std::string& what) {
                            escaped.push_back(what);
                        }};
    std::vector<std::string> escaped;

private:
    std::vector<std::unique_ptr<Client>> clients_;
};

} // namespace rouse::test
