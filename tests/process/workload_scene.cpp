#include "tests/process/workload_scene.hpp"

#include "proto/chunked.hpp"
#include "tests/support/frames.hpp"

#include <boost/json.hpp>

#include <stdexcept>

namespace rouse::test {

using proto::FrameType;

std::vector<std::string> shell(const std::string& script) {
    return {"/bin/sh", "-c", script};
}

void await_state(const Agent& agent, std::string_view state, std::uint64_t run) {
    wait_status(agent.endpoint(), [&](const boost::json::value& status) {
        return text_at(status, "/workload/state") == state &&
               number_at(status, "/workload/run") == run;
    });
}

std::string events_of(const Agent& agent) {
    std::string text;
    proto::ChunkDecoder chunks;
    const auto fed = chunks.feed(ask(agent.endpoint(), "GET", "/v1/events").body, text);
    if (!fed) throw std::runtime_error("the events are not sent in chunks");
    return text;
}

std::string output_of(const Agent& agent, std::size_t bytes) {
    FrameConnection stream =
        FrameConnection::attach(agent.endpoint(), "main", R"({"control": false})");
    std::string said;
    while (said.size() < bytes) {
        const std::optional<proto::Frame> frame = stream.receive();
        if (!frame) throw std::runtime_error("the stream has ended after: " + said);
        if (frame->header.type == FrameType::data) said += frame->payload;
    }
    return said;
}

} // namespace rouse::test
