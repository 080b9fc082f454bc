#include "agent/io/http_body.hpp"

#include "agent/io/race.hpp"

#include <boost/asio/buffer.hpp>

#include <algorithm>
#include <utility>

namespace rouse::io {

namespace {

constexpr std::size_t largest_piece = 64 * 1024;

} // namespace

HttpBodyDecoder::State HttpBodyDecoder::feed(std::string& bytes, std::string& body) {
    const std::string_view now = std::string_view(bytes).substr(0, largest_piece);
    if (!framing_.chunked) {
        const auto size =
            static_cast<std::size_t>(std::min<std::uint64_t>(framing_.length, now.size()));
        body.append(now.substr(0, size));
        bytes.erase(0, size);
        framing_.length -= size;
    } else if (!chunks_.ended()) {
        const proto::Parsed<void> fed = chunks_.feed(now, body);
        if (!fed) return State::malformed;
        bytes.erase(0, now.size() - chunks_.left_over());
    }
    return complete() ? State::complete : State::incomplete;
}

bool HttpBodyDecoder::complete() const {
    return framing_.chunked ? chunks_.ended() : framing_.length == 0;
}

HttpBodyReader::HttpBodyReader(Socket& socket, std::string& received, HttpParser::Framing framing,
                               std::chrono::milliseconds deadline, Continue go_on)
    : socket_(socket), received_(received), decoder_(framing), deadline_(deadline),
      go_on_(std::move(go_on)), completed_(socket.get_executor()) {}

Awaitable<HttpBodyPiece> HttpBodyReader::next() {
    HttpBodyPiece piece;
    if (!decode(piece)) {
        Awaitable<bool> reading = with_deadline(read_piece(piece), deadline_);
        const bool in_time = co_await std::move(reading);
        if (!in_time) piece.state = ended_ = HttpBodyPiece::State::too_slow;
    }
    co_return piece;
}

Awaitable<> HttpBodyReader::read_piece(HttpBodyPiece& piece) {
    if (go_on_) {
        Awaitable<bool> saying = std::exchange(go_on_, {})();
        const bool said = co_await std::move(saying);
        if (!said) ended_ = HttpBodyPiece::State::cut;
    }
    while (!decode(piece)) {
        Awaitable<bool> receiving = receive();
        const bool more = co_await std::move(receiving);
        if (!more) ended_ = HttpBodyPiece::State::cut;
    }
}

bool HttpBodyReader::decode(HttpBodyPiece& piece) {
    using State = HttpBodyPiece::State;
    piece.state = ended_;
    if (ended_ != State::bytes) return true;
    // What frames chunks may be more than one piece.
    HttpBodyDecoder::State state = HttpBodyDecoder::State::incomplete;
    do
        state = decoder_.feed(received_, piece.bytes);
    while (state == HttpBodyDecoder::State::incomplete && piece.bytes.empty() &&
           !received_.empty());
    if (state == HttpBodyDecoder::State::malformed) {
        ended_ = State::malformed;
        piece.bytes.clear(); // what came before belongs to nothing whole
    }
    if (state == HttpBodyDecoder::State::complete) {
        ended_ = State::end;
        completed_.notify_all();
    }
    if (!piece.bytes.empty()) return true;
    piece.state = ended_;
    return ended_ != State::bytes;
}

Awaitable<bool> HttpBodyReader::receive() {
    room_.resize(largest_piece);
    auto read = co_await socket_.async_read_some(asio::buffer(room_), no_throw);
    const auto& [error, count] = read;
    if (error) co_return false;
    received_.append(room_, 0, count);
    co_return true;
}

Awaitable<> HttpBodyReader::wait_complete() {
    while (!complete()) {
        Awaitable<> waiting = completed_.wait();
        co_await std::move(waiting);
    }
}

} // namespace rouse::io
