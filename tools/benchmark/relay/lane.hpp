#pragma once
// One relay with its workload in front and its receiver behind, ready to be measured again and
// again: nothing is started between two measurements, so that candidates can take turns.

#include "tools/benchmark/relay/intake.hpp"
#include "tools/lab/process.hpp"

#include <memory>
#include <string>
#include <vector>

namespace rouse::bench {

/// How much is written in one measurement.
struct Load {
    std::uint64_t bulk_bytes = 0;
    std::uint64_t lines = 0;
    std::uint64_t paced_lines = 0;
    std::chrono::microseconds period{0}; ///< from one paced line to the next
};

/// What one turn of one lane gave.
struct Turn {
    double cpu_ms_per_gib = 0; ///< of the relay's process, for bulk output
    double mib_per_second = 0; ///< bulk
    double lines_per_second = 0;
    double cpu_us_per_line = 0;
    double latency_ms = 0; ///< 99th percentile from write(2) to the receiver
};

/// Whose CLOCK_MONOTONIC the workload reads.
enum class WorkloadClock { ours, of_a_guest };

class Lane {
public:
    struct Parts {
        std::string name;
        std::vector<lab::Process> processes; ///< ended with the lane; none for a guest's init
        std::unique_ptr<Intake> intake;
        lab::Descriptor control; ///< of `rouse-bench-peer produce`
        WorkloadClock clock = WorkloadClock::ours;
    };

    explicit Lane(Parts parts) : parts_(std::move(parts)) {}

    [[nodiscard]] const std::string& name() const { return parts_.name; }
    [[nodiscard]] const std::vector<Turn>& turns() const { return turns_; }

    /// Measures once. Errors: std::runtime_error that names the lane.
    void measure(const Load& load);
    /// Writes something that is not measured, so that everything was run once.
    void warm_up(const Load& load);

private:
    struct Spent {
        double wall_s = 0;
        double cpu_ms = 0;
    };

    /// Does `work`; puts the lane's name into what it throws.
    void named(const std::function<void()>& work) const;
    Spent spend(const std::string& command, std::uint64_t bytes);
    double latency(const Load& load);
    std::string ask(const std::string& command);
    std::uint64_t ask_number(const std::string& command);
    /// What to add to the workload's clock to get ours, in nanoseconds.
    std::int64_t clock_offset();

    Parts parts_;
    std::vector<Turn> turns_;
};

/// The median of one member over all turns of a lane.
[[nodiscard]] double middle(const Lane& lane, double Turn::*member);
/// The median over all turns of `member` of one lane by that of another in the same turn: what
/// disturbs a whole turn cancels out.
[[nodiscard]] double middle_ratio(const Lane& lane, const Lane& by, double Turn::*member);

} // namespace rouse::bench
