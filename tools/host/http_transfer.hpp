#pragma once
// HTTP/1.1 to a guest where the body of the request, or of the answer, is of any length.

#include "proto/chunked.hpp"
#include "tools/host/http_client.hpp"

#include <memory>
#include <optional>

namespace rouse::host {

/// One request over a connection of its own. Not thread-safe. Failures name the target.
class HttpTransfer {
public:
    /// How long one piece may take to be sent, or to come.
    static constexpr std::chrono::seconds piece_limit{120};

    HttpTransfer(Dialer& dialer, std::string method, std::string path);

    /// Connects and sends the head. `chunked`: pieces of a body follow.
    enum class Body { none, chunked };
    Awaitable<Outcome<>> open(Body body, Clock::time_point deadline);
    /// Sends a piece of the body. False: the guest takes no more, and answer() says why.
    Awaitable<bool> send(std::string_view piece);
    /// Ends the body of a request, if there is one, and reads the whole answer.
    Awaitable<Outcome<HttpAnswer>> answer();

    /// The answer's head; its body, too, when the status is not 200.
    Awaitable<Outcome<HttpAnswer>> head();
    /// The next piece of the answer's body; empty at its end. Fails when it was cut off.
    Awaitable<Outcome<std::string>> read();

private:
    Awaitable<Outcome<bool>> receive();
    Awaitable<Outcome<unsigned>> read_head();
    Awaitable<Outcome<>> write(std::string bytes);
    [[nodiscard]] Failure failure(std::string_view why) const;

    Dialer& dialer_;
    std::string method_;
    std::string path_;
    std::optional<Socket> socket_;
    Body body_ = Body::none;
    std::string text_; ///< received, not looked at
    bool answer_is_chunked_ = false;
    proto::ChunkDecoder chunks_;
};

/// Text as the value of a query: letters, digits and -._~/ as they are.
std::string percent_encode(std::string_view text);

} // namespace rouse::host
