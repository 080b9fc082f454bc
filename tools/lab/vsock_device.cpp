#include "tools/lab/vsock_device.hpp"

#include "initramfs/file.hpp"
#include "tools/lab/error.hpp"
#include "tools/lab/places.hpp"

#include <fmt/format.h>

namespace rouse::lab {

Process start_vsock_device(const MachineFiles& files, std::uint32_t cid, Deadline deadline) {
    fetch({"vsock"});
    std::error_code ignored; // nothing there is as good
    std::filesystem::remove(files.device_socket(), ignored);
    std::filesystem::remove(files.vsock_socket(), ignored);
    const auto log = files.directory / "vsock.log";
    Process daemon =
        Process::start({.argv = {vsock_daemon(), "--guest-cid", std::to_string(cid), "--socket",
                                 files.device_socket(), "--uds-path", files.vsock_socket()},
                        .log = log});
    while (!std::filesystem::exists(files.device_socket())) {
        if (deadline.expired() || daemon.status())
            throw LabError(
                fmt::format("the vsock daemon did not start: {}", initramfs::read_file(log)));
        wait_to_retry(deadline);
    }
    return daemon;
}

void await_vsock_driver(Qmp& control, Deadline deadline) {
    const std::string path = fmt::format("/machine/peripheral/{}/virtio-backend", vsock_device_id);
    while (!deadline.expired()) {
        const boost::json::value status =
            control.execute("x-query-virtio-status", {{"path", path}}, deadline);
        const boost::json::value* const started = status.as_object().if_contains("vhost-started");
        if (started != nullptr && *started == boost::json::value(true)) return;
        wait_to_retry(deadline);
    }
}

} // namespace rouse::lab
