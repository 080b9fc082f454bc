// One restore that two triggers notice, in a running agent: the second one speaks while the chain
// stands at a failpoint, before or after each of its steps. tests/unit/restore_pairs.cpp has every
// trigger; here are those that a guest without a VM can have.
#include "proto/chunked.hpp"
#include "tests/process/live_host.hpp"
#include "tests/support/live_mmds.hpp"
#include "tests/support/wait.hpp"
#include "tools/lab/identity.hpp"

#include <boost/json.hpp>
#include <catch2/catch_test_macros.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <deque>
#include <future>
#include <sstream>

using namespace rouse;
using namespace std::chrono_literals;
using test::Agent;
using test::AgentPlace;
using test::LiveHost;
using test::LiveMmds;
using test::payload;

namespace {

namespace json = boost::json;

enum class Trigger { canary, word, mmds };

std::string_view name(Trigger trigger) {
    constexpr std::array<std::string_view, 3> names{"canary", "word", "mmds"};
    return names.at(static_cast<std::size_t>(trigger));
}

/// What the host puts: a document of this generation where the agent looks for it.
json::value generation_data(const std::string& generation) {
    return {{"rouse", {{"restore", {{"generation", generation}}}}}};
}

/// Of an agent that asks this service for restores.
std::string restore_config(const LiveMmds& service) {
    const json::object mmds = service.config({{"enabled", true}});
    return json::serialize(json::object{{"restore", {{"mmds", mmds}}}});
}

/// An agent that has booted, and its hosts; then a restore.
class Scene {
public:
    explicit Scene(const std::string& failpoint)
        : host_(place_, born_), mmds_(generation_data(born_)),
          agent_(place_, payload({"trickle"}), restore_config(mmds_),
                 // The boot may reach it, too.
                 {{"ROUSE_FAILPOINTS", failpoint + "=2"}}) {
        wait("boot",
             [this] { return is_settled(born_) && has_asked() && count("output_welcomed") == 2; });
        // Only what was frozen is thawed.
        if (failpoint.ends_with("thaw") && answer("POST", "/v1/snapshot/prepare").status != 200)
            throw std::runtime_error("POST /v1/snapshot/prepare was refused\n" + told());
        booted_ = events().size();
    }

    void pull(Trigger trigger) {
        if (trigger == Trigger::canary) return host_.cut_link();
        if (trigger == Trigger::mmds) return mmds_.put(generation_data(restored_));
        word_ = std::async(std::launch::async, [this] {
            proto::RestoreDocument document;
            document.generation = restored_;
            return answer("POST", "/v1/restore", json::serialize(to_json(document))).status;
        });
    }

    /// The restore, noticed by both; what is wrong about it, or nothing.
    std::string run(Trigger first, Trigger second) {
        host_.tell(restored_);
        pull(first);
        wait("failpoint", [this] { return count("failpoint") > 0; });
        pull(second);
        if (word_.valid() && word_.get() != 200) return "POST /v1/restore was refused";
        wait("restore", [this] { return is_settled(restored_) && count("output_welcomed") >= 2; });
        wait_quiet();
        const std::array<std::size_t, 2> counts{count("listener_rebound"),
                                                count("output_welcomed")};
        if (counts == std::array<std::size_t, 2>{1, 2}) return {};
        return fmt::format("{} rebinds, {} streams welcomed", counts[0], counts[1]);
    }

    /// The agent's events since it had booted, for who looks for the reason.
    [[nodiscard]] std::string told() const {
        std::string text;
        for (const json::value& event : events())
            text += json::serialize(event) + "\n";
        return text;
    }

private:
    template <typename Condition>
    void wait(const char* what, Condition condition) {
        test::wait_until(
            condition, [&] { return fmt::format("no {}:\n{}", what, told()); }, test::patience);
    }

    /// What a second chain would do shows within the time in which late triggers still join.
    void wait_quiet() {
        const auto end = std::chrono::steady_clock::now() + 300ms;
        wait("quiet", [&] { return std::chrono::steady_clock::now() >= end; });
        wait("settled end", [this] { return is_settled(restored_); });
    }

    [[nodiscard]] bool is_settled(const std::string& generation) const {
        const json::value status = json::parse(answer_of("/v1/status"));
        return test::text_at(status, "/generation") == generation &&
               test::text_at(status, "/restore/step") == "none" &&
               test::text_at(status, "/prepare/state") == "none" &&
               test::text_at(status, "/restore/link") == "connected" &&
               test::text_at(status, "/restore/output") == "on";
    }

