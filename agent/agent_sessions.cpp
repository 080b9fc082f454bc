// The workload as the session `main`, for whoever lists sessions, waits for them or signals them.

#include "agent/agent.hpp"

#include <algorithm>
#include <utility>

namespace rouse {

namespace {

std::string session_state(Workload::State state) {
    // A workload that is none has no session.
    return state == Workload::State::none ? "" : std::string(name(state));
}

} // namespace

exec::MainSession Agent::main_session() {
    return {.document = [this] { return main_document(); },
            .attach =
                [this] {
                    return WorkloadSession::make(workload_clients_, workload_, output_.retained());
                },
            .signal =
                [this](int number) {
                    const bool runs = workload_.running();
                    workload_.signal(number);
                    return runs;
                },
            .wait = [this] { return workload_over(); }};
}

std::optional<proto::SessionDocument> Agent::main_document() const {
    const std::string state = session_state(workload_.state());
    if (state.empty()) return std::nullopt;
    proto::SessionDocument document;
    document.id = "main";
    document.state = state;
    if (!workload_.command().argv.empty()) document.program = workload_.command().argv.front();
    document.pid = static_cast<std::uint64_t>(std::max<pid_t>(workload_.pid(), 0));
    document.detached = true;
    const auto age = std::chrono::steady_clock::now() - started_;
    document.age_ms = static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::milliseconds>(age).count());
    document.controlled = workload_clients_.control.is_held();
    document.readers = output_.retained().readers() + workload_clients_.readers;
    for (const output::RelayStatus& relay : output_.status())
        (relay.stream == "stderr" ? document.err : document.out) = {
            .oldest = relay.offsets.acked, .next = relay.offsets.read, .lost = relay.dropped_bytes};
    document.exit = workload_.exit();
    document.error = workload_.failure();
    return document;
}

io::Awaitable<> Agent::workload_over() {
    while (workload_.running()) {
        io::Awaitable<> waiting = workload_over_.wait();
        co_await std::move(waiting);
    }
}

} // namespace rouse
