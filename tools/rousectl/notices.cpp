#include "tools/rousectl/notices.hpp"

#include <boost/asio/co_spawn.hpp>
#include <fmt/format.h>

namespace rouse::ctl {

struct Notices::State {
    State(const host::Executor& loop, int fd) : executor(loop), output(loop, fd) {}

    host::Executor executor;
    host::Output output;
    std::string waiting;
    std::uint64_t dropped = 0; ///< lines since the last one that was kept
    bool writing = false;
};

Notices::Notices(const host::Executor& executor, int fd)
    : state_(std::make_shared<State>(executor, fd)) {}

Notices::~Notices() {
    (void)state_->output.write_now(state_->waiting); // the last chance; who does not read has none
    state_->output.close();
}

void Notices::say(const std::string& line) {
    State& state = *state_;
    if (state.waiting.size() + line.size() > most_waiting) {
        ++state.dropped;
        return;
    }
    if (state.dropped != 0)
        state.waiting +=
            fmt::format("rousectl: {} lines were not printed\n", std::exchange(state.dropped, 0));
    state.waiting += line + "\n";
    if (state.writing) return;
    state.waiting.erase(0, state.output.write_now(state.waiting));
    if (state.waiting.empty()) return;
    state.writing = true;
    auto finished = [](const std::exception_ptr&) {}; // cancelled with the loop
    boost::asio::co_spawn(state.executor, write(state_), finished);
}

host::Awaitable<> Notices::write(std::shared_ptr<State> state) {
    bool taken = true;
    while (taken && !state->waiting.empty()) {
        const std::string lines = std::exchange(state->waiting, {});
        taken = co_await state->output.write(lines);
    }
    state->writing = false;
}

} // namespace rouse::ctl
