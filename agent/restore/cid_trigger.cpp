#include "agent/restore/cid_trigger.hpp"

#include <utility>

namespace rouse::restore {

CidTrigger::CidTrigger(const io::Executor& executor, ReadCid read_cid)
    : read_cid_(std::move(read_cid)), asked_(executor) {
    take_cid({});
}

io::Awaitable<> CidTrigger::watch(std::function<void(Signal)> tell) {
    for (;;) {
        if (std::exchange(due_, false)) take_cid(tell);
        io::Awaitable<> waiting = asked_.wait();
        co_await std::move(waiting);
    }
}

void CidTrigger::look() {
    due_ = true;
    asked_.notify_all();
}

void CidTrigger::take_cid(const std::function<void(Signal)>& tell) {
    const sys::Result<std::uint32_t> now = read_cid_();
    why_ = now ? std::string() : now.error().message();
    // Without a device there is no CID to compare; the next one is compared with the last one.
    if (!now) return;
    const std::optional<std::uint32_t> before = std::exchange(cid_, *now);
    if (before && *before != *now)
        tell({.source = "cid", .value = std::to_string(*now), .means = Means::loss});
}

boost::json::object CidTrigger::status() const {
    boost::json::object status{{"source", name()},
                               {"state", why_.empty() ? "watching" : "unavailable"},
                               {"value", nullptr}};
    if (!why_.empty()) status["why"] = why_;
    if (cid_) status["value"] = std::to_string(*cid_);
    return status;
}

} // namespace rouse::restore
