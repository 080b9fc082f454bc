#include "tools/host/disk.hpp"

#include <boost/asio/co_spawn.hpp>

namespace rouse::host {
namespace {

Awaitable<Outcome<>> perform(Disk::Work work) {
    co_return work();
}

} // namespace

Awaitable<Outcome<>> Disk::run(Work work) {
    Awaitable<Outcome<>> performed = perform(std::move(work));
    co_return co_await asio::co_spawn(threads_, std::move(performed), asio::use_awaitable);
}

} // namespace rouse::host
