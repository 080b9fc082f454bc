#include "tools/lab/virtiofs_device.hpp"

#include "initramfs/file.hpp"
#include "tools/lab/error.hpp"
#include "tools/lab/places.hpp"

#include <fmt/format.h>

namespace rouse::lab {

Process start_virtiofs_device(const MachineFiles& files, const Share& share, std::size_t index,
                              Deadline deadline) {
    fetch({"virtiofsd"});
    const auto socket = files.share_socket(index);
    std::error_code ignored; // nothing there is as good
    std::filesystem::remove(socket, ignored);
    const auto log = files.directory / fmt::format("share{}.log", index);
    Process daemon = Process::start(
        {.argv = {virtiofs_daemon(), fmt::format("--socket-path={}", socket.string()), "-o",
                  fmt::format("source={},cache=none,sandbox=chroot", share.directory.string())},
         .log = log});
    while (!std::filesystem::exists(socket)) {
        if (deadline.expired() || daemon.status())
            throw LabError(
                fmt::format("the virtiofs daemon did not start: {}", initramfs::read_file(log)));
        wait_to_retry(deadline);
    }
    return daemon;
}

} // namespace rouse::lab
