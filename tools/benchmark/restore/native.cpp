#include "tools/benchmark/restore/native.hpp"

#include "initramfs/file.hpp"
#include "tools/benchmark/relay/wire.hpp"
#include "tools/lab/places.hpp"

#include <fmt/format.h>

#include <sstream>
#include <stdexcept>

namespace rouse::bench {
namespace {

constexpr std::chrono::seconds agent_limit{20};

lab::Process start_collector(const std::filesystem::path& folder) {
    return lab::Process::start(
        {.argv = {lab::build_product("tools/rousectl"), "-H", "unix:" + (folder / "agent").string(),
                  "collect", "--output", folder / "collected"},
         .log = folder / "collect.log"});
}

lab::Process start_agent(const std::filesystem::path& folder,
                         const std::vector<std::string>& wrapper) {
    std::vector<std::string> argv = wrapper;
    for (const std::string& word :
         {lab::build_product("agent/rouse").string(), std::string("run"), std::string("--socket"),
          (folder / "agent").string(), std::string("--"),
          lab::build_product("tools/rouse-bench-peer").string(), std::string("produce"),
          "unix:" + (folder / "control").string()})
        argv.push_back(word);
    return lab::Process::start({.argv = argv, .log = folder / "agent.log"});
}

/// "1234 close(7) = 0" → "close"; empty for a line that begins no call.
std::string call_of(const std::string& line) {
    const auto begin = line.find_first_not_of("0123456789 ");
    const auto end = line.find('(');
    if (begin == std::string::npos || end == std::string::npos || end <= begin) return {};
    std::string name = line.substr(begin, end - begin);
    return name.find_first_of(" <+") == std::string::npos ? name : std::string();
}

} // namespace

NativeAgent::NativeAgent(const std::vector<std::string>& wrapper)
    : directory_(lab::Directory::temporary("bench")) {
    const auto& folder = directory_.path();
    const lab::Descriptor listener = listen_at(folder / "control");
    collector_ = start_collector(folder);
    agent_ = start_agent(folder, wrapper);
    control_ = accept(listener, lab::Deadline(agent_limit));
    subject_.emplace("unix:" + (folder / "agent").string(), control_);
    subject_->wait_linked();
}

Calls count_calls(const std::string& trace) {
    Calls calls;
    std::istringstream lines(trace);
    bool inside = false;
    for (std::string line; std::getline(lines, line);) {
        if (line.find("POST /v1/restore") != std::string::npos) inside = true;
        if (!inside) continue;
        const std::string name = call_of(line);
        if (!name.empty()) ++calls[name];
        // The CONFIRM frame: a header of 16 bytes, then the report, which begins with its epoch.
        if (name.starts_with("send") && line.find(R"({\"epoch\":)") != std::string::npos)
            return calls;
    }
    throw std::runtime_error("no whole chain in the trace of system calls");
}

Calls trace_chain() {
    const lab::Directory directory = lab::Directory::temporary("trace");
    const auto file = directory.path() / "trace";
    const NativeAgent agent({"strace", "-f", "-s", "64", "-o", file.string()});
    (void)agent.subject().restore(); // what is done for the first time does not count
    const auto before = std::filesystem::file_size(file);
    (void)agent.subject().restore();
    return count_calls(initramfs::read_file(file).substr(before));
}

} // namespace rouse::bench
