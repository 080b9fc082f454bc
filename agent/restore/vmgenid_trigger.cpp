#include "agent/restore/vmgenid_trigger.hpp"

#include <boost/asio/error.hpp>

#include <utility>

namespace rouse::restore {

namespace {

/// Between two looks at everything else: whoever floods the messages does not hold the loop.
constexpr int records_a_step = 64;

} // namespace

bool is_vm_fork(const sys::KmsgRecord& record) {
    return record.facility == 0 &&
           record.text == "random: crng reseeded due to virtual machine fork";
}

VmgenidTrigger::VmgenidTrigger(const io::Executor& executor, sys::Result<sys::UniqueFd> messages)
    : messages_(executor) {
    io::error_code error = messages ? io::error_code() : messages.error();
    if (!error) messages_.assign(messages->get(), error);
    if (error)
        give_up(error);
    else
        (void)messages->release(); // The descriptor of the loop owns it now.
}

void VmgenidTrigger::give_up(const sys::error_code& error) {
    why_ = "kernel messages: " + error.message();
    io::error_code ignored; // It is given up either way.
    messages_.close(ignored);
}

io::Awaitable<> VmgenidTrigger::watch(std::function<void(Signal)> tell) {
    while (messages_.is_open() && take_records(tell) == Step::wait) {
        auto waited = co_await messages_.async_wait(io::Descriptor::wait_read, io::no_throw);
        const auto& [error] = waited;
        if (error == io::asio::error::operation_aborted) co_return;
        if (error) give_up(error);
    }
}

VmgenidTrigger::Step VmgenidTrigger::take_records(const std::function<void(Signal)>& tell) {
    for (int i = 0; i < records_a_step; ++i) {
        const sys::Result<sys::KmsgRead> read = sys::read_kmsg(messages_.native_handle());
        if (!read) {
            give_up(read.error());
            return Step::broken;
        }
        if (read->outcome == sys::KmsgRead::Outcome::would_block) return Step::wait;
        if (read->outcome == sys::KmsgRead::Outcome::lost) ++lost_;
        if (read->outcome != sys::KmsgRead::Outcome::record || !is_vm_fork(read->record)) continue;
        ++lines_;
        tell({.source = "vmgenid", .value = std::to_string(lines_)});
    }
    return Step::wait; // There may be more: the wait is level-checked and comes back at once.
}

boost::json::object VmgenidTrigger::status() const {
    boost::json::object status{{"source", name()},
                               {"state", why_.empty() ? "watching" : "unavailable"},
                               {"value", std::to_string(lines_)},
                               {"messages_lost", lost_}};
    if (!why_.empty()) status["why"] = why_;
    return status;
}

} // namespace rouse::restore
