#include "agent/io/listener.hpp"

#include "agent/io/listening_socket.hpp"
#include "agent/io/peer.hpp"

#include <utility>

#include <sys/socket.h>
#include <unistd.h>

namespace rouse::io {

namespace {

constexpr std::chrono::milliseconds accept_pause{100};
constexpr std::chrono::seconds open_pause{1};
/// Connections that are accepted before others have their turn; a rebind wants all that can have
/// been queued, and more cannot (net.core.somaxconn is 4096).
constexpr int accepts_a_turn = 64;
constexpr int accepts_a_rebind = 4096;

/// Errors that belong to the connection that was about to be accepted, not to the listener.
bool concerns_one_connection(int number) {
    return number == EINTR || number == ECONNABORTED || number == ECONNRESET ||
           number == ENOTCONN || number == EPROTO || number == EPIPE;
}

/// Counts a connection that a rebind found in the queue; returns whether it lives.
bool note_queued(int fd, RebindOutcome& rebind) {
    const bool alive = is_alive(fd);
    ++(alive ? rebind.served : rebind.dropped);
    return alive;
}

} // namespace

Listener::Listener(Executor executor, Address address)
    : executor_(std::move(executor)), address_(std::move(address)) {}

Listener::~Listener() {
    close();
}

void Listener::set_on_accept(std::function<void(Socket)> on_accept) {
    on_accept_ = std::move(on_accept);
}

void Listener::set_on_refuse(
    std::function<void(const std::string&, const std::string&)> on_refuse) {
    on_refuse_ = std::move(on_refuse);
}

void Listener::set_limit(std::size_t limit, std::function<std::size_t()> open,
                         std::string farewell) {
    limit_ = limit;
    open_ = std::move(open);
    farewell_ = std::move(farewell);
}

sys::Result<> Listener::open() {
    sys::Result<sys::UniqueFd> fd = make_listening_socket(address_);
    if (!fd) return fd.error();
    descriptor_.emplace(executor_);
    error_code assigned;
    descriptor_->assign(fd->get(), assigned);
    if (assigned) {
        descriptor_.reset();
        return assigned;
    }
    (void)fd->release(); // The descriptor owns it now.
    wanted_ = true;
    return {};
}

void Listener::close() {
    wanted_ = false;
    give_up();
}

/// What was bound is gone; whether it is to come back is another matter.
void Listener::give_up() {
    if (!descriptor_) return;
    descriptor_.reset();
    // The file is ours as long as we listen; an error leaves it to the next one who binds.
    if (const auto* path = std::get_if<UnixAddress>(&address_)) (void)::unlink(path->path.c_str());
}

bool Listener::listening() const {
    int answer = 0;
    socklen_t size = sizeof answer;
    if (!descriptor_) return false;
    // native_handle() is not const, since it hands out the descriptor; here it is only asked.
    const int fd = const_cast<Descriptor&>(*descriptor_).native_handle();
    return ::getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &answer, &size) == 0 && answer == 1;
}

Awaitable<> Listener::run() {
    while (wanted_) {
        if (!descriptor_) { // A rebind could not open it anew.
            Timer pause(executor_, open_pause);
            (void)co_await pause.async_wait(no_throw);
            if (wanted_ && !descriptor_ && !open()) ++counters_.errors;
            continue;
        }
        auto waited = co_await descriptor_->async_wait(Descriptor::wait_read, no_throw);
        const auto& [error] = waited;
        // rebind() cancels the wait to arm it anew, on a new descriptor perhaps. If it is this
        // coroutine that was cancelled, the next wait throws.
        if (error == asio::error::operation_aborted) continue;
        if (!descriptor_ || accept_all(nullptr) == Queue::emptied) continue;
        ++counters_.errors;
        Timer pause(executor_, accept_pause);
        (void)co_await pause.async_wait(no_throw);
    }
}

Listener::Queue Listener::accept_all(RebindOutcome* rebind) {
    // What is left after a turn makes the next wait end at once.
    for (int left = rebind == nullptr ? accepts_a_turn : accepts_a_rebind; descriptor_ && left > 0;
         --left) {
        SocketAddress peer;
        peer.size = sizeof peer.storage;
        sys::UniqueFd fd(::accept4(descriptor_->native_handle(),
                                   reinterpret_cast<sockaddr*>(&peer.storage), &peer.size,
                                   SOCK_NONBLOCK | SOCK_CLOEXEC));
        if (!fd.valid()) {
            if (errno == EAGAIN) return Queue::emptied;
            if (concerns_one_connection(errno)) continue;
            return Queue::failing;
        }
        if (rebind == nullptr || note_queued(fd.get(), *rebind)) admit(std::move(fd), peer);
    }
    return Queue::emptied;
}

void Listener::admit(sys::UniqueFd fd, const SocketAddress& peer) {
    const bool served = is_served(fd.get(), peer);
    if (!served || (limit_ != 0 && open_ && open_() >= limit_)) {
        ++(served ? counters_.over_limit : counters_.refused);
        // It may be gone already; and nobody waits for one who does not take a few bytes at once.
        if (served)
            (void)::send(fd.get(), farewell_.data(), farewell_.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
        if (on_refuse_)
            on_refuse_(describe_peer(fd.get(), peer),
                       served ? "too many connections" : "not the host");
        return;
    }
    Socket socket(executor_);
    error_code assigned;
    socket.assign(asio::generic::stream_protocol(peer.family(), 0), fd.get(), assigned);
    if (assigned) {
        ++counters_.errors;
        return;
    }
    (void)fd.release(); // The socket owns it now.
    ++counters_.accepted;
    if (on_accept_) on_accept_(std::move(socket));
}

RebindOutcome Listener::rebind() {
    RebindOutcome outcome;
    if (!wanted_) {
        outcome.error = sys::error_from(EBADF);
        return outcome;
    }
    // When the accept fails for want of descriptors, run() goes on after its pause.
    if (listening()) (void)accept_all(&outcome);
    outcome.listening = listening();
    if (outcome.listening) {
        descriptor_->cancel();
        return outcome;
    }
    give_up();
    const sys::Result<> opened = open();
    if (!opened) outcome.error = opened.error();
    outcome.recreated = opened.has_value();
    outcome.listening = listening();
    return outcome;
}

} // namespace rouse::io
