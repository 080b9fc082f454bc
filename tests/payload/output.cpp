#include "tests/payload/verbs.hpp"
#include "tests/support/sequence.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <span>

#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

namespace rouse::payload {
namespace {

constexpr std::size_t largest = 65536;

/// Small writes and large ones, page-aligned and not: a relay treats them differently.
std::size_t write_size(std::uint64_t turn) {
    const std::uint64_t random = test::sequence_word(0, turn);
    if (turn % 4 == 0) return 1 + random % 200;
    if (turn % 4 == 1) return 4096 * (1 + random % 4);
    return 1 + random % largest;
}

/// Writes all of it, or says why not.
int write_all(int descriptor, std::span<const char> bytes) {
    while (!bytes.empty()) {
        const ssize_t count = write(descriptor, bytes.data(), bytes.size());
        if (count < 0 && errno != EINTR) return failed("write");
        if (count > 0) bytes = bytes.subspan(static_cast<std::size_t>(count));
    }
    return 0;
}

/// Writes `size` bytes of the stream's sequence to descriptor `stream`.
int write_sequence(int stream, std::uint64_t size) {
    std::array<char, largest> buffer{};
    std::uint64_t offset = 0;
    for (std::uint64_t turn = 0; offset < size; ++turn) {
        const std::span<char> piece(buffer.data(),
                                    std::min<std::uint64_t>(write_size(turn), size - offset));
        test::fill_sequence(static_cast<std::uint64_t>(stream), offset, piece);
        if (const int result = write_all(stream, piece); result != 0) return result;
        offset += piece.size();
    }
    return 0;
}

} // namespace

int sequence(Words words) {
    unsigned long long out = 0;
    unsigned long long err = 0;
    for (; words.size() >= 2; words = words.subspan(2)) {
        if (words[0] == "stdout") out = number(words[1]);
        if (words[0] == "stderr") err = number(words[1]);
    }
    // Two processes: neither stream may wait for the other.
    const pid_t child = fork();
    if (child < 0) return failed("fork");
    if (child == 0) _exit(write_sequence(STDERR_FILENO, err));
    const int result = write_sequence(STDOUT_FILENO, out);
    int status = 0;
    if (waitpid(child, &status, 0) != child) return failed("waitpid");
    return result != 0 || status != 0 ? wrong : 0;
}

int sip(Words words) {
    if (words.size() != 2 || number(words[0]) > largest) return unable;
    std::array<char, largest> buffer{};
    for (;;) {
        (void)poll(nullptr, 0, static_cast<int>(number(words[1]))); // cannot fail: no descriptor
        const ssize_t count = read(STDIN_FILENO, buffer.data(), number(words[0]));
        if (count == 0) return 0;
        if (count < 0) return failed("read");
        const std::span<const char> piece(buffer.data(), static_cast<std::size_t>(count));
        if (const int result = write_all(STDOUT_FILENO, piece); result != 0) return result;
    }
}

int trickle(Words words) {
    const std::size_t burst = words.empty() ? 8192 : number(words[0]);
    const int pause_ms = words.size() < 2 ? 20 : static_cast<int>(number(words[1]));
    std::array<char, largest> buffer{};
    if (words.size() > 2 || burst > largest) return unable;
    const std::span<char> piece(buffer.data(), burst);
    for (std::uint64_t offset = 0;; offset += burst) {
        for (const int stream : {STDOUT_FILENO, STDERR_FILENO}) {
            test::fill_sequence(static_cast<std::uint64_t>(stream), offset, piece);
            if (const int result = write_all(stream, piece); result != 0) return result;
        }
        (void)poll(nullptr, 0, pause_ms); // cannot fail: no descriptor
    }
}

} // namespace rouse::payload
