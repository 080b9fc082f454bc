// Sessions that are no commands of a client: the workload, which is `main`, and requests for files.

#include "agent/agent.hpp"
#include "agent/sys/age.hpp"

#include <algorithm>
#include <utility>

namespace rouse {

namespace {

exec::ListedSession files_session(const std::shared_ptr<files::Applet>& applet) {
    return {.document = [applet] { return applet->document(); },
            .signal = [applet](int number) { return applet->signal(number); },
            .wait = [applet] { return applet->wait_ended(); },
            .attach = {},
            .resize = {}};
}

} // namespace

std::vector<exec::ListedSession> Agent::other_sessions() {
    std::vector<exec::ListedSession> all;
    if (workload_.life().runs() > 0) all.push_back(main_session());
    for (const std::shared_ptr<files::Applet>& applet : files_.running())
        all.push_back(files_session(applet));
    return all;
}

exec::ListedSession Agent::main_session() {
    exec::ListedSession main{.document = [this] { return main_document(); },
                             .signal =
                                 [this](int number) {
                                     const bool runs = workload_.process().running();
                                     workload_.process().signal(number);
                                     return runs;
                                 },
                             .wait = [this] { return workload_.wait_over(); },
                             .attach =
                                 [this] {
                                     return WorkloadSession::make(workload_clients_, workload_,
                                                                  output_.retained());
                                 },
                             .resize = {}};
    if (workload_.has_terminal())
        main.resize = [this](const proto::TerminalSize& size) {
            return workload_.resize(size).has_value();
        };
    return main;
}

proto::SessionDocument Agent::main_document() const {
    proto::SessionDocument document;
    document.id = "main";
    document.state = workload_.state();
    const Workload& process = workload_.process();
    if (!process.command().argv.empty()) document.program = process.command().argv.front();
    document.pid = static_cast<std::uint64_t>(std::max<pid_t>(process.pid(), 0));
    document.tty = workload_.has_terminal();
    document.detached = true;
    document.age_ms = sys::milliseconds_since(started_);
    document.controlled = workload_clients_.control.is_held();
    document.readers = output_.retained().readers() + workload_clients_.readers;
    for (const output::RelayStatus& relay : output_.status())
        (relay.stream == "stderr" ? document.err : document.out) = {
            .oldest = relay.offsets.acked, .next = relay.offsets.read, .lost = relay.dropped_bytes};
    document.exit = process.exit();
    document.error = process.failure();
    return document;
}

} // namespace rouse
