// Guests whose init is the agent, with rouse-payload and a collector.
#pragma once

#include "tests/support/collected.hpp"
#include "tests/support/endpoint.hpp"
#include "tests/support/temporary_directory.hpp"
#include "tools/lab/machine.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace rouse::test {

/// Where the payload lies in guests.
constexpr std::string_view payload_path = "/bin/rouse-payload";

/// The arguments that make the guest's payload do something.
[[nodiscard]] std::vector<std::string> payload(std::vector<std::string> words);

/// A configuration with this workload, of whose output nothing is ever lost.
[[nodiscard]] std::string workload_config(boost::json::object workload, std::string_view on_exit);

/// The same with the payload and these words for a workload.
[[nodiscard]] std::string payload_config(std::vector<std::string> words,
                                         std::string_view on_exit = "poweroff");

/// Options that boot the agent with the payload in its image.
[[nodiscard]] lab::MachineOptions agent_options(const std::string& kernel, std::string config);

/// A running guest and what its collector receives.
class Guest {
public:
    /// Boots and waits until it answers.
    Guest(const std::string& kernel, std::string config);
    explicit Guest(lab::MachineOptions options);

    /// The guest of this kernel that test cases share: its workload has written 64 MiB and 16 MiB
    /// and ended, and the guest stays. Booted when it is asked for first, or when a test broke it.
    [[nodiscard]] static Guest& shared(const std::string& kernel);
    /// Another one that test cases share, by its kernel and its configuration.
    [[nodiscard]] static Guest& shared(const std::string& kernel, const std::string& config);

    [[nodiscard]] lab::Machine& machine() { return machine_; }
    [[nodiscard]] const Endpoint& endpoint() const { return endpoint_; }
    [[nodiscard]] const Collected& collected() const { return collected_; }

    /// The generation that sent the output so far. Throws when there is not exactly one.
    [[nodiscard]] std::string generation() const;

    /// Runs `rousectl -H this … ` to its end.
    [[nodiscard]] Said rousectl(std::vector<std::string> arguments) const;

    /// The arguments of rousectl that run `argv` in the guest.
    [[nodiscard]] std::vector<std::string> exec_command(const std::vector<std::string>& argv) const;

private:
    TemporaryDirectory folder_;
    Collected collected_;
    lab::Machine machine_;
    Endpoint endpoint_;
};

/// What the script says on its standard output; it has to succeed.
[[nodiscard]] std::string in_guest(const Guest& guest, const std::string& script);

/// Runs the script as a session of that name, which nobody is connected to.
void begin_session(const Guest& guest, const std::string& id, const std::string& script);

/// Waits until the guest has said that the device which was plugged in is ready.
void wait_device(const Guest& guest, const std::string& device);

/// Plugs in a module of so many bytes of memory, for which the machine has to have a free slot; a
/// guest takes one. Errors: lab::LabError when QEMU refuses.
void plug_memory(Guest& guest, std::uint64_t bytes);

/// What the shared guest's workload writes.
constexpr std::uint64_t shared_stdout_bytes = 64U << 20U;
constexpr std::uint64_t shared_stderr_bytes = 16U << 20U;

} // namespace rouse::test
