#include "tests/support/stall_matrix.hpp"

#include "tests/support/prober.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace rouse::test {

using std::chrono::microseconds;
using std::chrono::milliseconds;

namespace {

constexpr std::size_t enough = 25; ///< samples of each reader; the fast ones have many more
constexpr std::chrono::seconds measuring_limit(60);
constexpr std::chrono::seconds children_limit(10);
constexpr std::uint64_t children = 500;

proto::ExecRequest request_of(std::vector<std::string> argv) {
    proto::ExecRequest request;
    request.command.argv = std::move(argv);
    return request;
}

// Twice as long is what is promised. Where all is quick, as over Unix sockets, a few turns of a
// busy machine's scheduler are already more than that; who waits for a frozen reader waits for its
// write timeout of a second at least, and so is found although as much is allowed on top.
std::vector<std::string> worse(const Latencies& before, const Latencies& during) {
    constexpr microseconds scheduler = milliseconds(200);
    std::vector<std::string> found;
    for (const auto& [reader, time] : during) {
        const microseconds usual = before.at(reader);
        if (time > std::max(2 * usual, usual + scheduler))
            found.push_back(fmt::format("{}: p99 {} us, {} us without the frozen reader", reader,
                                        time.count(), usual.count()));
    }
    return found;
}

} // namespace

StallMatrix::StallMatrix(ScriptedHost& host, Endpoint guest, std::string payload)
    : host_(host), guest_(std::move(guest)), payload_(std::move(payload)) {
    host_.confirm(guest_, host_.accept_link());
    for (int stream = 0; stream < 2; ++stream) {
        OutputConnection output = host_.accept_output();
        const std::string name = output.hello.stream;
        probers_[name] = std::make_unique<OutputProber>(host_, std::move(output));
    }
    probers_["link"] = std::make_unique<LinkProber>(host_.link());
    probers_["exec stream"] =
        std::make_unique<EchoProber>(FrameConnection::exec(guest_, request_of({"cat"})));
    probers_["http"] = std::make_unique<HttpProber>(guest_);
    probers_["exec"] = std::make_unique<ExecProber>(guest_, payload_);
    for (const auto& [name, prober] : probers_)
        prober->start();
}

StallMatrix::~StallMatrix() {
    for (const auto& [name, prober] : probers_)
        prober->stop();
}

void StallMatrix::freeze(const std::string& reader) {
    if (reader == "exec stream") {
        unread_ =
            FrameConnection::exec(guest_, request_of({payload_, "sequence", "stdout", "64M"}));
        return;
    }
    Prober& prober = *probers_.at(reader);
    prober.freeze();
    if (auto* link = dynamic_cast<LinkProber*>(&prober)) return link->flood();
    wait_held(guest_, reader == "stdout" ? 0 : 1);
}

void StallMatrix::thaw(const std::string& reader) {
    if (reader == "exec stream") return unread_.reset();
    Prober& prober = *probers_.at(reader);
    prober.clear();
    prober.thaw();
    wait_until([&] { return prober.up_to_date(); },
               [&] {
                   prober.check();
                   return reader + " does not catch up";
               },
               patience);
}

void StallMatrix::churn(bool on) {
    auto* err = dynamic_cast<OutputProber*>(probers_.at("stderr").get());
    err->churn(on);
}

std::vector<std::string> StallMatrix::complaints(const std::function<void()>& freeze,
                                                 const std::function<void()>& thaw) {
    // What was written before anybody took it was under way for long, which is not what is usual.
    if (!std::exchange(settled_, true)) (void)measure();
    std::vector<std::string> found;
    for (int turn = 0; turn < 3; ++turn) {
        const Latencies before = measure();
        freeze();
        found = worse(before, measure());
        const auto late = end_children();
        found.insert(found.end(), late.begin(), late.end());
        thaw();
        if (found.empty()) break;
    }
    return found;
}

std::vector<std::string> StallMatrix::complaints(const std::string& reader) {
    return complaints([&] { freeze(reader); }, [&] { thaw(reader); });
}

/// All but the frozen reader, `enough` samples of each.
Latencies StallMatrix::measure() {
    for (const auto& [name, prober] : probers_)
        prober->clear();
    const auto done = [&] {
        return std::all_of(probers_.begin(), probers_.end(), [](const auto& entry) {
            entry.second->check();
            return entry.second->frozen() || entry.second->samples() >= enough;
        });
    };
    wait_until(
        done, [] { return std::string("a reader gets nothing any more"); }, measuring_limit);
    Latencies latencies;
    for (const auto& [name, prober] : probers_)
        if (!prober->frozen()) latencies[name] = prober->p99();
    return latencies;
}

/// Has 500 children reaped and a streamed command end; complaints when that takes too long.
std::vector<std::string> StallMatrix::end_children() {
    std::vector<std::string> found;
    const auto before = number_at(status(guest_), "/reaper/orphans");
    const auto start = std::chrono::steady_clock::now();
    (void)exec(guest_, {payload_, "orphans", std::to_string(children)});
    wait_status(guest_, [&](const boost::json::value& status) {
        return number_at(status, "/reaper/orphans") >= before + children;
    });
    const auto took = std::chrono::steady_clock::now() - start;
    if (took > children_limit)
        found.push_back(fmt::format("{} children took {} ms", children,
                                    std::chrono::duration_cast<milliseconds>(took).count()));
    auto stream = FrameConnection::exec(guest_, request_of({payload_, "exit", "7"}));
    const StreamedExec ended = run_stream(stream);
    if (!ended.exit || ended.exit->code != 7) found.emplace_back("no EXIT came");
    return found;
}

} // namespace rouse::test
