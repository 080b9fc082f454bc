#include "agent/restore/generation_file.hpp"

#include "agent/sys/descriptor.hpp"

#include <cstdio>

#include <fcntl.h>
#include <sys/stat.h>

namespace rouse::restore {

sys::Result<> write_generation_file(const std::string& generation, const std::string& path) {
    const std::string directory = path.substr(0, path.rfind('/'));
    if (::mkdir(directory.c_str(), 0755) != 0 && errno != EEXIST) return sys::last_error();
    const std::string fresh = path + ".new";
    sys::Result<sys::UniqueFd> file = sys::open_file(fresh, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    if (!file) return file.error();
    const std::string line = generation + "\n";
    const sys::Result<sys::Moved> written = sys::write_some(file->get(), line);
    if (!written) return written.error();
    if (written->bytes != line.size()) return sys::error_from(ENOSPC);
    if (std::rename(fresh.c_str(), path.c_str()) != 0) return sys::last_error();
    return {};
}

} // namespace rouse::restore
