#include "agent/sys/directory.hpp"

#include <cerrno>
#include <memory>
#include <string_view>

#include <dirent.h>

namespace rouse::sys {

namespace {

struct CloseDirectory {
    void operator()(DIR* directory) const { (void)::closedir(directory); } // It was only read.
};

} // namespace

Result<std::vector<std::string>> list_directory(const std::string& path) {
    const std::unique_ptr<DIR, CloseDirectory> directory(::opendir(path.c_str()));
    if (!directory) return last_error();
    std::vector<std::string> names;
    errno = 0;
    // The stream is ours alone, so that readdir(3) is safe.
    while (const dirent* const entry = ::readdir(directory.get())) {
        const std::string_view name(&entry->d_name[0]);
        if (name != "." && name != "..") names.emplace_back(name);
    }
    if (errno != 0) return last_error();
    return names;
}

} // namespace rouse::sys
