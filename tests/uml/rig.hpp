#pragma once
// One guest of user-mode Linux under a scripted VMM, with everything that a test needs to look at
// it. The VMM runs its loop in a thread of its own, as the process of a VMM would, so that host
// programs and tests may block.

#include "tests/support/collected.hpp"
#include "tests/support/endpoint.hpp"
#include "tests/support/temporary_directory.hpp"
#include "tests/uml/machine.hpp"
#include "tests/uml/vmm.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include <cstdint>
#include <future>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace rouse::uml {

/// Where the guest's output comes in, by default.
inline constexpr std::uint32_t output_port = 4002;

/// A configuration whose workload is rouse-payload with these words; without words, none. Of its
/// stdout nothing is ever lost (`block`), its stderr has the default policy, `drop`. Output
/// is spliced unless told: on this kernel a frame is then a packet for its header and one for each
/// page, so that there is a middle to cut it in.
[[nodiscard]] std::string workload_config(const std::vector<std::string>& words,
                                          std::string_view on_exit = "stay",
                                          std::string_view send = "splice");

/// The arguments that make the guest's payload do something.
[[nodiscard]] std::vector<std::string> payload(std::vector<std::string> words);

struct RigOptions {
    Profile profile = qemu;
    std::string config = workload_config({"trickle"});
    /// Runs `rousectl collect` beside the VMM. Without it the test listens itself.
    bool collect = true;
    /// What the collector tells a guest that it is; the document is `document()`, and may be
    /// written anew. Nothing is told when empty.
    std::string generation = {};
    /// Sees every packet from the first one on.
    Script script = {};
};

class Rig {
public:
    /// Starts VMM and collector and boots; returns at power-on.
    explicit Rig(const RigOptions& options);
    Rig(const Rig&) = delete;
    Rig& operator=(const Rig&) = delete;
    /// Ends everything. Prints log and console when the test ends by an exception.
    ~Rig(); // NOLINT(bugprone-exception-escape): what cannot be ended ends the test program

    /// The guest that test cases share, since each boot takes its time: it trickles for ever, under
    /// the profile qemu, without a script and without a fault. Booted when it is asked for first,
    /// or after a test that failed.
    [[nodiscard]] static Rig& shared();

    /// Waits until the guest answers on its exec port, and, with a collector, until both streams
    /// of its output are connected.
    void wait_ready();

    /// Runs `action` in the VMM's loop and returns what it returns.
    template <typename Action>
    auto vmm(Action action) {
        std::packaged_task<std::invoke_result_t<Action, Vmm&>()> task(
            [&] { return action(*vmm_); });
        auto result = task.get_future();
        boost::asio::post(loop_, [&task] { task(); });
        return result.get();
    }
    void set_script(Script script);

    /// The log's lines from `first` on.
    [[nodiscard]] std::vector<LogLine> log(std::size_t first = 0);
    /// An index of the log's next line.
    [[nodiscard]] std::size_t log_size();

    [[nodiscard]] const test::Endpoint& endpoint() const { return endpoint_; }
    /// The hybrid socket's path.
    [[nodiscard]] std::filesystem::path socket() const { return folder_.path() / "v.sock"; }
    [[nodiscard]] const std::filesystem::path& folder() const { return folder_.path(); }
    /// The restore document that the collector hands out, where the rig has one.
    [[nodiscard]] std::filesystem::path document() const { return folder_.path() / "restore.json"; }
    [[nodiscard]] const test::Collected& collected() const {
        return collector_.value().collected();
    }
    [[nodiscard]] test::Collector& collector() { return collector_.value(); }
    [[nodiscard]] Machine& machine() { return machine_.value(); }

    /// The generation that sends output now: the newest one.
    [[nodiscard]] std::string generation() const;

    /// What a failing test has to show: the ends of packet log and console, and where the whole log
    /// is. Once.
    void print();

    /// No script, no fault: everything is delivered at once.
    void be_kind();

private:
    void start_collector(const std::string& generation);
    void run_loop();

    test::TemporaryDirectory folder_;
    boost::asio::io_context loop_{1};
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_{
        loop_.get_executor()};
    std::optional<Vmm> vmm_;
    std::thread thread_;
    test::Endpoint endpoint_;
    std::optional<test::Collector> collector_;
    std::optional<Machine> machine_;
    int exceptions_ = std::uncaught_exceptions();
    bool printed_ = false;
};

} // namespace rouse::uml
