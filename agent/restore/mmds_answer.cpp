#include "agent/restore/mmds_answer.hpp"

#include "proto/fields.hpp"
#include "proto/limits.hpp"

#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace rouse::restore {

namespace json = boost::json;

namespace {

/// Members that are texts, whatever they look like.
constexpr std::array<std::string_view, 4> texts{"generation", "entropy", "hostname", "machine_id"};

MmdsText read_document(std::string_view text) {
    proto::Parsed<proto::RestoreDocument> document = proto::parse_restore_document(text);
    if (!document) return document.error();
    return std::move(*document);
}

bool is_plain_key(std::string_view key) {
    return !key.empty() && key.size() <= 64 && std::all_of(key.begin(), key.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '_' || c == '-';
    });
}

MmdsText read_keys(std::string_view body) {
    MmdsKeys keys;
    while (!body.empty()) {
        const std::string_view line = body.substr(0, body.find('\n'));
        body.remove_prefix(std::min(line.size() + 1, body.size()));
        if (line.ends_with('/'))
            return proto::Problem{std::string(line), "is an object; give it as a text of JSON"};
        if (!is_plain_key(line)) return proto::Problem{"$", "is neither JSON nor a list of keys"};
        if (keys.size() == proto::limits::mmds_keys)
            return proto::Problem{"$", fmt::format("has more than {} keys", keys.size())};
        keys.emplace_back(line);
    }
    if (keys.empty()) return proto::Problem{"$", "is empty"};
    return keys;
}

json::value value_of(const std::string& key, const std::string& text) {
    const bool is_text = std::find(texts.begin(), texts.end(), key) != texts.end();
    proto::Parsed<json::value> value = proto::parse_json(text);
    if (is_text || !value) return json::value(text);
    return std::move(*value);
}

} // namespace

MmdsText read_mmds_text(std::string_view body) {
    const proto::Parsed<json::value> value = proto::parse_json(body);
    if (value && value->is_string()) return read_document(value->get_string());
    const std::size_t first = body.find_first_not_of(" \t\r\n");
    const bool is_json = value || (first != std::string_view::npos && body[first] == '{');
    return is_json ? read_document(body) : read_keys(body);
}

proto::Parsed<proto::RestoreDocument>
read_mmds_members(const std::map<std::string, std::string>& members) {
    json::object object;
    for (const auto& [key, text] : members)
        object[key] = value_of(key, text);
    return proto::parse_restore_document(json::serialize(object));
}

std::string mmds_value(const proto::RestoreDocument& document) {
    return document.generation.value_or(json::serialize(to_json(document)));
}

bool is_mmds_token(std::string_view text) {
    constexpr std::size_t longest = 512;
    return !text.empty() && text.size() <= longest &&
           std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < '\x7f'; });
}

} // namespace rouse::restore
