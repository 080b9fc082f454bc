#include "agent/restore/repair.hpp"

#include "agent/sys/clock.hpp"
#include "agent/sys/random.hpp"

#include <chrono>

namespace rouse::restore {

namespace {

std::span<const std::uint8_t> bytes_of(const std::string& text) {
    return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

sys::Result<> set_clock(std::uint64_t now_ns) {
    if (now_ns > static_cast<std::uint64_t>(INT64_MAX)) return sys::error_from(EINVAL);
    return sys::set_realtime(static_cast<std::int64_t>(now_ns));
}

template <typename Work>
proto::RestoreStep measured(std::string name, bool wanted, Work work) {
    proto::RestoreStep step;
    step.name = std::move(name);
    step.outcome = "skipped";
    if (!wanted) return step;
    const auto began = std::chrono::steady_clock::now();
    const sys::Result<> done = work();
    const auto passed = std::chrono::steady_clock::now() - began;
    step.duration_us = static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::microseconds>(passed).count());
    step.outcome = done ? "ok" : "failed";
    if (!done) step.detail = done.error().message();
    return step;
}

} // namespace

Repairs repair(const proto::RestoreDocument& document, Kernel kernel) {
    const bool ours = kernel == Kernel::repair;
    Repairs repairs;
    repairs.steps.push_back(measured("entropy", ours && !document.entropy.empty(), [&document] {
        return sys::add_entropy(bytes_of(document.entropy));
    }));
    repairs.failed = repairs.steps.back().outcome == "failed";
    if (repairs.failed) return repairs;
    repairs.steps.push_back(measured("clock", ours && document.now_ns.has_value(),
                                     [&document] { return set_clock(*document.now_ns); }));
    return repairs;
}

std::string random_bytes(std::size_t count) {
    std::string bytes(count, '\0');
    const sys::Result<> filled =
        sys::fill_random({reinterpret_cast<std::uint8_t*>(bytes.data()), bytes.size()});
    if (!filled) throw boost::system::system_error(filled.error(), "getrandom");
    return bytes;
}

} // namespace rouse::restore
