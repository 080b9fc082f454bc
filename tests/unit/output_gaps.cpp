// Losses and where they are: the list of gaps, the record of losses, and the book with both, in
// every order of events.
#include "agent/output/relay_book.hpp"

#include <catch2/catch_test_macros.hpp>
#include <fmt/format.h>

#include <deque>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

using namespace rouse;
using namespace std::chrono_literals;

using output::GapList;
using output::Loss;
using output::LossReason;
using output::LossRecord;
using output::RelayBook;

using What = RelayBook::NextFrame::What;

TEST_CASE("a gap that continues the last one is the same gap", "[output]") {
    GapList gaps;
    gaps.append(10, 5);
    gaps.append(15, 5);
    gaps.append(30, 1);
    REQUIRE(gaps.size() == 2);
    REQUIRE(gaps.at(12) == output::Gap{12, 8});
    REQUIRE_FALSE(gaps.at(20));
    REQUIRE(gaps.next_after(12, 99) == 30);
    REQUIRE(gaps.next_after(30, 99) == 99);
    REQUIRE(gaps.missing(0, 100) == 11);
    REQUIRE(gaps.missing(12, 30) == 8);
}

TEST_CASE("what is forgotten is cut off the first gap", "[output]") {
    GapList gaps;
    gaps.append(10, 10);
    gaps.append(40, 10);
    gaps.forget_before(15);
    REQUIRE(gaps.nth(0) == output::Gap{15, 5});
    gaps.forget_before(20);
    REQUIRE(gaps.size() == 1);
    gaps.prepend(30, 10);
    REQUIRE(gaps.nth(0) == output::Gap{30, 20});
}

TEST_CASE("the oldest bytes are swallowed together with the gaps among them", "[output]") {
    struct Row {
        std::uint64_t bytes;
        output::Gap front;
        std::size_t left;
    };
    // Oldest 5; missing [10, 20) and [30, 40).
    const Row rows[] = {{1, {5, 1}, 3},   {4, {5, 4}, 3},   {5, {5, 15}, 2},  {6, {5, 16}, 2},
                        {14, {5, 24}, 2}, {15, {5, 35}, 1}, {25, {5, 45}, 1}, {0, {5, 0}, 2}};
    for (const Row& row : rows) {
        INFO(row.bytes);
        GapList gaps;
        gaps.append(10, 10);
        gaps.append(30, 10);
        REQUIRE(gaps.swallow(5, row.bytes) == row.front);
        REQUIRE(gaps.size() == row.left);
    }
}

TEST_CASE("losses that follow each other are one episode, and the counts add up", "[output]") {
    LossRecord losses;
    losses.lose(10, 5, LossReason::stalled);
    losses.lose(15, 5, LossReason::stalled);
    REQUIRE_FALSE(losses.take());
    losses.lose(0, 3, LossReason::nobody);
    REQUIRE(losses.take() == Loss{10, 10, LossReason::stalled});
    losses.close();
    REQUIRE(losses.take() == Loss{0, 3, LossReason::nobody});
    losses.close();
    REQUIRE_FALSE(losses.take());
    REQUIRE(losses.bytes() == 13);
    REQUIRE(losses.episodes() == 2);
}

namespace {

/// A book together with the pipes as they would be: each byte is its offset. Every step checks what
/// has to hold after it.
class Model {
public:
    Model() : book_({.retention = 8, .largest_frame = 3, .write_timeout = 1ms}) {}

    using Step = void (Model::*)();
    static const std::vector<Step>& steps() {
        static const std::vector<Step> all = {
            &Model::take_one,    &Model::take_three,  &Model::lose_newest,
            &Model::lose_oldest, &Model::connect,     &Model::disconnect,
            &Model::send,        &Model::acknowledge, &Model::forgo};
        return all;
    }

    void step(std::size_t event) {
        (this->*steps().at(event))();
        check();
    }

    /// What the host has in the end has to be everything, or marked.
    void finish() {
        disconnect();
        book_.end({});
        connect();
        while (send_one()) {
        }
        require(said_end_, "the end was not said");
        require(expected_ == book_.offsets().read, "bytes are missing at the end");
    }

private:
    void take(std::uint64_t bytes) {
        for (std::uint64_t i = 0; i < bytes; ++i)
            kept_.push_back(book_.offsets().read + i);
        if (book_.lagging()) return book_.filled(bytes, 0);
        for (std::uint64_t i = 0; i < bytes; ++i)
            owed_.push_back(book_.offsets().read + i);
        // All but one byte get through: the rest is owed.
        std::size_t moved = 0;
        for (; owed_.size() > 1; ++moved) {
            unsent_.push_back(owed_.front());
            owed_.pop_front();
        }
        book_.filled(bytes, moved);
    }
    void take_one() { take(1); }
    void take_three() { take(3); }
    void forgo() {
        require(book_.forgo() == owed_.size(), "owed bytes are forgone");
        owed_.clear();
    }
    void lose_newest() {
        if (book_.link() != RelayBook::Link::streaming) return;
        forgo();
        book_.drop_newest(2);
    }
    void lose_oldest() {
        if (book_.link() == RelayBook::Link::streaming || kept_.size() < 2) return;
        kept_.erase(kept_.begin(), kept_.begin() + 2);
        book_.drop_oldest(2);
    }
    void connect() {
        if (book_.link() == RelayBook::Link::streaming) return;
        (void)book_.greet();
        const auto replay = book_.welcome({.version = 1, .resume = expected_, .window = 1000});
        require(replay.has_value(), "welcome");
        release(replay->release);
        unsent_ = kept_;
        said_end_ = false;
    }
    void disconnect() {
        require(book_.lost() == owed_.size(), "owed bytes are dropped");
        owed_.clear();
        unsent_.clear();
    }
    void send() { (void)send_one(); }
    bool send_one() {
        if (book_.wants_refill()) {
            const std::size_t skip = book_.refill();
            unsent_.assign(kept_.begin() + static_cast<std::ptrdiff_t>(skip), kept_.end());
        }
        const bool sendable = book_.sendable();
        const auto frame = book_.next_frame(false);
        require(sendable == frame.has_value(), "sendable");
        if (!frame) return false;
        require(frame->offset == expected_, "a frame begins where the one before ended");
        expected_ += frame->length;
        if (frame->what == What::end) said_end_ = true;
        if (frame->what != What::data) return true;
        for (std::uint64_t i = 0; i < frame->length; ++i) {
            require(!unsent_.empty() && unsent_.front() == frame->offset + i,
                    "the bytes of a frame");
            unsent_.pop_front();
        }
        return true;
    }
    void release(std::size_t bytes) {
        require(bytes <= kept_.size(), "more is released than kept");
        kept_.erase(kept_.begin(), kept_.begin() + static_cast<std::ptrdiff_t>(bytes));
    }
    void acknowledge() {
        if (book_.link() != RelayBook::Link::streaming) return;
        const std::uint64_t half = (book_.offsets().acked + expected_ + 1) / 2;
        const auto released = book_.acknowledge(half, {.window = 1000});
        require(released.has_value(), "acknowledge");
        release(*released);
    }

