// The relay's book: offsets, credit, replay, deadlines, without a pipe or a socket.
#include "agent/output/relay_book.hpp"

#include <catch2/catch_test_macros.hpp>

using namespace rouse;
using namespace std::chrono_literals;

using output::RelayBook;

namespace {

const RelayBook::Options small = {.retention = 1000, .largest_frame = 400};

using What = RelayBook::NextFrame::What;

/// An answer of the host; what a test does not care about is generous.
proto::OutputWelcome answer(std::optional<std::uint64_t> resume, std::uint64_t window = 1000,
                            std::uint64_t max_frame = 400) {
    return {.version = 1, .resume = resume, .window = window, .max_frame = max_frame};
}

/// A book whose connection was accepted from the oldest byte on.
RelayBook streaming(std::uint64_t window, std::size_t read = 0) {
    RelayBook book(small);
    book.filled(read, 0); // Nobody is connected: `unsent` is left out.
    (void)book.greet();
    (void)book.welcome(answer({}, window, 300));
    return book;
}

} // namespace

TEST_CASE("a frame is no longer than unsent, credit and the host's limit", "[output]") {
    struct Row {
        std::size_t read;
        std::uint64_t window;
        std::uint64_t max_frame;
        std::size_t length;
    };
    const Row rows[] = {{100, 500, 300, 100}, {500, 200, 300, 200}, {500, 500, 300, 300},
                        {900, 900, 800, 400}, {500, 0, 300, 0},     {0, 500, 300, 0}};
    for (const Row& row : rows) {
        INFO(row.read << " read, window " << row.window << ", max_frame " << row.max_frame);
        RelayBook book(small);
        book.filled(row.read, 0);
        (void)book.greet();
        REQUIRE(book.welcome(answer({}, row.window, row.max_frame)).has_value());
        const std::optional<RelayBook::NextFrame> frame = book.next_frame(false);
        REQUIRE((frame ? frame->length : 0) == row.length);
    }
}

TEST_CASE("nothing is sent before the host's answer", "[output]") {
    RelayBook book(small);
    book.filled(10, 0);
    REQUIRE_FALSE(book.next_frame(false).has_value());
    REQUIRE_FALSE(book.sendable());
    (void)book.greet();
    REQUIRE_FALSE(book.next_frame(false).has_value());
    REQUIRE_FALSE(book.sendable());
}

TEST_CASE("a frame of its own packet leaves room for its header", "[output]") {
    RelayBook::Options options = small;
    options.overhead = 16;
    RelayBook book(options);
    book.filled(900, 0);
    (void)book.greet();
    REQUIRE(book.welcome(answer({}, 1000, 300)).has_value());
    REQUIRE(book.next_frame(false)->length == 284);
}

TEST_CASE("bytes that are owed are not sent yet", "[output]") {
    RelayBook book = streaming(1000);
    book.filled(200, 50);
    REQUIRE(book.owed() == 150);
    REQUIRE(book.next_frame(false)->length == 50);
    REQUIRE_FALSE(book.next_frame(false).has_value());
    book.filled(0, 150);
    REQUIRE(book.next_frame(false)->length == 150);
}

TEST_CASE("an acknowledgement releases and grants, once", "[output]") {
    RelayBook book = streaming(300, 500);
    (void)book.next_frame(false);
    REQUIRE_FALSE(book.next_frame(false).has_value());
    REQUIRE(book.acknowledge(200, {.window = 250}).value() == 200);
    REQUIRE(book.next_frame(false)->length == 150);
    REQUIRE(book.acknowledge(200, {.window = 250}).value() == 0);
    REQUIRE(book.acknowledge(100, {.window = 999}).value() == 0);
    REQUIRE(book.credit() == 0);
}

TEST_CASE("a window that is larger than a number can count is no end of the world", "[output]") {
    RelayBook book = streaming(UINT64_MAX, 500);
    (void)book.next_frame(false);
    REQUIRE(book.acknowledge(300, {.window = UINT64_MAX}).has_value());
    REQUIRE(book.next_frame(false)->length == 200);
}

TEST_CASE("an acknowledgement of what was not sent is refused", "[output]") {
    RelayBook book = streaming(300, 500);
    (void)book.next_frame(false);
    REQUIRE_FALSE(book.acknowledge(301, {.window = 300}).has_value());
    REQUIRE_FALSE(book.acknowledge(300, {.window = 300, .eos = true}).has_value());
    RelayBook early(small);
    REQUIRE_FALSE(early.acknowledge(0, {.window = 300}).has_value());
}

