#pragma once
// A guest with one session that keeps what it has over connections, as proto/README.md says
// ("Sessions"), played in the test's own event loop. A test cuts its connections wherever it likes.

#include "proto/exec.hpp"
#include "proto/exec_stream.hpp"
#include "proto/frame_decoder.hpp"
#include "tools/host/async.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>

#include <deque>
#include <string>
#include <vector>

namespace rouse::test {

/// Its command takes all of its stdin; once that is at its end, it ends with status 3.
class SessionGuest {
public:
    /// How far one connection gets before it is cut.
    struct Cut {
        std::size_t after_sent = SIZE_MAX;     ///< bytes of the guest, the answer's head included
        std::size_t after_received = SIZE_MAX; ///< bytes of the client's frames
    };

    SessionGuest(boost::asio::io_context& io, const std::string& path);

    std::string out; ///< what the command writes to stdout
    std::string err;
    std::uint64_t oldest = 0;         ///< of stdout: what is before is no longer kept
    std::deque<Cut> cuts;             ///< of the connections to come; none: whole
    std::deque<std::string> refusals; ///< whole answers for the requests to come
    std::string last_word;            ///< frames to send instead of the end

    /// As an older snapshot would be: it has lost all of its stdin.
    void set_back() { in_.clear(); }

    [[nodiscard]] const std::string& in() const { return in_; }
    [[nodiscard]] bool in_ended() const { return in_ended_; }
    [[nodiscard]] unsigned starts() const { return starts_; }
    /// "POST /v1/exec" and so on, one for each connection.
    [[nodiscard]] const std::vector<std::string>& requests() const { return requests_; }
    [[nodiscard]] const std::vector<std::string>& bodies() const { return bodies_; }
    /// Frames of the client that are neither DATA, EOS nor ACK.
    [[nodiscard]] const std::vector<proto::Frame>& controls() const { return controls_; }
    /// What the client did that a client may not do.
    [[nodiscard]] const std::vector<std::string>& complaints() const { return complaints_; }

private:
    struct Connection;
    using Stream = boost::asio::local::stream_protocol;

    host::Awaitable<> accept();
    host::Awaitable<> serve(Stream::socket socket);
    host::Awaitable<bool> read_request(Connection& connection);
    host::Awaitable<bool> begin(Connection& connection);
    host::Awaitable<> converse(Connection& connection);
    host::Awaitable<bool> send(Connection& connection, std::string bytes);
    host::Awaitable<bool> send_outputs(Connection& connection);
    host::Awaitable<bool> take(Connection& connection, proto::Frame frame);
    void take_input(Connection& connection, const proto::Frame& frame);
    void complain(std::string what) { complaints_.push_back(std::move(what)); }

    boost::asio::io_context& io_;
    Stream::acceptor acceptor_;
    std::string id_;
    std::string body_;
    std::string in_;
    bool in_ended_ = false;
    unsigned starts_ = 0;
    std::vector<std::string> requests_;
    std::vector<std::string> bodies_;
    std::vector<proto::Frame> controls_;
    std::vector<std::string> complaints_;
};

} // namespace rouse::test