    void check() const {
        const RelayBook::Offsets& at = book_.offsets();
        require(book_.kept() == kept_.size(), "kept");
        require(book_.unsent() == unsent_.size(), "unsent");
        require(book_.owed() == owed_.size(), "owed");
        require(at.acked <= at.read, "acked is beyond read");
        require(kept_.empty() || kept_.front() >= at.acked, "kept begins before acked");
        require(book_.gaps() <= RelayBook::most_gaps, "gaps");
    }
    static void require(bool holds, const char* what) {
        if (!holds) throw std::runtime_error(what);
    }

    RelayBook book_;
    std::deque<std::uint64_t> kept_;
    std::deque<std::uint64_t> unsent_;
    std::deque<std::uint64_t> owed_;
    std::uint64_t expected_ = 0; ///< of the host
    bool said_end_ = false;
};

void play(const std::vector<std::size_t>& events) {
    Model model;
    std::string said;
    try {
        for (const std::size_t event : events)
            model.step(event);
        model.finish();
    } catch (const std::exception& problem) {
        for (const std::size_t event : events)
            said += fmt::format("{} ", event);
        FAIL("events " << said << ": " << problem.what());
    }
}

} // namespace

TEST_CASE("in every order of five events what the host has is what was written, or marked",
          "[output]") {
    constexpr unsigned length = 5;
    std::size_t orders = 1;
    for (unsigned i = 0; i < length; ++i)
        orders *= Model::steps().size();
    std::vector<std::size_t> events(length);
    for (std::size_t order = 0; order < orders; ++order) {
        std::size_t rest = order;
        for (std::size_t& event : events) {
            event = rest % Model::steps().size();
            rest /= Model::steps().size();
        }
        play(events);
    }
}

TEST_CASE("in long random orders of events the same holds", "[output]") {
    std::mt19937_64 random(1);
    for (int run = 0; run < 2000; ++run) {
        std::vector<std::size_t> events(100);
        for (std::size_t& event : events)
            event = random() % Model::steps().size();
        play(events);
    }
}

TEST_CASE("a gap that grows is said once, when it has ended", "[output]") {
    RelayBook book({.retention = 1000, .largest_frame = 400, .write_timeout = 1s});
    (void)book.greet();
    REQUIRE(book.welcome({.version = 1, .resume = {}, .window = 5000}).has_value());
    book.filled(400, 400);
    REQUIRE(book.next_frame(false)->length == 400);
    const RelayBook::Clock::time_point now{100s};
    book.full(now);
    REQUIRE(book.late(now + 1s));
    book.drop_newest(50);
    REQUIRE_FALSE(book.next_frame(false));
    book.drop_newest(50);
    REQUIRE_FALSE(book.sendable());
    REQUIRE_FALSE(book.take_loss());
    REQUIRE(book.acknowledge(400, {.window = 5000}).value() == 400);
    REQUIRE_FALSE(book.dropping());
    const auto gap = book.next_frame(false);
    REQUIRE(gap->what == What::gap);
    REQUIRE(gap->offset == 400);
    REQUIRE(gap->length == 100);
    REQUIRE(book.take_loss() == Loss{400, 100, LossReason::stalled});
    REQUIRE(book.acknowledge(500, {.window = 5000}).value() == 0);
    REQUIRE(book.gaps() == 0);
}

TEST_CASE("however often a host comes and goes, the gaps that are remembered are bounded",
          "[output]") {
    RelayBook book({.retention = 1 << 20, .largest_frame = 400, .write_timeout = 1s});
    for (int turn = 0; turn < 500; ++turn) {
        (void)book.greet();
        REQUIRE(book.welcome({.version = 1, .resume = {}, .window = 5000}).has_value());
        (void)book.forgo();
        book.drop_newest(10);
        (void)book.lost();
        if (const std::size_t surplus = book.surplus(); surplus > 0) book.drop_oldest(surplus);
        book.filled(7, 0);
        REQUIRE(book.gaps() <= RelayBook::most_gaps);
    }
    REQUIRE(book.kept() + book.losses().bytes() == book.offsets().read);
}
