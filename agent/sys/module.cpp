#include "agent/sys/module.hpp"

#include "agent/sys/descriptor.hpp"

#include <fcntl.h>
#include <linux/module.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace rouse::sys {

namespace {

int flags_for(const std::string& path) {
    const bool packed = path.ends_with(".gz") || path.ends_with(".xz") || path.ends_with(".zst");
    return packed ? MODULE_INIT_COMPRESSED_FILE : 0;
}

} // namespace

Result<ModuleOutcome> load_module(const std::string& path) {
    const Result<UniqueFd> file = open_file(path, O_RDONLY);
    if (!file) return file.error();
    if (::syscall(SYS_finit_module, file->get(), "", flags_for(path)) == 0)
        return ModuleOutcome::loaded;
    if (errno == EEXIST) return ModuleOutcome::was_loaded;
    return last_error();
}

} // namespace rouse::sys
