#pragma once
// Ways in which a workload writes to stdout, each with the bytes that have to arrive then. The
// process tests play them one by one; in a guest one workload plays them one after the other.

#include <cstddef>
#include <string>
#include <vector>

namespace rouse::test {

struct WritingPattern {
    std::string name;
    std::vector<std::string> words;   ///< for rouse-payload
    std::size_t size;                 ///< bytes on stdout
    std::string (*text)(std::size_t); ///< the first so many of them
};

/// How much is written.
struct PatternAmounts {
    std::size_t ones;  ///< bytes, where each is a write of its own
    std::size_t total; ///< bytes of each other pattern
};

/// The last one leaves stdout non-blocking for whoever shares it.
[[nodiscard]] std::vector<WritingPattern> writing_patterns(const PatternAmounts& amounts);

/// The first `size` bytes of stdout's sequence.
[[nodiscard]] std::string sequence_text(std::size_t size);

} // namespace rouse::test
