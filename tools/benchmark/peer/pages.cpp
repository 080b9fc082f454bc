// The pages of our parent that were written to. Source: Linux,
// Documentation/admin-guide/mm/soft-dirty.rst and pagemap.rst.
#include "tools/benchmark/peer/verbs.hpp"

#include <array>
#include <charconv>
#include <cstdio>
#include <string>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

namespace rouse::bench_peer {
namespace {

constexpr std::uint64_t soft_dirty = std::uint64_t{1} << 55U;

std::string file_of_parent(const char* name) {
    return "/proc/" + std::to_string(getppid()) + "/" + name;
}

/// How many pages from `begin` to `end` are marked.
std::uint64_t count_dirty(int pagemap, std::uint64_t begin, std::uint64_t end) {
    const auto page = static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
    std::vector<std::uint64_t> entries((end - begin) / page);
    const auto size = entries.size() * sizeof(std::uint64_t);
    const auto at = static_cast<off_t>(begin / page * sizeof(std::uint64_t));
    const ssize_t got = pread(pagemap, entries.data(), size, at);
    entries.resize(got < 0 ? 0 : static_cast<std::size_t>(got) / sizeof(std::uint64_t));
    std::uint64_t count = 0;
    for (const std::uint64_t entry : entries)
        if ((entry & soft_dirty) != 0) ++count;
    return count;
}

} // namespace

bool clean_pages() {
    const int file = open(file_of_parent("clear_refs").c_str(), O_WRONLY | O_CLOEXEC);
    const bool done = file >= 0 && write(file, "4", 1) == 1;
    if (file >= 0) close(file);
    return done;
}

std::uint64_t dirty_pages() {
    const int pagemap = open(file_of_parent("pagemap").c_str(), O_RDONLY | O_CLOEXEC);
    std::FILE* const maps = std::fopen(file_of_parent("maps").c_str(), "re");
    std::uint64_t count = 0;
    std::array<char, 4096> line{};
    while (pagemap >= 0 && maps != nullptr &&
           std::fgets(line.data(), line.size(), maps) != nullptr) {
        std::uint64_t begin = 0;
        std::uint64_t end = 0;
        const char* const last = line.data() + line.size();
        const auto first = std::from_chars(line.data(), last, begin, 16); // "begin-end rwxp …"
        if (first.ec != std::errc() || *first.ptr != '-') continue;
        const auto second = std::from_chars(first.ptr + 1, last, end, 16);
        if (second.ec == std::errc() && second.ptr + 2 < last && second.ptr[2] == 'w')
            count += count_dirty(pagemap, begin, end);
    }
    if (maps != nullptr) (void)std::fclose(maps); // it was only read
    if (pagemap >= 0) close(pagemap);
    return count;
}

} // namespace rouse::bench_peer
