#include "tests/payload/verbs.hpp"

#include <array>
#include <cstdio>
#include <string>

#include <dirent.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

namespace rouse::payload {
namespace {

std::string read_text(const std::string& path) {
    std::string text;
    const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (file < 0) return text;
    std::array<char, 8192> buffer{};
    for (ssize_t count = 1; count > 0;) {
        count = read(file, buffer.data(), buffer.size());
        if (count > 0) text.append(buffer.data(), static_cast<std::size_t>(count));
    }
    close(file);
    return text;
}

/// The rest of the line that begins with `name` and a colon, without blanks in front.
std::string field(const std::string& status, std::string_view name) {
    const auto at = status.find(std::string("\n") + std::string(name) + ":");
    if (at == std::string::npos) return {};
    const auto start = status.find_first_not_of(" \t", at + name.size() + 2);
    return status.substr(start, status.find('\n', start) - start);
}

std::string open_descriptors() {
    std::string numbers;
    DIR* descriptors = opendir("/proc/self/fd");
    if (descriptors == nullptr) return numbers;
    const std::string own = std::to_string(dirfd(descriptors));
    while (const dirent* entry = readdir(descriptors))
        if (entry->d_name[0] != '.' && own != entry->d_name)
            numbers += (numbers.empty() ? "" : " ") + std::string(entry->d_name);
    closedir(descriptors);
    return numbers;
}

} // namespace

int facts(Words words) {
    if (!words.empty()) return unable;
    const std::string status = read_text("/proc/self/status");
    for (const char* name : {"PPid", "Uid", "Gid", "Groups", "SigBlk", "SigIgn"})
        std::printf("%s=%s\n", name, field(status, name).c_str());
    const mode_t mask = umask(0);
    rlimit files{};
    (void)getrlimit(RLIMIT_NOFILE, &files); // cannot fail with these arguments
    std::array<char, 4096> directory{};
    std::printf("leads-session=%d\nleads-group=%d\numask=%03o\nnofile=%llu\ncwd=%s\n",
                getsid(0) == getpid() ? 1 : 0, getpgrp() == getpid() ? 1 : 0,
                static_cast<unsigned>(mask), static_cast<unsigned long long>(files.rlim_cur),
                getcwd(directory.data(), directory.size()));
    std::printf("oom_score_adj=%sdescriptors=%s\n", read_text("/proc/self/oom_score_adj").c_str(),
                open_descriptors().c_str());
    for (char** entry = environ; *entry != nullptr; ++entry)
        std::printf("env %s\n", *entry);
    return 0;
}

} // namespace rouse::payload
