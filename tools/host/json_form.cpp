#include "proto/base64.hpp"
#include "proto/fields.hpp"
#include "proto/text.hpp"
#include "tools/host/record_form.hpp"
#include "tools/host/timestamp.hpp"

#include <boost/json/serialize.hpp>

namespace rouse::host {
namespace {

namespace json = boost::json;

void add_content(json::object& line, const StreamIdentity& identity, const Record& record) {
    switch (record.kind) {
    case Record::Kind::opened:
        line["opened"] = {
            {"boot_id", identity.boot_id},
            {"parent_generation", identity.parent ? json::value(*identity.parent) : nullptr}};
        break;
    case Record::Kind::data:
        if (proto::is_utf8(record.bytes))
            line["text"] = record.bytes;
        else
            line["base64"] = proto::to_base64(record.bytes);
        break;
    case Record::Kind::gap:
        line["dropped"] = record.count;
        break;
    case Record::Kind::end:
        line["eos"] = record.bytes;
        break;
    }
}

/// How many bytes of the stream a line stands for; nothing when it does not say.
std::optional<std::uint64_t> count_of(const json::object& line) {
    if (const json::value* text = line.if_contains("text"); text != nullptr && text->is_string())
        return text->get_string().size();
    if (const json::value* coded = line.if_contains("base64");
        coded != nullptr && coded->is_string()) {
        const auto bytes = proto::from_base64(coded->get_string());
        return bytes ? std::optional<std::uint64_t>(bytes->size()) : std::nullopt;
    }
    std::uint64_t dropped = 0;
    proto::Problems problems;
    const json::value whole(line);
    proto::Fields fields(whole, "$", problems);
    fields.read("dropped", dropped);
    return problems.errors.empty() ? std::optional(dropped) : std::nullopt;
}

/// A line feed ends a record, and JSON writes none within one.
class JsonForm : public RecordForm {
public:
    [[nodiscard]] std::string_view suffix() const override { return ".jsonl"; }

    [[nodiscard]] std::string encode(const StreamIdentity& identity,
                                     const Record& record) const override {
        json::object line{{"time", timestamp(record.time)},
                          {"vm", identity.vm},
                          {"generation", identity.generation},
                          {"stream", identity.stream},
                          {"offset", record.offset}};
        add_content(line, identity, record);
        return json::serialize(line) + "\n";
    }

    [[nodiscard]] std::string encode_event(const std::string& vm,
                                           const json::object& event) const override {
        const json::object line{
            {"time", timestamp(std::chrono::system_clock::now())}, {"vm", vm}, {"event", event}};
        return json::serialize(line) + "\n";
    }

    [[nodiscard]] std::size_t last_end(std::string_view text) const override {
        return text.rfind('\n') + 1; // npos + 1 is 0
    }

    [[nodiscard]] std::optional<Recalled> recall(std::string_view record) const override {
        const auto value = proto::parse_json(record.substr(0, record.find('\n')));
        if (!value || !value->is_object()) return std::nullopt;
        Recalled recalled;
        proto::Problems problems;
        proto::Fields fields(*value, "$", problems);
        fields.require("offset");
        fields.read("offset", recalled.offset);
        fields.read("eos", recalled.eos);
        if (const json::value* opened = fields.raw("opened"); opened != nullptr)
            proto::Fields(*opened, "$.opened", problems).read("boot_id", recalled.boot_id);
        const auto count = count_of(value->get_object());
        if (!problems.errors.empty() || !count) return std::nullopt;
        recalled.next = recalled.offset + *count;
        return recalled;
    }
};

} // namespace

const RecordForm& json_form() {
    static const JsonForm form;
    return form;
}

const RecordForm& form_of(Format format) {
    return format == Format::journal ? journal_form() : json_form();
}

} // namespace rouse::host