    /// Whether the agent knows the document of its birth: another one is news only after that.
    [[nodiscard]] bool has_asked() const {
        const json::value epochs = json::parse(answer_of("/v1/debug/epochs"));
        const json::array& sources = epochs.at("sources").as_array();
        return std::ranges::any_of(sources, [this](const json::value& source) {
            return source.at("source") == "mmds" && source.at("value") == json::value(born_);
        });
    }

    [[nodiscard]] std::vector<json::value> events() const {
        std::string text;
        proto::ChunkDecoder chunks;
        // What is missing then is missed by the test.
        (void)chunks.feed(answer_of(fmt::format("/v1/events?since={}", booted_)), text);
        std::istringstream lines(text);
        std::vector<json::value> events;
        for (std::string line; std::getline(lines, line);)
            events.push_back(json::parse(line));
        return events;
    }

    [[nodiscard]] std::string answer_of(const std::string& path) const {
        return answer("GET", path).body;
    }

    /// As rousectl does: it asks again when a fence has ended its connection, which was there
    /// before the trigger. To name a generation twice is to name it once.
    [[nodiscard]] test::HttpAnswer answer(std::string_view method, const std::string& path,
                                          const std::string& body = {}) const {
        constexpr unsigned tries = 5;
        for (unsigned turn = 1;; ++turn) {
            try {
                return ask(place_.endpoint(), method, path, body);
            } catch (const std::runtime_error&) {
                if (turn == tries) throw;
            }
        }
    }

    [[nodiscard]] std::size_t count(std::string_view type) const {
        const std::vector<json::value> all = events();
        return static_cast<std::size_t>(std::ranges::count_if(
            all, [&](const json::value& event) { return test::text_at(event, "/type") == type; }));
    }

    std::string born_ = lab::random_uuid();
    std::string restored_ = lab::random_uuid();
    AgentPlace place_;
    LiveHost host_;
    LiveMmds mmds_;
    Agent agent_;
    std::size_t booted_ = 0; ///< number of the last event of the boot
    std::future<int> word_;
};

/// Empty, or what went wrong. Nothing of Catch2, which knows one thread.
std::string try_restore(const std::string& failpoint, Trigger first, Trigger second) {
    try {
        Scene scene(failpoint);
        const std::string wrong = scene.run(first, second);
        return wrong.empty() ? wrong : fmt::format("{}: {}\n{}", failpoint, wrong, scene.told());
    } catch (const std::exception& error) {
        return fmt::format("{}: {}", failpoint, error.what());
    }
}

/// Those of any guest, and the thaw of one that was prepared for a snapshot.
constexpr std::array chain_places{"fence", "rebind", "dial",    "hello",  "apply",
                                  "thaw",  "gate",   "confirm", "output", "announce"};

/// The second trigger speaks before each step of the chain, and after it.
void try_every_step(Trigger first, Trigger second) {
    INFO(name(first) << ", then " << name(second));
    // Each spends its time waiting, so several go at once.
    constexpr std::size_t at_once = 9;
    std::deque<std::future<std::string>> tries;
    const auto finish_one = [&] {
        CHECK(tries.front().get() == "");
        tries.pop_front();
    };
    for (const char* const step : chain_places)
        for (const char* const when : {"before", "after"}) {
            if (tries.size() == at_once) finish_one();
            tries.push_back(std::async(std::launch::async, try_restore,
                                       fmt::format("restore-{}-{}", when, step), first, second));
        }
    while (!tries.empty())
        finish_one();
}

} // namespace

TEST_CASE("a lost link and another trigger make one rebind and one output connect at every step",
          "[restore][process]") {
    try_every_step(Trigger::canary, Trigger::word);
    try_every_step(Trigger::canary, Trigger::mmds);
}

TEST_CASE(
    "the host's word and another trigger make one rebind and one output connect at every step",
    "[restore][process]") {
    try_every_step(Trigger::word, Trigger::canary);
    try_every_step(Trigger::word, Trigger::mmds);
}

TEST_CASE("a document in MMDS and another trigger make one rebind and one output connect at every "
          "step",
          "[restore][process]") {
    try_every_step(Trigger::mmds, Trigger::canary);
    try_every_step(Trigger::mmds, Trigger::word);
}
