#include "agent/files/transfer.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/write.hpp>
#include <fmt/format.h>

#include <stdexcept>
#include <utility>

namespace rouse::files {

namespace {

constexpr std::size_t piece_size = 64 * 1024;

} // namespace

io::Awaitable<std::string> read_piece(Applet& applet) {
    std::string piece(piece_size, '\0');
    auto read = co_await applet.out.async_read_some(io::asio::buffer(piece), io::no_throw);
    const auto& [error, count] = read;
    piece.resize(error ? 0 : count);
    co_return piece;
}

io::Awaitable<std::string> read_rest(Applet& applet) {
    std::string all;
    for (bool more = true; more;) {
        io::Awaitable<std::string> reading = read_piece(applet);
        const std::string piece = co_await std::move(reading);
        more = !piece.empty() && all.size() < piece_size;
        all += piece;
    }
    io::Awaitable<> ending = applet.wait_ended();
    co_await std::move(ending);
    co_return all;
}

io::Awaitable<> send_archive(std::shared_ptr<AppletUse> use, std::string first,
                             const io::HttpSink& send) {
    Applet& applet = **use;
    std::string piece = std::move(first);
    while (!piece.empty()) {
        io::Awaitable<bool> sending = send(std::move(piece));
        const bool sent = co_await std::move(sending);
        if (!sent) co_return;
        io::Awaitable<std::string> reading = read_piece(applet);
        piece = co_await std::move(reading);
    }
    io::Awaitable<> ending = applet.wait_ended();
    co_await std::move(ending);
    // The client sees a body that was cut off.
    if (const std::optional<Failure> failure = applet.failure())
        throw std::runtime_error(fmt::format("files: \"{}\": {}", failure->path, failure->message));
}

io::Awaitable<> feed_archive(Applet& applet, const io::HttpSource& body,
                             io::HttpBodyPiece::State& state) {
    for (bool taken = true; taken;) {
        io::Awaitable<io::HttpBodyPiece> asking = body();
        const io::HttpBodyPiece piece = co_await std::move(asking);
        state = piece.state;
        if (state != io::HttpBodyPiece::State::bytes) break;
        auto written =
            co_await io::asio::async_write(applet.in, io::asio::buffer(piece.bytes), io::no_throw);
        taken = !std::get<0>(written); // else it has given up, and says why
    }
    io::error_code ignored; // The applet sees the end either way.
    applet.in.close(ignored);
    io::Awaitable<> ending = applet.wait_ended();
    co_await std::move(ending);
}

} // namespace rouse::files
