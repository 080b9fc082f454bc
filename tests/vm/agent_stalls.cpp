// The stall matrix in a guest: whoever stops reading, all the others notice nothing.
#include "tests/support/stall_matrix.hpp"
#include "tests/vm/guest.hpp"
#include "tools/lab/relay.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <fmt/format.h>

#include <optional>

using namespace rouse;
using test::StallMatrix;

namespace {

/// Somebody at the serial line who does not read it.
class ConsoleReader {
public:
    /// Borrows the machine.
    explicit ConsoleReader(lab::Machine& machine)
        : machine_(machine), guest_(test::Endpoint::guest(machine.target())) {}

    /// A process of the guest fills the line and the kernel's buffer, and is held in its write; who
    /// else writes there must not be. Returns when the agent has felt it, which somebody has to
    /// give something to say.
    void freeze() {
        line_ = lab::connect_unix(machine_.files().console_socket());
        REQUIRE(line_);
        proto::ExecRequest request;
        request.command.argv = {"sh", "-c", "head -c 16384 /dev/zero > /dev/console"};
        writer_ = test::FrameConnection::exec(guest_, request);
        test::wait_log_dropped(guest_);
    }

    /// Hangs up; returns when the writer has ended, so that the console is empty again.
    void thaw() {
        line_.reset();
        const test::StreamedExec ended = run_stream(writer_.value());
        REQUIRE(ended.exit);
        CHECK(ended.exit->code == 0U);
    }

private:
    lab::Machine& machine_;
    test::Endpoint guest_;
    std::optional<lab::Descriptor> line_;
    std::optional<test::FrameConnection> writer_;
};

/// A guest whose workload is the matrix's, without a collector.
lab::Machine boot(const std::string& kernel) {
    auto options = test::agent_options(kernel, test::stall_matrix_config);
    options.command_line = fmt::format("rouse.workload=\"{} stamps\"", test::payload_path);
    options.rig = lab::Rig::tcg; // the scripted host listens on Unix sockets
    return lab::Machine::boot(options);
}

/// A turn takes some seconds in emulation, so the older kernel, on which output is copied instead
/// of spliced, plays the one in which that matters.
std::vector<std::string> readers(const std::string& kernel) {
    if (kernel == "6.1") return {"stdout"};
    return {"stdout", "stderr", "link", "exec stream", "console"};
}

std::vector<std::string> complaints(StallMatrix& matrix, ConsoleReader& console,
                                    const std::string& reader) {
    if (reader != "console") return matrix.complaints(reader);
    matrix.churn(true);
    auto found = matrix.complaints([&] { console.freeze(); }, [&] { console.thaw(); });
    matrix.churn(false);
    return found;
}

} // namespace

TEST_CASE("whichever reader of a guest stalls, all the others are served as before",
          "[agent][vm]") {
    const std::string kernel = GENERATE("6.1", "6.12");
    INFO("kernel " << kernel);
    lab::Machine machine = boot(kernel);
    test::ScriptedHost host(machine.files().vsock_socket());
    StallMatrix matrix(host, test::Endpoint::guest(machine.target()),
                       std::string(test::payload_path));
    ConsoleReader console(machine);
    for (const std::string& reader : readers(kernel)) {
        INFO("frozen: " << reader);
        CHECK(complaints(matrix, console, reader) == std::vector<std::string>());
    }
}
