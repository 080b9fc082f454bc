#include "proto/restore.hpp"

#include "proto/base64.hpp"
#include "proto/text.hpp"

#include <algorithm>

namespace rouse::proto {

namespace json = boost::json;

json::object to_json(const RestoreDocument& document) {
    json::object object;
    if (document.generation) object["generation"] = *document.generation;
    if (document.now_ns) object["now_ns"] = *document.now_ns;
    if (!document.entropy.empty()) object["entropy"] = to_base64(document.entropy);
    if (document.hostname) object["hostname"] = *document.hostname;
    if (document.machine_id) object["machine_id"] = *document.machine_id;
    if (!document.network.empty()) object["network"] = to_json(document.network);
    if (document.dns) object["dns"] = to_json(*document.dns);
    if (document.close_tcp) object["close_tcp"] = true;
    if (document.signal) object["signal"] = *document.signal;
    if (!document.config.empty()) object["config"] = json::parse(document.config);
    return object;
}

bool is_machine_id(std::string_view text) {
    constexpr std::size_t digits = 32;
    return text.size() == digits &&
           text.find_first_not_of("0123456789abcdef") == std::string_view::npos &&
           text.find_first_not_of('0') != std::string_view::npos;
}

namespace {

void read_identity(Fields& fields, RestoreDocument& document) {
    fields.read("hostname", document.hostname);
    if (document.hostname && !is_hostname(*document.hostname))
        fields.fail("hostname",
                    "must be labels of letters, digits and hyphens, at most 64 bytes in all");
    fields.read("machine_id", document.machine_id);
    if (document.machine_id && !is_machine_id(*document.machine_id))
        fields.fail("machine_id", "must be 32 lower-case hexadecimal digits, not all 0");
}

} // namespace

std::uint64_t wall_clock_at(const RestoreDocument& document,
                            std::chrono::steady_clock::time_point now) {
    if (!document.now_ns) return 0;
    const auto kept = now - document.received.at.value_or(now);
    const auto age = static_cast<std::uint64_t>(std::max<std::int64_t>(
        std::chrono::duration_cast<std::chrono::nanoseconds>(kept).count(), 0));
    return *document.now_ns + std::min(age, UINT64_MAX - *document.now_ns);
}

void read_restore_document(Fields& fields, RestoreDocument& document) {
    constexpr std::size_t max_entropy = 512;
    fields.read("generation", document.generation);
    if (document.generation && !is_uuid(*document.generation))
        fields.fail("generation", "must be a UUID");
    fields.read("now_ns", document.now_ns);
    std::string entropy;
    fields.read("entropy", entropy);
    Parsed<std::string> bytes = from_base64(entropy);
    if (!bytes)
        fields.fail("entropy", bytes.error().why);
    else if (bytes->size() > max_entropy)
        fields.fail("entropy", "must have at most 512 bytes");
    else
        document.entropy = std::move(*bytes);
    constexpr std::uint64_t last_signal = 64;
    read_identity(fields, document);
    read_network(fields, "network", document.network);
    read_dns(fields, "dns", document.dns);
    fields.read("close_tcp", document.close_tcp);
    fields.read("signal", document.signal, 1, last_signal);
    const json::value* const config = fields.raw("config");
    if (config != nullptr && !config->is_object())
        fields.fail("config", "must be an object");
    else if (config != nullptr)
        document.config = json::serialize(*config);
}

Parsed<RestoreDocument> parse_restore_document(std::string_view body) {
    Parsed<json::value> value = parse_json(body);
    if (!value) return value.error();
    RestoreDocument document;
    Problems problems;
    Fields fields(*value, "$", problems);
    read_restore_document(fields, document);
    fields.finish();
    problems.errors.insert(problems.errors.end(), problems.unknown.begin(), problems.unknown.end());
    return value_or_first(std::move(document), problems);
}

json::value to_json(const RestoreStep& step) {
    json::object object{
        {"name", step.name}, {"outcome", step.outcome}, {"duration_us", step.duration_us}};
    if (!step.detail.empty()) object["detail"] = step.detail;
    return object;
}

std::vector<RestoreStep> read_steps(Fields& fields, Problems& problems) {
    std::vector<RestoreStep> read;
    const json::value* steps = fields.raw("steps");
    if (steps == nullptr) return read;
    if (!steps->is_array()) {
        fields.fail("steps", "must be an array");
        return read;
    }
    for (const json::value& element : steps->get_array()) {
        RestoreStep step;
        Fields members(element, fields.path_of("steps"), problems);
        members.read("name", step.name);
        members.read("outcome", step.outcome);
        members.read("duration_us", step.duration_us);
        members.read("detail", step.detail);
        read.push_back(std::move(step));
    }
    return read;
}

json::value to_json(const RestoreReport& report) {
    json::array steps;
    for (const RestoreStep& step : report.steps)
        steps.push_back(to_json(step));
    return {{"epoch", report.epoch},
            {"kind", report.kind},
            {"trigger", report.trigger},
            {"exec", report.exec},
            {"state", report.state},
            {"generation", report.generation},
            {"parent_generation", report.parent_generation ? json::value(*report.parent_generation)
                                                           : json::value(nullptr)},
            {"steps", std::move(steps)},
            {"total_us", report.total_us}};
}

Parsed<RestoreReport> parse_restore_report(const json::value& value) {
    RestoreReport report;
    Problems problems;
    Fields fields(value, "$", problems);
    fields.require("epoch");
    fields.read("epoch", report.epoch);
    fields.read("kind", report.kind);
    fields.read("trigger", report.trigger);
    fields.read("exec", report.exec);
    fields.read("state", report.state);
    fields.read("generation", report.generation);
    fields.read("parent_generation", report.parent_generation);
    report.steps = read_steps(fields, problems);
    fields.read("total_us", report.total_us);
    return value_or_first(std::move(report), problems);
}

} // namespace rouse::proto
