#pragma once
// Where the time of one boot went: the machine, the kernel, the agent, the workload.

#include "tools/benchmark/timeline.hpp"

#include <boost/json/object.hpp>

#include <vector>

namespace rouse::bench {

/// Milliseconds. The parts follow each other; together they last from power-on until the workload
/// wrote its first bytes.
struct BootSplit {
    double machine = 0;  ///< QEMU, firmware, unpacking the kernel: until the kernel's clock began
    double kernel = 0;   ///< until the agent's first instruction
    double steps = 0;    ///< the agent's boot steps
    double agent = 0;    ///< from there to READY, when the workload runs its program
    double workload = 0; ///< from READY to its first output; less than 0 when that came first
};

/// From what a machine says of its boot (`GET /v1/debug/boot`, proto/README.md), when its workload
/// wrote its first output, in microseconds of the guest's CLOCK_BOOTTIME, and how long after
/// power-on the host saw READY, in milliseconds.
/// Errors: std::runtime_error when the document is another, or READY was not said.
[[nodiscard]] BootSplit split_of(const boost::json::object& boot, double first_output_us,
                                 double ready_after_ms);

/// The same as a picture, with each boot step that was begun.
/// Errors: std::runtime_error, as above.
[[nodiscard]] std::vector<Span> spans_of(const boost::json::object& boot, const BootSplit& split);

} // namespace rouse::bench
