// Random schedules over real pipes and sockets: whatever writes, reads, acknowledgements, stalls
// and cuts come in whatever order, the host has exactly what was written, or a marked gap.
//
// ROUSE_SEED=N runs only schedule N.
#include "tests/unit/output_guest.hpp"

#include <catch2/catch_test_macros.hpp>
#include <fmt/format.h>

#include <charconv>
#include <cstdlib>
#include <random>
#include <string_view>

using namespace rouse;

namespace {

const std::string streams[] = {"stdout", "stderr"};

/// One schedule. Everything that is chosen comes from the seed.
class Schedule {
public:
    explicit Schedule(unsigned seed) : random_(seed), host_(guest_.host_path()) {
        guest_.options.book.retention = std::size_t{4096} << pick(0, 8);
        guest_.options.book.write_timeout = std::chrono::milliseconds(pick(0, 3));
        guest_.options.book.stall_redial = std::chrono::milliseconds(pick(20, 60));
        guest_.options.stdout_policy = pick_policy();
        guest_.options.stderr_policy = pick_policy();
        if (pick(0, 1) == 0) guest_.options.send = output::SendPath::copy;
        guest_.options.console = pick(0, 3) == 0;
        guest_.options.console_after = std::chrono::milliseconds(0);
        guest_.start();
        for (const std::string& stream : streams)
            if (pick(0, 1) == 0)
                (void)sys::set_pipe_capacity(guest_.ends[stream].get(), 4096U << pick(0, 8));
        guest_.connect(epoch_);
    }

    void run() {
        for (int step = 0; step < 500 && problem().empty(); ++step)
            one_step();
    }

    /// The workload ends and the host becomes kind: everything arrives.
    bool finish() {
        guest_.ends.clear();
        guest_.connect(++epoch_); // It may have been fenced.
        return guest_.until([&] {
            host_.serve();
            return !problem().empty() || (finished("stdout") && finished("stderr"));
        });
    }

    std::string problem() {
        for (const std::string& stream : streams)
            if (!host_.stream(stream).problem.empty()) return host_.stream(stream).problem;
        return guest_.escaped.empty() ? "" : guest_.escaped.front();
    }

    /// Where both streams stand, for the message of a failure.
    std::string describe() {
        std::string text;
        for (const output::RelayStatus& status : guest_.service->status())
            text += fmt::format(
                "{} ({}): {}, acked {}, sent {}, read {}, written {}, dropped {}, in pipes {} + {} "
                "+ {} of {}, {} connections, {} redials\n",
                status.stream, status.policy, status.state, status.offsets.acked,
                status.offsets.sent, status.offsets.read, guest_.written[status.stream],
                status.dropped_bytes, status.workload_bytes, status.kept_bytes, status.unsent_bytes,
                status.capacity, status.connections, status.redials);
        return text;
    }

    /// The host has all of a stream, but for what it was told to be lost.
    bool complete(const std::string& stream) {
        return host_.stream(stream).is(guest_.all_of(stream));
    }

    /// Nothing is marked that was not lost, and nothing is lost that should wait.
    bool honest(const std::string& stream) {
        const output::RelayStatus status = guest_.status(stream);
        const std::uint64_t marked = host_.stream(stream).lost();
        return marked <= status.dropped_bytes &&
               (status.policy == "drop" || status.dropped_bytes == 0);
    }
    bool all_losses_are_events() {
        return guest_.lost ==
               guest_.status("stdout").dropped_bytes + guest_.status("stderr").dropped_bytes;
    }
    std::uint64_t lost() const { return guest_.lost; }

private:
    std::size_t pick(std::size_t low, std::size_t high) {
        return low + random_() % (high - low + 1);
    }
    output::DropPolicy pick_policy() {
        return pick(0, 1) == 0 ? output::DropPolicy::drop : output::DropPolicy::block;
    }

    bool finished(const std::string& stream) const {
        return guest_.status(stream).state == "finished";
    }

    void one_step() {
        switch (pick(0, 9)) {
        case 0:
        case 1:
        case 2:
            write(streams[pick(0, 1)]);
            break;
        case 3:
        case 4:
        case 5:
            for (std::size_t i = pick(1, 12); i > 0; --i) {
                guest_.io.restart();
                (void)guest_.io.poll_one();
            }
            break;
        case 6:
        case 7:
        case 8:
            play_host();
            break;
        default:
            if (pick(0, 19) == 0) break_something();
        }
    }

    void write(const std::string& stream) {
        const std::size_t limits[] = {80, 300, 9000, 70000};
        (void)guest_.write(stream, pick(1, limits[pick(0, 3)]));
    }

    void play_host() {
        host_.accept_waiting();
        if (host_.connections.empty()) return;
        // One of the newest: the older ones are dead.
        const std::size_t count = host_.connections.size();
        test::HostConnection& connection =
            *host_.connections[count - 1 - pick(0, std::min<std::size_t>(count - 1, 2))];
        if (!connection.socket.valid() || connection.closed) return;
        host_.read(connection, pick(1, pick(0, 1) == 0 ? 200 : 65536));
        if (!connection.hello || connection.closed) return;
        const std::uint64_t have = host_.stream(connection.hello->stream).bytes.size();
        if (!connection.welcomed) {
            proto::OutputWelcome answer;
            answer.version = 1;
            answer.resume = have;
            answer.window = pick(0, 1U << 20U);
            if (pick(0, 4) == 0) answer.resume.reset();
            if (pick(0, 2) == 0) answer.max_frame = pick(1, 65536);
            host_.welcome(connection, answer);
        } else if (pick(0, 2) == 0) {
            const std::uint64_t upto = host_.consumed(connection);
            host_.acknowledge(connection, pick(0, 1U << 20U), pick(connection.from, upto));
        }
    }

    void break_something() {
        switch (pick(0, 3)) {
        case 0:
            for (const auto& connection : host_.connections)
                connection->socket.reset(); // The host is started anew.
            break;
        case 1:
            if (!host_.connections.empty()) host_.connections.back()->socket.reset();
            break;
        case 2:
            guest_.service->disconnect();
            break;
        default:
            guest_.connect(++epoch_);
        }
        if (pick(0, 1) == 0) guest_.connect(++epoch_);
    }

    std::mt19937_64 random_;
    test::OutputGuest guest_;
    test::OutputHost host_;
    std::uint64_t epoch_ = 1;
};

} // namespace

TEST_CASE("in any schedule the host has exactly what was written, or a marked gap", "[output]") {
    const char* const only = std::getenv("ROUSE_SEED");
    unsigned first = 1;
    unsigned last = 1000;
    if (only != nullptr) {
        const std::string_view text(only);
        REQUIRE(std::from_chars(text.data(), text.data() + text.size(), first).ec == std::errc());
        last = first;
    }
    std::uint64_t lost = 0;
    for (unsigned seed = first; seed <= last; ++seed) {
        INFO("ROUSE_SEED=" << seed);
        Schedule schedule(seed);
        schedule.run();
        const bool finished = schedule.finish();
        INFO(schedule.problem() << schedule.describe());
        REQUIRE(schedule.problem().empty());
        REQUIRE(finished);
        for (const std::string& stream : streams) {
            INFO(stream);
            REQUIRE(schedule.complete(stream));
            REQUIRE(schedule.honest(stream));
        }
        REQUIRE(schedule.all_losses_are_events());
        lost += schedule.lost();
    }
    // A test of losses in which nothing is lost would prove nothing.
    REQUIRE((lost > 0 || only != nullptr));
}
