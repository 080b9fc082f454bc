#include "agent/sys/machine.hpp"

#include "agent/sys/descriptor.hpp"

#include <algorithm>

#include <fcntl.h>
#include <linux/vm_sockets.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

namespace rouse::sys {

Result<> set_hostname(const std::string& name) {
    if (::sethostname(name.data(), name.size()) < 0) return last_error();
    return {};
}

std::string hostname() {
    utsname names{};
    (void)::uname(&names); // fails only for a bad address
    return names.nodename;
}

std::string kernel_release() {
    utsname names{};
    (void)::uname(&names); // fails only for a bad address
    return names.release;
}

std::string machine_architecture() {
    utsname names{};
    (void)::uname(&names); // fails only for a bad address
    return names.machine;
}

Result<std::uint64_t> raise_open_files(std::uint64_t wanted) {
    rlimit limit{.rlim_cur = wanted, .rlim_max = wanted};
    rlimit now{};
    if (::getrlimit(RLIMIT_NOFILE, &now) < 0) return last_error();
    limit.rlim_max = std::max(now.rlim_max, wanted);
    if (::setrlimit(RLIMIT_NOFILE, &limit) == 0) return wanted;
    limit = {.rlim_cur = std::min(now.rlim_max, wanted), .rlim_max = now.rlim_max};
    if (::setrlimit(RLIMIT_NOFILE, &limit) < 0) return last_error();
    return limit.rlim_cur;
}

Result<std::uint32_t> local_cid() {
    const Result<UniqueFd> device = open_file("/dev/vsock", O_RDONLY);
    if (!device) return device.error();
    std::uint32_t cid = VMADDR_CID_ANY;
    if (::ioctl(device->get(), IOCTL_VM_SOCKETS_GET_LOCAL_CID, &cid) < 0) return last_error();
    if (cid == VMADDR_CID_ANY) return error_from(ENODEV);
    return cid;
}

} // namespace rouse::sys
