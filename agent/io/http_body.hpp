#pragma once
// Reads the body of one request from its connection, piece by piece and only when it is asked to:
// a client whose bytes nobody takes is held up by its own socket.

#include "agent/io/condition.hpp"
#include "agent/io/http.hpp"
#include "agent/io/http_parser.hpp"
#include "proto/chunked.hpp"

#include <chrono>
#include <string>

namespace rouse::io {

/// Takes a body apart that comes with a length or in chunks. No I/O.
class HttpBodyDecoder {
public:
    enum class State { incomplete, complete, malformed };

    explicit HttpBodyDecoder(HttpParser::Framing framing) : framing_(framing) {}

    /// Takes from the front of `bytes` what belongs to the body, at most 64 KiB and the frames of
    /// its chunks, and appends to `body` what it is. What it leaves when complete is the next
    /// request.
    State feed(std::string& bytes, std::string& body);
    [[nodiscard]] bool complete() const;

private:
    HttpParser::Framing framing_; ///< its length is what is still to come
    proto::ChunkDecoder chunks_;
};

class HttpBodyReader {
public:
    /// Says `100 Continue` to a client that waits for it. False: the client is gone.
    using Continue = std::function<Awaitable<bool>()>;

    /// Borrows the socket and `received`, the bytes that came before. `go_on` may be empty: nobody
    /// waits for it.
    HttpBodyReader(Socket& socket, std::string& received, HttpParser::Framing framing,
                   std::chrono::milliseconds deadline, Continue go_on);

    /// As HttpSource.
    Awaitable<HttpBodyPiece> next();
    [[nodiscard]] bool complete() const { return decoder_.complete(); }
    /// Returns once the body is complete.
    Awaitable<> wait_complete();

private:
    Awaitable<> read_piece(HttpBodyPiece& piece);
    Awaitable<bool> receive();
    /// Whether there is something to say.
    bool decode(HttpBodyPiece& piece);

    Socket& socket_;
    std::string& received_;
    HttpBodyDecoder decoder_;
    std::chrono::milliseconds deadline_;
    Continue go_on_;
    HttpBodyPiece::State ended_ = HttpBodyPiece::State::bytes; ///< not yet
    Condition completed_;
    std::string room_; ///< for one read
};

} // namespace rouse::io
