#include "tools/lab/cli/serve.hpp"

#include "tools/lab/cli/control.hpp"
#include "tools/lab/cli/signals.hpp"
#include "tools/lab/cli/state.hpp"
#include "tools/lab/error.hpp"

#include <boost/json/object.hpp>
#include <boost/json/value_to.hpp>
#include <fmt/format.h>

#include <array>
#include <cerrno>

#include <poll.h>
#include <sys/socket.h>

namespace rouse::lab::cli {
namespace {

namespace json = boost::json;

constexpr auto request_limit = std::chrono::seconds(5);

/// Does what a request asks and adds to its answer; returns how the machine ended by it, or an
/// empty text.
std::string perform(Machine& machine, const json::object& request, json::object& result) {
    const auto verb = json::value_to<std::string>(request.at("do"));
    if (verb != "snapshot") throw LabError(fmt::format("unknown request '{}'", verb));
    const auto file = json::value_to<std::string>(request.at("file"));
    const bool keep = request.at("keep_running").as_bool();
    SnapshotOptions options;
    if (keep) options.after = AfterSnapshot::resume;
    if (!request.at("prepare").as_bool()) options.prepare = Prepare::nobody;
    auto prepared = machine.snapshot(file, options);
    if (prepared) result["prepared"] = std::move(*prepared);
    return keep ? std::string() : fmt::format("saved to {}", file);
}

std::string answer(Machine& machine, int control) {
    const Descriptor client(accept4(control, nullptr, nullptr, SOCK_CLOEXEC));
    if (!client.is_open()) return {};
    json::object result;
    std::string end;
    try {
        end = perform(machine, read_json_line(client.get(), Deadline(request_limit)), result);
    } catch (const std::exception& problem) {
        result["error"] = problem.what();
    }
    (void)write_json_line(client.get(), result); // a client that left wants no answer
    return end;
}

/// Runs until the machine ends; returns how.
std::string serve_until_end(Machine& machine, int control, const SignalGuard& signals) {
    for (;;) {
        std::array<pollfd, 3> ready{
            pollfd{.fd = signals.descriptor(), .events = POLLIN, .revents = 0},
            pollfd{.fd = machine.exit_descriptor(), .events = POLLIN, .revents = 0},
            pollfd{.fd = control, .events = POLLIN, .revents = 0}};
        if (poll(ready.data(), ready.size(), -1) < 0) continue; // EINTR only
        if (signals.take() != 0) return "taken down";
        if (!machine.alive()) return machine.end_reason();
        if (ready[2].revents == 0) continue;
        if (std::string end = answer(machine, control); !end.empty()) return end;
    }
}

} // namespace

void serve(Machine& machine, int control) {
    // Nothing here may be killed by a client that leaves early.
    (void)signal(SIGPIPE, SIG_IGN);
    const SignalGuard signals;
    State state = describe(machine);
    state.state = serve_until_end(machine, control, signals);
    machine.kill();
    // The console and the logs stay for whoever asks why; sockets lead nowhere now.
    std::error_code ignored; // a socket that stays is removed by `down`
    for (const auto& entry : std::filesystem::directory_iterator(machine.files().directory))
        if (entry.is_socket()) std::filesystem::remove(entry.path(), ignored);
    save(state);
}

} // namespace rouse::lab::cli
