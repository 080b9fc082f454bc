#pragma once
// An agent that is told that it was restored, again and again, and what that costs it.

#include "proto/restore.hpp"
#include "tools/lab/descriptor.hpp"

#include <optional>
#include <string>
#include <vector>

namespace rouse::bench {

/// One run of the chain.
struct ChainRun {
    proto::RestoreReport report;
    double own_us = 0; ///< of the report's steps, those in which nobody waits for the host
    double cpu_us = 0; ///< processor time of the agent's loop, request and answer included
    std::optional<double> dirty_pages; ///< written to meanwhile; nothing where nobody counts
};

/// Borrows the control connection of a `rouse-bench-peer produce` that is the agent's workload.
class Subject {
public:
    Subject(std::string target, const lab::Descriptor& control)
        : target_(std::move(target)), control_(control) {}

    [[nodiscard]] const std::string& target() const { return target_; }

    /// Waits until a collector serves its link, so that all runs are alike.
    /// Errors: std::runtime_error after 20 s.
    void wait_linked() const;

    /// A new generation by POST /v1/restore, and what it cost.
    /// Errors: std::runtime_error when the chain does not complete.
    [[nodiscard]] ChainRun restore() const;

private:
    [[nodiscard]] std::string ask(const std::string& command) const;
    [[nodiscard]] double ask_number(const std::string& command) const;

    std::string target_;
    const lab::Descriptor& control_;
};

/// Medians of several runs.
struct ChainFigures {
    double total_us = 0;
    double own_us = 0;
    double cpu_us = 0;
    std::optional<double> dirty_pages;
    std::vector<std::pair<std::string, double>> steps; ///< in the order of the chain
};
[[nodiscard]] ChainFigures figures_of(const std::vector<ChainRun>& runs);

} // namespace rouse::bench
