#pragma once
// Everybody who reads from an agent, each in a thread of its own that measures how long what it
// reads was under way: the output of a workload that is `rouse-payload stamps`, the link's answers
// to pings, the echo of an exec stream, answers on an HTTP connection that stays, and whole
// commands. One of them is frozen while the others are measured.

#include "tests/support/scripted_host.hpp"

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace rouse::test {

/// The agent's configuration: what is held up stays held up, and no connection is given up for it.
inline const std::string stall_matrix_config =
    R"({"write_timeout_ms": 60000,
        "output": {"stdout": {"policy": "block"}, "stderr": {"policy": "block"}}})";

/// 99th percentiles by reader: "stdout", "stderr", "link", "exec stream", "http", "exec".
using Latencies = std::map<std::string, std::chrono::microseconds>;

class Prober;

class StallMatrix {
public:
    /// Answers the agent's link, takes its output, and starts to read everything. Borrows the host.
    /// `payload`: where rouse-payload lies, for the agent.
    StallMatrix(ScriptedHost& host, Endpoint guest, std::string payload);
    StallMatrix(const StallMatrix&) = delete;
    StallMatrix& operator=(const StallMatrix&) = delete;
    ~StallMatrix();

    /// Stops reading there; for the output, waits until the workload is held up by it. "exec
    /// stream" is another one than the one that is measured, and so is never missing in the
    /// figures.
    void freeze(const std::string& reader);
    /// Reads on, and waits until what was held up is there.
    void thaw(const std::string& reader);
    /// Breaks stderr's connection four times a second, so that the agent has something to say on
    /// its console all the time.
    void churn(bool on);

    /// What is worse between `freeze` and `thaw` than it was before; empty when nothing is. The
    /// best of three tries: the machine does something else now and then, and who waits for a
    /// frozen reader does so every time.
    [[nodiscard]] std::vector<std::string> complaints(const std::function<void()>& freeze,
                                                      const std::function<void()>& thaw);
    /// The same with freeze(reader) and thaw(reader).
    [[nodiscard]] std::vector<std::string> complaints(const std::string& reader);

private:
    [[nodiscard]] Latencies measure();
    [[nodiscard]] std::vector<std::string> end_children();

    ScriptedHost& host_;
    Endpoint guest_;
    std::string payload_;
    std::map<std::string, std::unique_ptr<Prober>> probers_;
    std::optional<FrameConnection> unread_; ///< the frozen exec stream
    bool settled_ = false;
};

} // namespace rouse::test
