#include "tests/vm/guest.hpp"

#include "tools/lab/places.hpp"
#include "tools/lab/qmp.hpp"

#include <boost/json.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/reporters/catch_reporter_event_listener.hpp>
#include <catch2/reporters/catch_reporter_registrars.hpp>
#include <fmt/format.h>

#include <map>
#include <memory>
#include <stdexcept>

namespace rouse::test {
namespace {

constexpr auto command_limit = std::chrono::minutes(1);

lab::MachineOptions with_collector(lab::MachineOptions options,
                                   const std::filesystem::path& folder) {
    options.collect = folder;
    return options;
}

/// By kernel and configuration.
std::map<std::pair<std::string, std::string>, std::unique_ptr<Guest>>& shared_guests() {
    static std::map<std::pair<std::string, std::string>, std::unique_ptr<Guest>> guests;
    return guests;
}

/// Ends the shared guests with the last test, and not somewhere after main.
class GuestKeeper : public Catch::EventListenerBase {
public:
    using EventListenerBase::EventListenerBase;
    void testRunEnded(const Catch::TestRunStats&) override { shared_guests().clear(); }
};

} // namespace

CATCH_REGISTER_LISTENER(GuestKeeper)

std::vector<std::string> payload(std::vector<std::string> words) {
    words.insert(words.begin(), std::string(payload_path));
    return words;
}

std::string workload_config(boost::json::object workload, std::string_view on_exit) {
    namespace json = boost::json;
    return json::serialize(json::object{
        {"workload", std::move(workload)},
        // What is compared byte by byte must not be lost in a slow emulation.
        {"output", {{"stdout", {{"policy", "block"}}}, {"stderr", {{"policy", "block"}}}}},
        {"on_exit", on_exit}});
}

std::string payload_config(std::vector<std::string> words, std::string_view on_exit) {
    return workload_config({{"argv", boost::json::value_from(payload(std::move(words)))}}, on_exit);
}

lab::MachineOptions agent_options(const std::string& kernel, std::string config) {
    lab::MachineOptions options;
    options.kernel = kernel;
    options.config = std::move(config);
    options.files.push_back({.source = lab::build_product("tests/payload/rouse-payload"),
                             .destination = std::string(payload_path.substr(1)),
                             .mode = 0755});
    return options;
}

Guest::Guest(const std::string& kernel, std::string config)
    : Guest(agent_options(kernel, std::move(config))) {}

Guest::Guest(lab::MachineOptions options)
    : collected_(folder_.path()),
      machine_(lab::Machine::boot(with_collector(std::move(options), folder_.path()))),
      endpoint_(Endpoint::guest(machine_.target())) {}

Guest& Guest::shared(const std::string& kernel) {
    return shared(kernel, payload_config({"sequence", "stdout", std::to_string(shared_stdout_bytes),
                                          "stderr", std::to_string(shared_stderr_bytes)},
                                         "stay"));
}

Guest& Guest::shared(const std::string& kernel, const std::string& config) {
    auto& guest = shared_guests()[{kernel, config}];
    if (guest && !guest->machine().alive()) guest.reset();
    if (!guest) guest = std::make_unique<Guest>(kernel, config);
    return *guest;
}

std::string Guest::generation() const {
    const auto generations = collected_.generations();
    if (generations.size() != 1)
        throw std::runtime_error(fmt::format("{} generations sent output", generations.size()));
    return generations.front();
}

Said Guest::rousectl(std::vector<std::string> arguments) const {
    std::vector<std::string> argv{lab::build_product("tools/rousectl").string(), "-H",
                                  endpoint_.target()};
    argv.insert(argv.end(), std::make_move_iterator(arguments.begin()),
                std::make_move_iterator(arguments.end()));
    return run_command(std::move(argv), command_limit);
}

std::vector<std::string> Guest::exec_command(const std::vector<std::string>& argv) const {
    std::vector<std::string> command{lab::build_product("tools/rousectl").string(), "-H",
                                     endpoint_.target(), "exec", "--"};
    command.insert(command.end(), argv.begin(), argv.end());
    return command;
}

std::string in_guest(const Guest& guest, const std::string& script) {
    const auto result = exec(guest.endpoint(), {"sh", "-c", script});
    INFO(script << ": " << result.out.bytes << result.err.bytes);
    REQUIRE(result.exit->code == 0U);
    return result.out.bytes;
}

void begin_session(const Guest& guest, const std::string& id, const std::string& script) {
    const boost::json::object request{
        {"id", id}, {"detach", true}, {"argv", {"sh", "-c", script}}, {"on_disconnect", "keep"}};
    const auto answer = ask(guest.endpoint(), "POST", "/v1/exec", boost::json::serialize(request));
    INFO(answer.body);
    REQUIRE(answer.status == 202);
}

void wait_device(const Guest& guest, const std::string& device) {
    (void)guest.collected().wait_event(
        "device_ready", [&](const auto& event) { return text_at(event, "/device") == device; });
}

void plug_memory(Guest& guest, std::uint64_t bytes) {
    const lab::Deadline deadline(patience);
    lab::Qmp control(guest.machine().files().control_socket(), deadline);
    // The vsock daemon maps the guest's memory, so it has to be shareable.
    (void)control.execute(
        "object-add",
        {{"qom-type", "memory-backend-memfd"}, {"id", "more"}, {"size", bytes}, {"share", true}},
        deadline);
    (void)control.execute("device_add", {{"driver", "pc-dimm"}, {"id", "dimm"}, {"memdev", "more"}},
                          deadline);
}

} // namespace rouse::test
