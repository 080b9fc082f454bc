#include "agent/workload/notify_listener.hpp"

#include "agent/sys/datagram.hpp"

#include <boost/asio/post.hpp>
#include <fmt/format.h>

#include <chrono>
#include <utility>

#include <unistd.h>

namespace rouse::workload {

namespace {

constexpr std::size_t longest_message = 4096;

/// Tells the loop from another thread, which may do so after the listener is gone.
std::function<void()> cancels(const io::Executor& executor, const std::weak_ptr<io::Timer>& timer) {
    return [executor, timer] {
        io::asio::post(executor, [timer] {
            if (const std::shared_ptr<io::Timer> waiting = timer.lock()) waiting->cancel();
        });
    };
}

} // namespace

NotifyListener::NotifyListener(const io::Executor& executor)
    : socket_(executor), room_(std::make_shared<io::Timer>(executor)),
      tell_room_(cancels(executor, room_)) {}

sys::Result<> NotifyListener::open(const std::string& directory, uid_t allowed) {
    std::string name = directory + "/notify";
    sys::Result<sys::UniqueFd> bound = sys::error_from(ENOENT);
    if (!directory.empty()) bound = sys::bind_datagrams(name, allowed);
    if (!bound) {
        name = fmt::format("@rouse/{}/notify", ::getpid());
        bound = sys::bind_datagrams(name, allowed);
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
        while (!has_room()) {
            room_->expires_at(std::chrono::steady_clock::time_point::max());
            auto told = co_await room_->async_wait(io::no_throw);
            (void)told; // The next look finds out.
        }
        auto waited = co_await socket_.async_wait(io::Descriptor::wait_read, io::no_throw);
        const auto& [error] = waited;
        if (error) co_return;
        take_one(tell); // Just one: whoever says a lot does not keep the loop from others.
    }
}

void NotifyListener::take_one(const std::function<void(const NotifyMessage&)>& tell) {
    auto received = sys::receive_datagram(socket_.native_handle(), longest_message);
    // An error of one datagram is its sender's; the socket stays.
    if (!received || !*received) return;
    sys::Datagram& datagram = **received;
    for (sys::UniqueFd& descriptor : datagram.descriptors)
        close_aside(std::move(descriptor));
    if (datagram.uid == 0 || datagram.uid == allowed_) tell(parse_notify_message(datagram.text));
}

/// Without a single thread there is nobody to wait for: none could be started, and the next
/// descriptor tries that again.
bool NotifyListener::has_room() const {
    const sys::BlockingCalls::Counters closes = closes_.counters();
    return closes.queued < most_waiting || closes.threads == 0;
}

/// The last close(2) of a file waits for as long as its maker likes: a TCP socket lingers over what
/// it has not sent, a file of FUSE or NFS asks its server.
void NotifyListener::close_aside(sys::UniqueFd descriptor) {
    // What still waits when the program ends is for the kernel to close: that must not hold us up.
    (void)closes_.run([fd = descriptor.release(), tell = tell_room_] {
        const sys::UniqueFd closes(fd);
        return tell;
    });
}

} // namespace rouse::workload
