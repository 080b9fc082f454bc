#include "agent/boot/hotplug_watch.hpp"

#include "agent/boot/hotplug.hpp"
#include "agent/boot/network.hpp"
#include "agent/sys/descriptor.hpp"
#include "proto/limits.hpp"

#include <algorithm>

#include <fcntl.h>

namespace rouse::boot {

namespace {

/// Between two looks at everything else: a machine that grows makes hundreds of events at once.
constexpr int events_a_step = 16;

using Events = sys::Result<std::optional<sys::Uevent>>;

/// What has come, without waiting.
Events next_event(sys::UeventSocket& events) {
    return events.next(std::chrono::steady_clock::now());
}

/// Whether a route can be made where the interface has these addresses and no others.
bool is_in_reach(const proto::NetworkRoute& route, const std::vector<proto::IpPrefix>& addresses) {
    return !route.via || route.on_link ||
           std::any_of(addresses.begin(), addresses.end(),
                       [&](const proto::IpPrefix& own) { return own.contains(*route.via); });
}

/// What a restore does to an interface that is there: what `told` does not name stays, but for
/// routes whose gateway is not in reach any more.
void change(proto::NetworkInterface& known, const proto::NetworkInterface& told) {
    if (told.mac) known.mac = told.mac;
    if (told.mtu) known.mtu = told.mtu;
    if (told.addresses) known.addresses = told.addresses;
    if (told.routes)
        known.routes = told.routes;
    else if (told.addresses && known.routes)
        std::erase_if(*known.routes, [&](const proto::NetworkRoute& route) {
            return !is_in_reach(route, *told.addresses);
        });
}

/// The interface that an event brings; empty for any other event. A rename is a new name, too.
std::string interface_in(const sys::Uevent& event) {
    if (event.value("SUBSYSTEM") != "net" || (event.action != "add" && event.action != "move"))
        return {};
    return std::string(event.value("INTERFACE"));
}

} // namespace

HotplugWatch::HotplugWatch(io::Executor executor, io::Blocking& blocking, proto::GuestConfig guest,
                           std::vector<std::string> late, Tell tell)
    : executor_(std::move(executor)), blocking_(blocking), guest_(std::move(guest)),
      late_(std::move(late)), tell_(std::move(tell)) {}

void HotplugWatch::learn(const std::vector<proto::NetworkInterface>& network) {
    for (const proto::NetworkInterface& told : network) {
        const auto known = std::find_if(guest_.network.begin(), guest_.network.end(),
                                        [&](const auto& other) { return other.name == told.name; });
        if (known == guest_.network.end())
            guest_.network.push_back(told);
        else
            change(*known, told);
    }
}

io::Awaitable<> HotplugWatch::run() {
    sys::Result<sys::UeventSocket> events = sys::UeventSocket::open();
    // A descriptor of the loop's own: what the other one reads from is the same.
    sys::UniqueFd copy(events ? ::fcntl(events->descriptor(), F_DUPFD_CLOEXEC, 0) : -1);
    if (!copy.valid()) {
        const sys::error_code why = events ? sys::last_error() : events.error();
        tell_({.name = "hotplug", .ok = false, .fatal = false, .message = why.message()});
        co_return;
    }
    io::Descriptor readable(executor_, copy.release());
    io::Awaitable<> listening = listen(*events, readable);
    co_await std::move(listening);
}

io::Awaitable<> HotplugWatch::listen(sys::UeventSocket& events, io::Descriptor& readable) {
    io::Awaitable<> first = look_at_everything();
    co_await std::move(first);
    for (;;) {
        auto waited = co_await readable.async_wait(io::Descriptor::wait_read, io::no_throw);
        const auto& [error] = waited;
        if (error) co_return;
        for (int i = 0; i < events_a_step; ++i) {
            Events event = next_event(events);
            if (event && !event->has_value()) break;
            io::Awaitable<> looking =
                event ? look_at(std::move(event->value())) : look_at_everything();
            co_await std::move(looking);
        }
    }
}

io::Awaitable<> HotplugWatch::look_at_everything() {
    std::function<Report()> work = [hotplug = guest_.hotplug] { return bring_online(hotplug); };
    io::Awaitable<> working = on_worker("hotplug", std::move(work));
    co_await std::move(working);
    std::vector<std::string> appeared;
    std::copy_if(late_.begin(), late_.end(), std::back_inserter(appeared), &has_interface);
    for (const std::string& name : appeared) {
        sys::Uevent event{.action = "add",
                          .path = "/devices/virtual/net/" + name,
                          .values = {{"SUBSYSTEM", "net"}, {"INTERFACE", name}}};
        io::Awaitable<> looking = look_at(std::move(event));
        co_await std::move(looking);
    }
}

io::Awaitable<> HotplugWatch::look_at(sys::Uevent event) {
    std::function<Report()> work;
    std::string what = event.path.substr(event.path.rfind('/') + 1); // "cpu1", "memory40"
    const std::string name = interface_in(event);
    if (const proto::NetworkInterface* interface = configured(name)) {
        std::erase(late_, name);
        what = "interface " + name;
        work = [interface = *interface, guest = guest_] {
            Report report;
            report.add(set_up_interface(interface, guest));
            return report;
        };
    } else if (brings_cpu_or_memory(event)) {
        work = [event = std::move(event), hotplug = guest_.hotplug] {
            return bring_online(event, hotplug);
        };
    } else {
        co_return;
    }
    io::Awaitable<> working = on_worker(std::move(what), std::move(work));
    co_await std::move(working);
}

io::Awaitable<> HotplugWatch::on_worker(std::string name, std::function<Report()> work) {
    io::Awaitable<std::optional<Report>> working =
        blocking_.get<Report>("hotplug: " + name, proto::limits::hotplug_step, std::move(work));
    const std::optional<Report> report = co_await std::move(working);
    if (!report)
        tell_({.name = std::move(name), .ok = false, .fatal = false, .message = "takes too long"});
    else
        std::for_each(report->steps().begin(), report->steps().end(), tell_);
}

const proto::NetworkInterface* HotplugWatch::configured(std::string_view name) const {
    const auto found = std::find_if(guest_.network.begin(), guest_.network.end(),
                                    [&](const auto& interface) { return interface.name == name; });
    return found == guest_.network.end() ? nullptr : &*found;
}

} // namespace rouse::boot
