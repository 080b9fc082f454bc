#include "tests/uml/exactly_once.hpp"

#include "tests/support/endpoint.hpp"
#include "tests/support/sequence.hpp"
#include "tests/support/wait.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <array>
#include <span>

namespace rouse::uml {

namespace json = boost::json;

namespace {

constexpr std::array<std::string_view, 2> streams{"stdout", "stderr"};

struct Gap {
    std::uint64_t offset = 0;
    std::uint64_t count = 0;
};

std::vector<Gap> gaps_of(const json::value& record) {
    std::vector<Gap> gaps;
    const json::value* list = record.get_object().if_contains("gaps");
    if (list == nullptr) return gaps;
    for (const json::value& gap : list->as_array())
        gaps.push_back(
            {.offset = test::number_at(gap, "/offset"), .count = test::number_at(gap, "/count")});
    return gaps;
}

std::uint64_t lost_bytes(const json::value& record) {
    std::uint64_t lost = 0;
    for (const Gap& gap : gaps_of(record))
        lost += gap.count;
    return lost;
}

/// Walks along the offsets of a stream and its bytes in the file, which has no gaps.
class Walk {
public:
    Walk(std::uint64_t stream, std::uint64_t start, std::string_view bytes)
        : stream_(stream), offset_(start), bytes_(bytes) {}

    /// Compares up to `offset`; what is wrong there.
    std::string compare_to(std::uint64_t offset) {
        if (offset < offset_) return fmt::format("offset {} comes after {}", offset, offset_);
        const std::uint64_t count = offset - offset_;
        if (count > bytes_.size()) return fmt::format("the file ends before offset {}", offset);
        const std::span<const char> piece(bytes_.data(), count);
        const std::size_t same = test::matching_sequence(stream_, offset_, piece);
        if (same != count) return fmt::format("the byte at {} is another", offset_ + same);
        bytes_.remove_prefix(count);
        offset_ = offset;
        return {};
    }
    void skip(std::uint64_t count) { offset_ += count; }

private:
    std::uint64_t stream_;
    std::uint64_t offset_;
    std::string_view bytes_;
};

} // namespace

std::uint64_t collected_end(const test::Collected& collected, const std::string& generation,
                            std::string_view stream) {
    // The record's `end` is that of its last change; the file says how far the bytes go.
    const json::value record = collected.record(generation, stream);
    if (record.get_object().empty()) return 0;
    return test::number_at(record, "/start") + lost_bytes(record) +
           collected.size(generation, stream);
}

std::uint64_t lost_bytes(const test::Collected& collected, const std::string& generation,
                         std::string_view stream) {
    return lost_bytes(collected.record(generation, stream));
}

std::string compare(const test::Collected& collected, const std::string& generation,
                    std::string_view stream) {
    json::value record;
    std::string bytes;
    do { // A gap that is recorded meanwhile would stand in the middle of these bytes.
        record = collected.record(generation, stream);
        bytes = collected.bytes(generation, stream);
    } while (lost_bytes(record) != lost_bytes(collected, generation, stream));
    const std::uint64_t start = test::number_at(record, "/start");
    Walk walk(stream == "stderr" ? 2 : 1, start, bytes);
    for (const Gap& gap : gaps_of(record)) {
        if (std::string wrong = walk.compare_to(gap.offset); !wrong.empty()) return wrong;
        walk.skip(gap.count);
    }
    return walk.compare_to(start + bytes.size() + lost_bytes(record));
}

void wait_growth(const test::Collected& collected, const std::string& generation,
                 std::uint64_t bytes, std::chrono::milliseconds limit) {
    std::array<std::uint64_t, 2> goal{};
    for (std::size_t i = 0; i < streams.size(); ++i)
        goal.at(i) = collected_end(collected, generation, streams.at(i)) + bytes;
    const auto grown = [&] {
        for (std::size_t i = 0; i < streams.size(); ++i)
            if (collected_end(collected, generation, streams.at(i)) < goal.at(i)) return false;
        return true;
    };
    const auto describe = [&] {
        return fmt::format("the output of {} did not reach {} and {}: {}, {}", generation, goal[0],
                           goal[1], collected_end(collected, generation, streams[0]),
                           collected_end(collected, generation, streams[1]));
    };
    test::wait_until(grown, describe, limit);
}

} // namespace rouse::uml
