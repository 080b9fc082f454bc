#include "agent/sys/module.hpp"

#include "agent/sys/descriptor.hpp"

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace rouse::sys {

Result<ModuleOutcome> load_module(const std::string& path) {
    const Result<UniqueFd> file = open_file(path, O_RDONLY);
    if (!file) return file.error();
    if (::syscall(SYS_finit_module, file->get(), "", 0) == 0) return ModuleOutcome::loaded;
    if (errno == EEXIST) return ModuleOutcome::was_loaded;
    return last_error();
}

} // namespace rouse::sys
