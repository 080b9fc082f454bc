#include "proto/restore.hpp"

#include "proto/base64.hpp"
#include "proto/text.hpp"

namespace rouse::proto {

namespace json = boost::json;

json::object to_json(const RestoreDocument& document) {
    json::object object;
    if (document.generation) object["generation"] = *document.generation;
    if (document.now_ns) object["now_ns"] = *document.now_ns;
    if (!document.entropy.empty()) object["entropy"] = to_base64(document.entropy);
    return object;
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

namespace {

json::value to_json(const RestoreStep& step) {
    json::object object{
        {"name", step.name}, {"outcome", step.outcome}, {"duration_us", step.duration_us}};
    if (!step.detail.empty()) object["detail"] = step.detail;
    return object;
}

void read_steps(Fields& fields, RestoreReport& report, Problems& problems) {
    const json::value* steps = fields.raw("steps");
    if (steps == nullptr) return;
    if (!steps->is_array()) return fields.fail("steps", "must be an array");
    for (const json::value& element : steps->get_array()) {
        RestoreStep step;
        Fields members(element, fields.path_of("steps"), problems);
        members.read("name", step.name);
        members.read("outcome", step.outcome);
        members.read("duration_us", step.duration_us);
        members.read("detail", step.detail);
        report.steps.push_back(std::move(step));
    }
}

} // namespace

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
    read_steps(fields, report, problems);
    fields.read("total_us", report.total_us);
    return value_or_first(std::move(report), problems);
}

} // namespace rouse::proto
