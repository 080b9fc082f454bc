#pragma once
// The link: one control connection that the guest dials to the host. Small frames only. It is also
// the canary: when it ends, however it ends, everything else is suspect.

#include "agent/io/connect.hpp"
#include "agent/io/connection_registry.hpp"
#include "agent/io/frame_stream.hpp"
#include "agent/io/task_group.hpp"
#include "agent/restore/event_queue.hpp"

namespace rouse::restore {

/// What happens on a link; `number` is the one that dial() was given. Nothing is heard any more of
/// a link that was closed or replaced.
struct LinkHooks {
    std::function<void(std::uint64_t number)> up;
    std::function<void(std::uint64_t number, std::string why)> failed;
    std::function<void(std::uint64_t number, proto::LinkHelloAck ack)> acknowledged;
    std::function<void(std::uint64_t number, std::string why)> lost;
    std::function<void(std::uint64_t number)> verified; ///< the host has answered verify()
    std::function<void(std::string text)> log;
};

/// One thread. Answers PING by itself, and lets the host acknowledge events.
class Link {
public:
    /// Borrows the group and the registry; they outlive the link's coroutines.
    Link(io::Executor executor, io::TaskGroup& tasks, io::ConnectionRegistry& registry,
         LinkHooks hooks);

    /// Closes what there is and dials anew. Ends in hooks.up or hooks.failed.
    void dial(std::uint64_t number, io::Address address);
    /// Closes silently.
    void close();

    /// Asks the host whether it is there. Ends in hooks.verified, or in nothing.
    void verify();

    /// Sends a control frame. Without a link it is dropped: whoever sends it has no other use for
    /// it than this link.
    void send(proto::FrameType type, const boost::json::value& payload);

    /// Numbers an event and keeps it until the host acknowledges it.
    void publish(std::string type, boost::json::object body);
    /// From here on events go over this link: first everything that is not acknowledged. Not before
    /// the host has answered the hello.
    void send_events();
    /// Waits until the host has acknowledged every event; says whether it did before the deadline.
    io::Awaitable<bool> events_acknowledged(std::chrono::milliseconds deadline);

    [[nodiscard]] const EventQueue& events() const { return events_; }
    [[nodiscard]] bool connected() const { return connection_ != nullptr; }

private:
    struct Connection;

    io::Awaitable<> run(std::uint64_t number, io::Address address);
    io::Awaitable<> doubt(std::uint64_t number);
    io::Awaitable<std::string> read_until_end(Connection& connection);
    io::Awaitable<> all_acknowledged();
    /// Nothing, or why the link cannot go on.
    std::optional<std::string> take(Connection& connection, proto::Frame frame);

    io::Executor executor_;
    io::TaskGroup& tasks_;
    io::ConnectionRegistry& registry_;
    LinkHooks hooks_;
    EventQueue events_;
    io::Timer acknowledged_;           ///< cancelled when the queue becomes empty
    Connection* connection_ = nullptr; ///< lives in the frame of run()
    std::uint64_t number_ = 0;         ///< of the newest dial; 0 after close()
};

} // namespace rouse::restore
