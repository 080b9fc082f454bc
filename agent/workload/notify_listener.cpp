#include "agent/workload/notify_listener.hpp"

#include "agent/sys/datagram.hpp"

#include <fmt/format.h>

#include <stdexcept>
#include <utility>

#include <unistd.h>

namespace rouse::workload {

namespace {

constexpr std::size_t longest_message = 4096;

} // namespace

sys::Result<> NotifyListener::open(const std::string& directory, uid_t allowed) {
    std::string name = directory + "/notify";
    sys::Result<sys::UniqueFd> bound = sys::error_from(ENOENT);
    if (!directory.empty()) bound = sys::bind_datagrams(name);
    if (!bound) {
        name = fmt::format("@rouse/{}/notify", ::getpid());
        bound = sys::bind_datagrams(name);
    }
    if (!bound) return bound.error();
    io::error_code error;
    socket_.assign(bound->get(), error);
    if (error) return error;
    (void)bound->release(); // The descriptor owns it now.
    name_ = std::move(name);
    allowed_ = allowed;
    return {};
}

io::Awaitable<> NotifyListener::run(std::function<void(const NotifyMessage&)> tell) {
    for (;;) {
        auto waited = co_await socket_.async_wait(io::Descriptor::wait_read, io::no_throw);
        const auto& [error] = waited;
        if (error) co_return;
        while (take_one(tell)) {
        }
    }
}

/// Whether there may be another one.
bool NotifyListener::take_one(const std::function<void(const NotifyMessage&)>& tell) {
    const auto received = sys::receive_datagram(socket_.native_handle(), longest_message);
    // An error of one datagram is its sender's; the socket stays.
    if (!received || !*received) return false;
    const sys::Datagram& datagram = **received;
    if (datagram.uid == 0 || datagram.uid == allowed_) tell(parse_notify_message(datagram.text));
    return true;
}

} // namespace rouse::workload
