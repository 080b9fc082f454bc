#include "tools/benchmark/restore/subject.hpp"

#include "tools/benchmark/question.hpp"
#include "tools/benchmark/relay/wire.hpp"
#include "tools/benchmark/row.hpp"
#include "tools/benchmark/timeline.hpp"
#include "tools/lab/identity.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <stdexcept>

namespace rouse::bench {
namespace {

namespace json = boost::json;

constexpr std::chrono::seconds subject_limit{20};
constexpr double nanoseconds_a_microsecond = 1000;

double own_share(const proto::RestoreReport& report) {
    double own = 0;
    for (const proto::RestoreStep& step : report.steps)
        if (!waits_for_host(step)) own += static_cast<double>(step.duration_us);
    return own;
}

template <typename Figure>
double median_of(const std::vector<ChainRun>& runs, Figure figure) {
    std::vector<double> values;
    for (const ChainRun& run : runs)
        values.push_back(figure(run));
    return median(std::move(values));
}

} // namespace

std::string Subject::ask(const std::string& command) const {
    send_all(control_.get(), command + "\n");
    return read_line(control_.get(), lab::Deadline(subject_limit));
}

double Subject::ask_number(const std::string& command) const {
    const std::string answer = ask(command);
    double number = 0;
    const char* end = answer.data() + answer.size();
    if (std::from_chars(answer.data(), end, number).ptr != end)
        throw std::runtime_error(fmt::format("'{}' was answered '{}'", command, answer));
    return number;
}

void Subject::wait_linked() const {
    const lab::Deadline deadline(subject_limit);
    for (;;) {
        const auto answer = question(
            target_, {.method = "GET", .path = "/v1/debug/epochs", .body = {}, .upgrade = {}});
        const json::value document = json::parse(answer.body);
        const json::value* state = document.as_object().if_contains("report");
        if (state != nullptr && state->at("state") == json::value("complete")) return;
        if (deadline.expired())
            throw std::runtime_error("no collector serves the link: " + answer.body);
        lab::wait_to_retry(deadline);
    }
}

ChainRun Subject::restore() const {
    json::object document = lab::restore_document(lab::random_uuid());
    ChainRun run;
    const double cpu = ask_number("cpu");
    const bool counted = ask("clean") == "done";
    const auto answer = question(target_, {.method = "POST",
                                           .path = "/v1/restore",
                                           .body = json::serialize(document),
                                           .upgrade = {}});
    if (counted) run.dirty_pages = ask_number("dirty");
    run.cpu_us = (ask_number("cpu") - cpu) / nanoseconds_a_microsecond;
    const auto report = proto::parse_restore_report(json::parse(answer.body));
    if (!report || report->state != "complete")
        throw std::runtime_error("the chain did not complete: " + answer.body);
    run.own_us = own_share(*report);
    run.report = *report;
    return run;
}

ChainFigures figures_of(const std::vector<ChainRun>& runs) {
    ChainFigures figures;
    figures.total_us = median_of(
        runs, [](const ChainRun& run) { return static_cast<double>(run.report.total_us); });
    figures.own_us = median_of(runs, [](const ChainRun& run) { return run.own_us; });
    figures.cpu_us = median_of(runs, [](const ChainRun& run) { return run.cpu_us; });
    if (runs.front().dirty_pages)
        figures.dirty_pages =
            median_of(runs, [](const ChainRun& run) { return run.dirty_pages.value_or(0); });
    for (const proto::RestoreStep& step : runs.front().report.steps) {
        const auto duration = [&](const ChainRun& run) {
            const auto same = std::find_if(
                run.report.steps.begin(), run.report.steps.end(),
                [&](const proto::RestoreStep& other) { return other.name == step.name; });
            return same == run.report.steps.end() ? 0 : static_cast<double>(same->duration_us);
        };
        figures.steps.emplace_back(step.name, median_of(runs, duration));
    }
    return figures;
}

} // namespace rouse::bench
