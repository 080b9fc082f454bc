#include "tests/process/live_host.hpp"

#include <chrono>

#include <sys/socket.h>

namespace rouse::test {

using namespace std::chrono_literals;

LiveHost::LiveHost(const AgentPlace& place, std::string generation)
    : guest_(place.endpoint()), host_(place.socket()), generation_(std::move(generation)),
      thread_([this] { run(); }) {}

LiveHost::~LiveHost() {
    stop_ = true;
    cut_link(); // nobody waits for its answer any more
    thread_.join();
}

void LiveHost::tell(std::string generation) {
    const std::lock_guard lock(mutex_);
    generation_ = std::move(generation);
}

void LiveHost::cut_link() {
    const std::lock_guard lock(mutex_);
    // The descriptor stays open, so that its number cannot mean another connection.
    if (link_ >= 0) (void)::shutdown(link_, SHUT_RDWR); // It may have ended already.
}

void LiveHost::run() {
    while (!stop_) {
        try {
            if (!host_.link_listener().stays_quiet(5ms)) serve_link();
            if (!host_.output_listener().stays_quiet(0ms)) serve_output();
            read_link();
        } catch (const std::runtime_error&) {
            drop_link(); // The agent dials again.
        }
    }
}

void LiveHost::serve_link() {
    drop_link();
    const proto::LinkHello hello = host_.accept_link();
    proto::RestoreDocument document;
    {
        const std::lock_guard lock(mutex_);
        link_ = host_.link().connection().descriptor();
        document.generation = generation_;
    }
    (void)host_.confirm(guest_, hello, std::move(document)); // The agent's events tell the report.
}

void LiveHost::serve_output() {
    OutputConnection output = host_.accept_output();
    std::erase_if(outputs_, [&](const OutputConnection& old) {
        return old.hello.stream == output.hello.stream;
    });
    ScriptedHost::welcome(output, endless_credit);
    outputs_.push_back(std::move(output));
}

void LiveHost::read_link() {
    if (link_ < 0) return;
    std::optional<proto::Frame> frame;
    try {
        frame = host_.link().receive(1ms);
    } catch (const std::runtime_error&) {
        return; // Nothing has come.
    }
    if (!frame) return drop_link();
    const bool asks = frame->header.type == proto::FrameType::ping;
    if (asks && !host_.link().answer_ping(*frame)) drop_link();
}

void LiveHost::drop_link() {
    const std::lock_guard lock(mutex_);
    if (std::exchange(link_, -1) >= 0) host_.link().connection().close();
}

} // namespace rouse::test
