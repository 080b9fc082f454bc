#include "tests/process/agent.hpp"

#include "initramfs/file.hpp"
#include "tools/lab/places.hpp"
#include "tools/lab/relay.hpp"

#include <catch2/catch_test_macros.hpp>
#include <fmt/format.h>

#include <csignal>
#include <stdexcept>
#include <utility>

namespace rouse::test {
namespace {

std::vector<std::string> run_arguments(const AgentPlace& place,
                                       const std::vector<std::string>& workload,
                                       const std::string& config) {
    std::vector<std::string> arguments{"run", "--socket", place.socket().string()};
    if (!config.empty()) {
        const auto file = place.folder() / "config.json";
        initramfs::write_file(file, config);
        arguments.insert(arguments.end(), {"--config", file.string()});
    }
    if (!workload.empty()) arguments.emplace_back("--");
    arguments.insert(arguments.end(), workload.begin(), workload.end());
    return arguments;
}

} // namespace

std::vector<std::string> payload(std::vector<std::string> words) {
    words.insert(words.begin(), lab::build_product("tests/payload/rouse-payload").string());
    return words;
}

std::vector<std::string> rouse(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), lab::build_product("agent/rouse").string());
    return arguments;
}

Agent::Agent(const AgentPlace& place, const std::vector<std::string>& workload,
             const std::string& config, Environment environment)
    : endpoint_(place.endpoint()),
      command_(rouse(run_arguments(place, workload, config)), std::move(environment)) {
    const auto answers = [&] {
        if (const auto ended = command_.process().status())
            throw std::runtime_error(
                fmt::format("the agent ended with {}: {}", ended->text(), command_.error()));
        return lab::connect_unix(place.socket()).has_value();
    };
    wait_until(
        answers, [&] { return command_.error(); }, patience);
}

Agent::~Agent() {
    try {
        signal(SIGTERM);
        const Said said = command_.finish(patience);
        for (const char* word : {"Sanitizer", "runtime error: "})
            if (said.error.find(word) != std::string::npos) FAIL_CHECK(said.error);
    } catch (const std::exception& problem) {
        FAIL_CHECK(problem.what());
    }
}

} // namespace rouse::test
