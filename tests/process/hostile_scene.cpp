#include "tests/process/hostile_scene.hpp"

#include "proto/limits.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <stdexcept>
#include <utility>

namespace rouse::test {
namespace {

/// The longest that a witness waits, its slowest hundredth aside: who waits for somebody hostile
/// waits for a deadline of the agent's, and this is the shortest. A machine that is busy with other
/// things makes a command wait for seconds, too.
constexpr std::chrono::milliseconds witness_limit = proto::limits::header_read;
/// Samples that show that a witness is served.
constexpr std::size_t enough_samples = 5;

proto::ExecRequest echo_request() {
    proto::ExecRequest request;
    request.command.argv = {"cat"};
    return request;
}

} // namespace

HostileScene::HostileScene(Environment environment)
    : agent_(place_, payload({"tell-signals"}), {}, std::move(environment)),
      echo_(FrameConnection::exec(agent_.endpoint(), echo_request())), http_(agent_.endpoint()),
      commands_(agent_.endpoint(), payload({}).front()) {
    // What an agent opens once and keeps is open after this.
    (void)ask(endpoint(), "GET", fmt::format("/v1/files?stat=1&path={}", folder().string()));
    (void)exec(endpoint(), {"true"});
    for (const Witness& witness : witnesses())
        witness.prober.start();
}

HostileScene::~HostileScene() {
    for (const Witness& witness : witnesses())
        witness.prober.stop();
}

std::vector<HostileScene::Witness> HostileScene::witnesses() {
    return {{"the stream that echoes", echo_},
            {"the connection that stays", http_},
            {"commands", commands_}};
}

std::vector<std::string>
HostileScene::survive(const std::function<std::vector<std::string>()>& attack) {
    await_witnesses();
    // A connection that we have just closed may be counted still.
    const std::size_t before = std::min({descriptors(), descriptors(), descriptors()});
    for (const Witness& witness : witnesses())
        witness.prober.clear();
    std::vector<std::string> found = attack();
    await_witnesses();
    for (const auto& [name, prober] : witnesses())
        if (const auto waited = prober.p99(); waited > witness_limit)
            found.push_back(fmt::format("{} waited for {} us", name, waited.count()));
    await_descriptors(before);
    return found;
}

/// Returns when each of them has been served again.
void HostileScene::await_witnesses() {
    for (const auto& [name, prober] : witnesses()) {
        const std::size_t wanted = prober.samples() + enough_samples;
        const auto served = [&prober = prober, wanted] {
            prober.check();
            return prober.samples() >= wanted;
        };
        try {
            wait_until(
                served, [] { return "it is not served"; }, patience);
        } catch (const std::runtime_error& problem) {
            throw std::runtime_error(fmt::format("{}: {}; the agent said: {}", name, problem.what(),
                                                 agent_.command().error()));
        }
    }
}

std::size_t HostileScene::descriptors() {
    const std::filesystem::path folder =
        fmt::format("/proc/{}/fd", agent_.command().process().pid());
    commands_.freeze();
    // The last command of the witness may still be on its way out.
    wait_status(endpoint(), [](const boost::json::value& status) {
        return number_at(status, "/exec/running") == 1;
    });
    const auto count = std::distance(std::filesystem::directory_iterator(folder), {});
    commands_.thaw();
    return static_cast<std::size_t>(count);
}

void HostileScene::await_descriptors(std::size_t count) {
    std::size_t now = 0;
    const auto back = [&] {
        now = descriptors();
        return now <= count;
    };
    wait_until(
        back, [&] { return fmt::format("{} descriptors are open, not {}", now, count); }, patience);
}

} // namespace rouse::test
