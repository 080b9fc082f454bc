// What takes of a machine, its due or more: memory, time, and processes.
#include "tests/payload/verbs.hpp"

#include <cstddef>
#include <cstdio>

#include <sched.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

namespace rouse::payload {

int take_memory(Words words) {
    if (words.size() != 1) return unable;
    constexpr std::size_t page = 4096;
    const auto size = static_cast<std::size_t>(number(words[0]));
    void* const memory =
        mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return failed("mmap");
    // Only what is written is really there.
    auto* const bytes = static_cast<volatile char*>(memory);
    for (std::size_t at = 0; at < size; at += page)
        bytes[at] = 1;
    std::puts("taken");
    return std::fflush(stdout) == 0 ? 0 : failed("stdout");
}

int burn_cpu(Words words) {
    if (words.size() != 1) return unable;
    const auto wanted = static_cast<long>(number(words[0])) * 1000;
    rusage used{};
    volatile unsigned sink = 0;
    do {
        if (getrusage(RUSAGE_SELF, &used) != 0) return failed("getrusage");
        for (unsigned turn = 0; turn < 100'000; ++turn)
            sink = sink + turn;
    } while (used.ru_utime.tv_sec * 1'000'000 + used.ru_utime.tv_usec < wanted);
    return 0;
}

int limit_files(Words words) {
    if (words.size() != 2) return unable;
    rlimit limit{};
    limit.rlim_cur = limit.rlim_max = number(words[1]);
    const auto pid = static_cast<pid_t>(number(words[0]));
    return prlimit(pid, RLIMIT_NOFILE, &limit, nullptr) == 0 ? 0 : failed("prlimit");
}

int fork_bomb(Words words) {
    if (!words.empty()) return unable;
    for (;;)
        if (fork() < 0) (void)sched_yield(); // cannot fail; the next try comes at once
}

} // namespace rouse::payload
