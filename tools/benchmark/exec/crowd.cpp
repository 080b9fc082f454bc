#include "tools/benchmark/exec/crowd.hpp"

#include "initramfs/file.hpp"
#include "tools/benchmark/question.hpp"

#include <fmt/format.h>

#include <charconv>
#include <stdexcept>
#include <string>

namespace rouse::bench {

namespace {

double anonymous_kibibytes(pid_t pid) {
    const std::string status = initramfs::read_file(fmt::format("/proc/{}/status", pid));
    const auto at = status.find("RssAnon:");
    const auto digits = status.find_first_of("0123456789", at);
    double kibibytes = 0;
    if (at == std::string::npos || digits == std::string::npos)
        throw std::runtime_error("no RssAnon of the agent");
    std::from_chars(status.data() + digits, status.data() + status.size(), kibibytes);
    return kibibytes;
}

} // namespace

double memory_of_crowd(const std::filesystem::path& socket, pid_t pid, unsigned count) {
    const std::string target = "unix:" + socket.string();
    const double before = anonymous_kibibytes(pid);
    for (unsigned i = 0; i < count; ++i) {
        const auto answer = question(
            target,
            {.method = "POST",
             .path = "/v1/exec",
             .body = fmt::format(R"({{"argv":["sleep","600"],"id":"crowd-{}","detach":true}})", i),
             .upgrade = {}});
        if (answer.status != 202)
            throw std::runtime_error("session refused: " + host::describe_answer(answer));
    }
    const double grown = anonymous_kibibytes(pid) - before;
    for (unsigned i = 0; i < count; ++i)
        (void)question(target, {.method = "POST",
                                .path = fmt::format("/v1/sessions/crowd-{}/signal", i),
                                .body = R"({"signal":9})",
                                .upgrade = {}}); // one that has ended by itself is fine
    return grown / count;
}

} // namespace rouse::bench