TEST_CASE("a connection resumes where the host is", "[output]") {
    struct Row {
        std::optional<std::uint64_t> resume;
        bool accepted;
        std::uint64_t from;
        std::size_t release;
    };
    // acked 200, read 500
    const Row rows[] = {
        {{}, true, 200, 0},    {200, true, 200, 0}, {350, true, 350, 150},
        {500, true, 500, 300}, {501, false, 0, 0},
    };
    for (const Row& row : rows) {
        INFO("resume " << row.resume.value_or(0));
        RelayBook book = streaming(1000, 500);
        (void)book.next_frame(false);
        REQUIRE(book.acknowledge(200, {.window = 1000}).has_value());
        (void)book.lost();
        REQUIRE(book.greet().oldest == 200);
        const auto replay = book.welcome(answer(row.resume));
        REQUIRE(replay.has_value() == row.accepted);
        if (!row.accepted) continue;
        REQUIRE(replay->release == row.release);
        REQUIRE_FALSE(replay->below_oldest);
        REQUIRE(book.offsets().acked == row.from);
        REQUIRE(book.unsent() == 500 - row.from);
    }
}

TEST_CASE("a host that has lost what it acknowledged is told so in band", "[output]") {
    RelayBook book = streaming(1000, 500);
    (void)book.next_frame(false);
    REQUIRE(book.acknowledge(200, {.window = 1000}).has_value());
    (void)book.lost();
    (void)book.greet();
    REQUIRE(book.welcome(answer(50))->below_oldest);
    const std::optional<RelayBook::NextFrame> gap = book.next_frame(false);
    REQUIRE(gap->what == What::gap);
    REQUIRE(gap->offset == 50);
    REQUIRE(gap->length == 150);
    REQUIRE(book.next_frame(false)->offset == 200);
    REQUIRE(book.losses().bytes() == 0); // They were there once.
    REQUIRE(book.acknowledge(200, {.window = 1000}).value() == 0);
}

TEST_CASE("a resume beyond the hello is refused although more was read since", "[output]") {
    RelayBook book(small);
    book.filled(100, 0);
    REQUIRE(book.greet().next == 100);
    book.filled(100, 0);
    REQUIRE_FALSE(book.welcome(answer(101)).has_value());
    REQUIRE(book.link() == RelayBook::Link::greeting);
}

TEST_CASE("a lost connection leaves no debt, and a replay is the same bytes again", "[output]") {
    RelayBook book = streaming(1000);
    book.filled(500, 100);
    REQUIRE(book.next_frame(false)->length == 100);
    REQUIRE(book.lost() == 400);
    REQUIRE(book.owed() == 0);
    REQUIRE(book.lagging());
    book.filled(50, 0);
    (void)book.greet();
    REQUIRE(book.welcome(answer({})).has_value());
    REQUIRE_FALSE(book.lagging());
    REQUIRE(book.unsent() == 550);
    REQUIRE(book.next_frame(false)->offset == 0);
}

TEST_CASE("a stream that had to leave unsent out fills it again once it is empty", "[output]") {
    RelayBook book = streaming(1000);
    book.filled(300, 100);
    REQUIRE(book.forgo() == 200);
    book.filled(50, 0);
    REQUIRE_FALSE(book.wants_refill());
    REQUIRE(book.next_frame(false)->length == 100);
    REQUIRE(book.wants_refill());
    REQUIRE(book.sendable());
    REQUIRE(book.refill() == 100);
    REQUIRE(book.unsent() == 250);
    const std::optional<RelayBook::NextFrame> next = book.next_frame(false);
    REQUIRE(next->offset == 100);
    REQUIRE(next->length == 250);
}

TEST_CASE("another version and a second welcome are refused", "[output]") {
    RelayBook book(small);
    (void)book.greet();
    proto::OutputWelcome newer = answer({});
    newer.version = 2;
    REQUIRE_FALSE(book.welcome(newer).has_value());
    REQUIRE(book.welcome(answer({})).has_value());
    REQUIRE_FALSE(book.welcome(answer({})).has_value());
}

TEST_CASE("the end is said after the last byte, once a connection, and without credit",
          "[output]") {
    RelayBook book = streaming(200, 200);
    book.end({.how = proto::EndOfStream::How::lingered});
    book.end({.how = proto::EndOfStream::How::closed});
    REQUIRE(book.ended()->how == proto::EndOfStream::How::lingered);
    REQUIRE(book.next_frame(false)->length == 200);
    const std::optional<RelayBook::NextFrame> end = book.next_frame(false);
    REQUIRE(end->what == What::end);
    REQUIRE(end->offset == 200);
    REQUIRE(end->ack_now);
    REQUIRE_FALSE(book.next_frame(false).has_value());
    (void)book.lost();
    (void)book.greet();
    REQUIRE(book.welcome(answer(200)).has_value());
    REQUIRE(book.next_frame(false)->what == What::end);
    REQUIRE_FALSE(book.finished());
    REQUIRE(book.acknowledge(200, {.window = 0, .eos = true}).has_value());
    REQUIRE(book.finished());
    book.announce_again();
    REQUIRE_FALSE(book.finished());
}

TEST_CASE("an acknowledgement is asked for when retention runs out", "[output]") {
    REQUIRE_FALSE(streaming(1000, 499).next_frame(false)->ack_now);
    REQUIRE(streaming(1000, 500).next_frame(false)->ack_now);
    REQUIRE(streaming(1000, 10).next_frame(true)->ack_now);
}
