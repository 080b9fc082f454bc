#include "agent/sys/vsock_cid.hpp"

#include "agent/sys/descriptor.hpp"

#include <fcntl.h>
#include <linux/vm_sockets.h>
#include <sys/ioctl.h>

namespace rouse::sys {

Result<std::uint32_t> local_cid(const std::string& device) {
    const Result<UniqueFd> fd = open_file(device, O_RDONLY);
    if (!fd) return fd.error();
    std::uint32_t cid = 0;
    if (::ioctl(fd->get(), IOCTL_VM_SOCKETS_GET_LOCAL_CID, &cid) < 0) return last_error();
    // Without a device the kernel answers with what stands for any.
    if (cid == VMADDR_CID_ANY) return error_from(ENODEV);
    return cid;
}

} // namespace rouse::sys
