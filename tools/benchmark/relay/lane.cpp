#include "tools/benchmark/relay/lane.hpp"

#include "tools/benchmark/row.hpp"

#include <fmt/format.h>

#include <charconv>
#include <limits>
#include <stdexcept>

namespace rouse::bench {
namespace {

constexpr auto limit = std::chrono::seconds(30); // for any one command
constexpr std::size_t line_bytes = 80;
constexpr double gibibyte = 1024.0 * 1024.0 * 1024.0;

std::int64_t now() {
    return std::chrono::steady_clock::now().time_since_epoch() / std::chrono::nanoseconds(1);
}

/// Cuts what comes into lines and takes the time of each.
class LineTimes {
public:
    void take(std::string_view bytes, std::int64_t at) {
        while (!bytes.empty()) {
            const auto piece = bytes.substr(0, line_bytes - line_.size());
            line_ += piece;
            bytes.remove_prefix(piece.size());
            if (line_.size() < line_bytes) return;
            std::int64_t written = 0;
            std::from_chars(line_.data(), line_.data() + line_.size(), written);
            ages_.push_back(static_cast<double>(at - written));
            line_.clear();
        }
    }

    /// From write to arrival, in nanoseconds between two clocks.
    [[nodiscard]] const std::vector<double>& ages() const { return ages_; }

private:
    std::string line_;
    std::vector<double> ages_;
};

} // namespace

std::string Lane::ask(const std::string& command) {
    send_all(parts_.control.get(), command + "\n");
    return read_line(parts_.control.get(), lab::Deadline(limit));
}

std::uint64_t Lane::ask_number(const std::string& command) {
    const std::string answer = ask(command);
    std::uint64_t number = 0;
    const char* end = answer.data() + answer.size();
    if (std::from_chars(answer.data(), end, number).ptr != end || number == 0)
        throw std::runtime_error(fmt::format("'{}' was answered '{}'", command, answer));
    return number;
}

Lane::Spent Lane::spend(const std::string& command, std::uint64_t bytes) {
    const lab::Deadline deadline(limit);
    const auto cpu = ask_number("cpu");
    const auto start = now();
    send_all(parts_.control.get(), command + "\n");
    std::uint64_t got = 0;
    while (got < bytes)
        parts_.intake->receive(deadline, [&](std::string_view piece) { got += piece.size(); });
    const auto end = now();
    parts_.intake->settle();
    if (read_line(parts_.control.get(), deadline) != "done" || got != bytes)
        throw std::runtime_error(fmt::format("{} bytes came of {}", got, bytes));
    return {.wall_s = static_cast<double>(end - start) / 1e9,
            .cpu_ms = static_cast<double>(ask_number("cpu") - cpu) / 1e6};
}

std::int64_t Lane::clock_offset() {
    constexpr int tries = 20;
    if (parts_.clock == WorkloadClock::ours) return 0;
    std::int64_t shortest = std::numeric_limits<std::int64_t>::max();
    std::int64_t offset = 0;
    // The shortest round trip is the one whose middle is known best.
    for (int turn = 0; turn < tries; ++turn) {
        const std::int64_t sent = now();
        const auto theirs = static_cast<std::int64_t>(ask_number("clock"));
        const std::int64_t round_trip = now() - sent;
        if (round_trip >= shortest) continue;
        shortest = round_trip;
        offset = sent + round_trip / 2 - theirs;
    }
    return offset;
}

double Lane::latency(const Load& load) {
    const lab::Deadline deadline(limit);
    const std::int64_t offset_before = clock_offset();
    send_all(parts_.control.get(),
             fmt::format("paced {} {}\n", load.paced_lines, load.period.count()));
    LineTimes times;
    while (times.ages().size() < load.paced_lines)
        parts_.intake->receive(deadline, [&](std::string_view piece) { times.take(piece, now()); });
    parts_.intake->settle();
    if (read_line(parts_.control.get(), deadline) != "done")
        throw std::runtime_error("the paced lines did not end well");
    // Two clocks drift apart; the mean of both ends is right in the middle.
    const std::int64_t offset = (offset_before + clock_offset()) / 2;
    return (percentile(times.ages(), 99) - static_cast<double>(offset)) / 1e6;
}

void Lane::warm_up(const Load& load) {
    named([&] {
        (void)spend(fmt::format("bulk {}", load.bulk_bytes / 8), load.bulk_bytes / 8);
        (void)spend(fmt::format("lines {}", load.lines / 8), load.lines / 8 * line_bytes);
    });
}

void Lane::measure(const Load& load) {
    named([&] {
        const auto bulk = spend(fmt::format("bulk {}", load.bulk_bytes), load.bulk_bytes);
        const auto lines = spend(fmt::format("lines {}", load.lines), load.lines * line_bytes);
        const auto bytes = static_cast<double>(load.bulk_bytes);
        const auto count = static_cast<double>(load.lines);
        turns_.push_back({.cpu_ms_per_gib = bulk.cpu_ms / (bytes / gibibyte),
                          .mib_per_second = bytes / mebibyte / bulk.wall_s,
                          .lines_per_second = count / lines.wall_s,
                          .cpu_us_per_line = lines.cpu_ms * 1000 / count,
                          .latency_ms = latency(load)});
    });
}

void Lane::named(const std::function<void()>& work) const {
    try {
        work();
    } catch (const std::runtime_error& error) {
        throw std::runtime_error(fmt::format("relay '{}': {}", name(), error.what()));
    }
}

double middle(const Lane& lane, double Turn::*member) {
    std::vector<double> values;
    for (const Turn& turn : lane.turns())
        values.push_back(turn.*member);
    return median(std::move(values));
}

double middle_ratio(const Lane& lane, const Lane& by, double Turn::*member) {
    std::vector<double> ratios;
    for (std::size_t turn = 0; turn < lane.turns().size(); ++turn)
        ratios.push_back(lane.turns()[turn].*member / by.turns()[turn].*member);
    return median(std::move(ratios));
}

} // namespace rouse::bench
