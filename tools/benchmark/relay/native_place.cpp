#include "initramfs/file.hpp"
#include "proto/limits.hpp"
#include "tools/benchmark/relay/place.hpp"
#include "tools/lab/places.hpp"
#include "tools/lab/relay.hpp"

#include <fmt/format.h>

#include <fcntl.h>

namespace rouse::bench {
namespace {

std::string at(const std::filesystem::path& path) {
    return "unix:" + path.string();
}

/// A connection to the agent's own socket, without the hybrid protocol.
AgentIntake::Connect connect_to(const std::filesystem::path& socket) {
    return [socket](lab::Deadline deadline) {
        for (;;) {
            if (auto connection = lab::connect_unix(socket)) {
                (void)fcntl(connection->get(), F_SETFL, 0); // cannot fail on a socket of ours
                return std::move(*connection);
            }
            if (deadline.expired()) throw std::runtime_error("the agent does not answer");
            lab::wait_to_retry(deadline);
        }
    };
}

} // namespace

NativePlace::NativePlace() : directory_(lab::Directory::temporary("bench")) {
    const std::string peer = lab::build_product("tools/rouse-bench-peer").string();
    const auto& path = directory_.path();
    const auto relay = [&](const char* kind, const char* number) {
        return std::vector<std::string>{peer, "relay", kind, at(path / "o") + number,
                                        at(path / "c") + number};
    };
    // The quotes are socat's: without them a colon would begin its next parameter.
    const auto socat = [&](std::vector<std::string> options, const char* number) {
        std::vector<std::string> argv{"socat", "-u"};
        argv.insert(argv.end(), options.begin(), options.end());
        argv.push_back(
            fmt::format(R"(EXEC:"{} produce {}{}",pipes)", peer, at(path / "c"), number));
        argv.push_back(fmt::format("UNIX-CONNECT:{}{}", (path / "o").string(), number));
        return argv;
    };
    add_agent(by_default);
    add_agent(by_copy);
    add_peer("bare splice loop", relay("splice", "1"), "1");
    add_peer("read+write loop", relay("copy", "2"), "2");
    add_peer("splice loop that keeps", relay("keep", "3"), "3");
    add_peer("socat", socat({}, "4"), "4");
    add_peer(long_packets, socat({"-b", "65536"}, "5"), "5");
}

void NativePlace::add_agent(const std::string& send) {
    const auto& path = directory_.path();
    const auto socket = path / fmt::format("{}.sock", send);
    const auto config = path / fmt::format("{}.json", send);
    const auto control = path / fmt::format("c{}", send);
    initramfs::write_file(config, agent_config(send, {}));
    const lab::Descriptor listener = listen_at(control);
    auto intake = std::make_unique<AgentIntake>(socket);
    std::vector<lab::Process> processes;
    processes.push_back(lab::Process::start(
        {.argv = {lab::build_product("agent/rouse").string(), "run", "--socket", socket.string(),
                  "--config", config.string(), "--",
                  lab::build_product("tools/rouse-bench-peer").string(), "produce", at(control)},
         .log = path / fmt::format("{}.log", send)}));
    const lab::Deadline deadline(start_limit);
    intake->greet(connect_to(socket), deadline);
    lanes_.emplace_back(Lane::Parts{.name = agent_name(send),
                                    .processes = std::move(processes),
                                    .intake = std::move(intake),
                                    .control = accept(listener, deadline)});
}

void NativePlace::add_peer(std::string name, const std::vector<std::string>& argv,
                           const std::string& number) {
    const auto& path = directory_.path();
    const lab::Descriptor output = listen_at(path / ("o" + number));
    const lab::Descriptor control = listen_at(path / ("c" + number));
    std::vector<lab::Process> processes;
    processes.push_back(
        lab::Process::start({.argv = argv, .log = path / fmt::format("{}.log", number)}));
    const lab::Deadline deadline(start_limit);
    lab::Descriptor connection = accept(output, deadline);
    lanes_.emplace_back(Lane::Parts{.name = std::move(name),
                                    .processes = std::move(processes),
                                    .intake = std::make_unique<PlainIntake>(std::move(connection)),
                                    .control = accept(control, deadline)});
}

} // namespace rouse::bench
