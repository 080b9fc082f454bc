#pragma once
// An agent of this machine with a collector, over Unix sockets.

#include "tools/benchmark/restore/subject.hpp"
#include "tools/lab/directory.hpp"
#include "tools/lab/process.hpp"

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace rouse::bench {

class NativeAgent {
public:
    /// Starts both. `wrapper`: words before the agent's own command line.
    /// Errors: lab::LabError, std::runtime_error.
    explicit NativeAgent(const std::vector<std::string>& wrapper = {});

    [[nodiscard]] const Subject& subject() const { return *subject_; }

private:
    lab::Directory directory_;
    lab::Process collector_;
    lab::Process agent_;
    lab::Descriptor control_;
    std::optional<Subject> subject_;
};

/// System calls of a chain, from the request to the CONFIRM, by name.
using Calls = std::map<std::string, std::uint64_t>;

/// Counts them in what `strace -f` wrote. Errors: std::runtime_error when the chain is not in it.
[[nodiscard]] Calls count_calls(const std::string& trace);

/// Runs one chain under strace(1). Errors: lab::LabError without that program, std::runtime_error.
[[nodiscard]] Calls trace_chain();

} // namespace rouse::bench
