// The stall matrix: whoever stops reading, all the others notice nothing.
#include "initramfs/file.hpp"
#include "tests/process/agent.hpp"
#include "tests/support/stall_matrix.hpp"
#include "tools/lab/process.hpp"
#include "tools/lab/relay.hpp"

#include <catch2/catch_test_macros.hpp>
#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <memory>
#include <system_error>

#include <fcntl.h>
#include <unistd.h>

using namespace rouse;
using test::AgentPlace;
using test::payload;
using test::ScriptedHost;
using test::StallMatrix;

namespace {

/// A console that is read when the test wants to.
class Console {
public:
    Console() {
        std::array<int, 2> ends{};
        if (pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) != 0)
            throw std::system_error(errno, std::generic_category(), "pipe2");
        read_ = lab::Descriptor(ends[0]);
        write_ = lab::Descriptor(ends[1]);
    }

    [[nodiscard]] int writing_end() const { return write_.get(); }

    /// Nobody reads it, and all is full.
    void freeze() {
        const std::string page(4096, '\n');
        while (write(write_.get(), page.data(), page.size()) > 0) {
        }
        while (write(write_.get(), page.data(), 1) > 0) {
        }
    }

    /// Everything that is in it.
    std::string take() {
        std::string text;
        std::array<char, 65536> buffer{};
        for (;;) {
            const ssize_t count = read(read_.get(), buffer.data(), buffer.size());
            if (count <= 0) return text;
            text.append(buffer.data(), static_cast<std::size_t>(count));
        }
    }

private:
    lab::Descriptor read_;
    lab::Descriptor write_;
};

/// `rouse run` with a console of its own.
class ConsoleAgent {
public:
    ConsoleAgent(const AgentPlace& place, const Console& console) {
        const auto config = place.folder() / "config.json";
        initramfs::write_file(config, test::stall_matrix_config);
        lab::ProcessOptions options;
        options.argv = test::rouse({"run", "--socket", place.socket().string(), "--config",
                                    config.string(), "--", payload({}).front(), "stamps"});
        options.standard_error = console.writing_end();
        process_ = lab::Process::start(options);
        test::wait_until([&] { return lab::connect_unix(place.socket()).has_value(); },
                         [] { return std::string("the agent does not answer"); }, test::patience);
    }

    /// Whether it ends in order when it is told to.
    bool end() {
        process_.signal(SIGTERM);
        return process_.wait(lab::Deadline(test::patience)).has_value();
    }

private:
    lab::Process process_;
};

} // namespace

TEST_CASE("whichever reader stalls, all the others are served as before",
          "[output][process][alone]") {
    const AgentPlace place;
    Console console;
    auto host = std::make_unique<ScriptedHost>(place.socket());
    ConsoleAgent agent(place, console);
    auto matrix = std::make_unique<StallMatrix>(*host, place.endpoint(), payload({}).front());
    for (const std::string reader : {"stdout", "stderr", "link", "exec stream"}) {
        INFO("frozen: " << reader);
        CHECK(matrix->complaints(reader) == std::vector<std::string>());
        (void)console.take(); // what it says is not the point
    }
    INFO("frozen: console");
    matrix->churn(true);
    const auto freeze_console = [&] {
        console.freeze();
        test::wait_log_dropped(place.endpoint());
    };
    CHECK(matrix->complaints(freeze_console, [&] { (void)console.take(); }) ==
          std::vector<std::string>());
    matrix->churn(false);
    matrix.reset();
    host.reset();
    CHECK(agent.end());
    CHECK(console.take().find("Sanitizer") == std::string::npos);
}
