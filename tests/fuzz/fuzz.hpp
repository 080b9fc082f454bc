#pragma once
// What every fuzz target needs. Each target is a program of libFuzzer
// (llvm.org/docs/LibFuzzer.html) that defines LLVMFuzzerTestOneInput; the sanitizers and require()
// decide what is a find.

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace rouse::fuzz {

/// A promise that does not hold is a find, like a fault.
inline void require(bool holds, const char* promise) {
    if (holds) return;
    (void)std::fprintf(stderr, "broken promise: %s\n", promise);
    std::abort();
}

/// The input as text.
inline std::string_view text_of(const std::uint8_t* data, std::size_t size) {
    return {reinterpret_cast<const char*>(data), size};
}

/// Takes numbers off the front of an input, which then decide how the rest is used.
class Choices {
public:
    explicit Choices(std::string_view input) : rest_(input) {}

    /// Below `count`; 0 when the input is used up.
    std::size_t below(std::size_t count) {
        if (rest_.empty()) return 0;
        const auto byte = static_cast<unsigned char>(rest_.front());
        rest_.remove_prefix(1);
        return byte % count;
    }
    [[nodiscard]] std::string_view rest() const { return rest_; }

private:
    std::string_view rest_;
};

} // namespace rouse::fuzz

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
