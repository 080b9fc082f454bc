// spawn COUNT: the least that running a command can cost.
#include "tools/benchmark/peer/verbs.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <vector>

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

namespace rouse::bench_peer {

int spawn(Words words) {
    std::size_t count = 0;
    if (words.size() != 1 ||
        std::from_chars(words[0].data(), words[0].data() + words[0].size(), count).ec !=
            std::errc() ||
        count == 0) {
        errno = EINVAL;
        return failed("spawn COUNT");
    }
    using Clock = std::chrono::steady_clock;
    std::array<char, 10> path{"/bin/true"};
    std::array<char*, 2> argv{path.data(), nullptr};
    std::vector<double> times;
    for (std::size_t i = 0; i < count; ++i) {
        const auto start = Clock::now();
        pid_t pid = 0;
        int status = 0;
        errno = posix_spawn(&pid, path.data(), nullptr, nullptr, argv.data(), environ);
        if (errno != 0 || waitpid(pid, &status, 0) != pid) return failed(path.data());
        times.push_back(std::chrono::duration<double, std::micro>(Clock::now() - start).count());
    }
    std::ranges::nth_element(times, times.begin() + static_cast<std::ptrdiff_t>(count / 2));
    std::printf("%f\n", times[count / 2]);
    return 0;
}

} // namespace rouse::bench_peer
