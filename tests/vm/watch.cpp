// Runs in a guest and says what tells there of a restore: a line of JSON for the state of each
// source, then one for each signal, until it is killed.
#include "agent/io/race.hpp"
#include "agent/io/task_group.hpp"
#include "agent/restore/triggers.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/json/serialize.hpp>

#include <chrono>
#include <cstdio>
#include <string>

using namespace rouse;

namespace {

void say(const boost::json::object& line) {
    std::puts(boost::json::serialize(line).c_str());
    (void)std::fflush(stdout); // Who reads it looks at what came.
}

void say_signal(const restore::Signal& signal) {
    boost::json::object line;
    line["signal"] = signal.source;
    line["value"] = signal.value;
    line["means"] = signal.means == restore::Means::restore ? "restore" : "loss";
    say(line);
}

using Triggers = std::vector<std::unique_ptr<restore::Trigger>>;

/// In the agent the loss of the link and late timers are reasons to look; here there is no link.
io::Awaitable<> wonder(const Triggers& triggers) {
    for (;;) {
        io::Awaitable<> waiting = io::expire(std::chrono::milliseconds(200));
        co_await std::move(waiting);
        restore::look(triggers);
    }
}

} // namespace

int main() {
    boost::asio::io_context io{1};
    io::TaskGroup tasks(io.get_executor(), [](const std::string& task, const std::string& what) {
        boost::json::object line;
        line["failed"] = task + ": " + what;
        say(line);
    });
    const Triggers triggers =
        restore::make_triggers(io.get_executor(), {.is_vm = true, .mmds = {}});
    for (const auto& trigger : triggers)
        tasks.spawn(std::string(trigger->name()), trigger->watch(say_signal));
    tasks.spawn("wonder", wonder(triggers));
    io.poll();
    for (const auto& trigger : triggers)
        say(trigger->status());
    io.run();
    return 0;
}
