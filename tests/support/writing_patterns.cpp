#include "tests/support/writing_patterns.hpp"

#include "proto/frame.hpp"
#include "tests/support/sequence.hpp"

namespace rouse::test {
namespace {

std::string lines_text(std::size_t size) {
    std::string text(size, '\0');
    fill_lines(0, text);
    return text;
}

WritingPattern writes_of(std::string name, std::size_t size, std::size_t total) {
    return {.name = std::move(name),
            .words = {"writes", std::to_string(size), std::to_string(total)},
            .size = total,
            .text = sequence_text};
}

} // namespace

std::string sequence_text(std::size_t size) {
    std::string text(size, '\0');
    fill_sequence(proto::stream_id::out, 0, text);
    return text;
}

std::vector<WritingPattern> writing_patterns(const PatternAmounts& amounts) {
    const std::string total = std::to_string(amounts.total);
    // No byte of the sequence is text, there are no lines, and pages are hit and missed.
    return {writes_of("writes of 1 byte", 1, amounts.ones),
            writes_of("writes of 80 bytes", 80, amounts.total),
            writes_of("writes of 2 049 bytes", 2049, amounts.total),
            writes_of("writes of 1 MiB", std::size_t{1} << 20U, amounts.total),
            {.name = "lines of 80 bytes",
             .words = {"lines", total},
             .size = amounts.total,
             .text = lines_text},
            {.name = "a stdout that its workload made non-blocking",
             .words = {"nonblocking", total},
             .size = amounts.total,
             .text = sequence_text}};
}

} // namespace rouse::test
