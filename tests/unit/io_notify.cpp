// How a notification goes out over vsock, as far as it can be seen without a VM.
#include "agent/io/notify.hpp"
#include "agent/sys/unique_fd.hpp"
#include "tests/support/run_until.hpp"

#include <boost/asio/co_spawn.hpp>
#include <catch2/catch_test_macros.hpp>

#include <cerrno>
#include <exception>
#include <optional>

#include <linux/vm_sockets.h>
#include <sys/socket.h>
#include <unistd.h>

using namespace rouse;
using namespace std::chrono_literals;

namespace {

constexpr unsigned nobodys_port = 999'999;

/// A connection to ourselves stays under way where the kernel has vsock, but no loopback for it.
bool stays_under_way() {
    const sys::UniqueFd fd(::socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    sockaddr_vm address{};
    address.svm_family = AF_VSOCK;
    address.svm_cid = VMADDR_CID_LOCAL;
    address.svm_port = nobodys_port;
    const auto* const name = reinterpret_cast<const sockaddr*>(&address);
    return fd.valid() && ::connect(fd.get(), name, sizeof address) != 0 && errno == EINPROGRESS;
}

/// The local port of the first vsock socket of this process.
std::optional<unsigned> vsock_port() {
    constexpr int enough = 1024;
    for (int fd = 0; fd < enough; ++fd) {
        sockaddr_vm address{};
        socklen_t size = sizeof address;
        auto* const name = reinterpret_cast<sockaddr*>(&address);
        if (::getsockname(fd, name, &size) == 0 && address.svm_family == AF_VSOCK)
            return address.svm_port;
    }
    return std::nullopt;
}

} // namespace

TEST_CASE("a VMM hears the agent from a port that only root can have", "[io][notify]") {
    if (::geteuid() != 0) SKIP("only root has a privileged port");
    if (!stays_under_way()) SKIP("there is no vsock connection to look at");
    boost::asio::io_context io;
    const proto::NotifyAddress address{.kind = proto::NotifyAddress::Kind::vsock_stream,
                                       .path = {},
                                       .cid = VMADDR_CID_LOCAL,
                                       .port = nobodys_port};
    boost::asio::co_spawn(io, io::notify(io.get_executor(), address, "READY=1", 1s),
                          [](const std::exception_ptr&, const sys::Result<>&) {});
    std::optional<unsigned> port;
    REQUIRE(test::run_until(io, [&] {
        if (!port) port = vsock_port();
        return port.has_value();
    }));
    CHECK(*port < 1000);
}
