#pragma once
// One interface for everything by which the agent notices, besides the host's word and the loss of
// the link, that its VM may have been restored.

#include "agent/io/async.hpp"
#include "agent/restore/trigger_signal.hpp"

#include <boost/json/object.hpp>

#include <functional>
#include <string_view>

namespace rouse::restore {

/// One source. Bounded in memory and in the time of each step.
class Trigger {
public:
    Trigger() = default;
    Trigger(const Trigger&) = delete;
    Trigger& operator=(const Trigger&) = delete;
    Trigger(Trigger&&) = delete;
    Trigger& operator=(Trigger&&) = delete;
    virtual ~Trigger() = default;

    [[nodiscard]] virtual std::string_view name() const = 0;
    /// Watches until it is cancelled or can never say anything; never throws for what the kernel or
    /// a host does. Calls `tell` for each change after the first reading, which is what is compared
    /// with.
    virtual io::Awaitable<> watch(std::function<void(Signal)> tell) = 0;
    /// Somebody has a reason to think that something changed (the link is lost, a timer fired
    /// late): a source that nothing wakes looks now, from watch().
    virtual void look() {}
    /// For `rouse debug epochs`: "source", "state" ("watching", "unavailable", "off"), "why" when
    /// it is unavailable, "value".
    [[nodiscard]] virtual boost::json::object status() const = 0;
};

} // namespace rouse::restore
