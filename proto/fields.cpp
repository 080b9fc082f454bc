#include "proto/fields.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace rouse::proto {

namespace json = boost::json;

namespace {

bool is_string(const json::value& value) {
    return value.is_string();
}
bool is_bool(const json::value& value) {
    return value.is_bool();
}
bool is_array(const json::value& value) {
    return value.is_array();
}
bool is_object(const json::value& value) {
    return value.is_object();
}

std::optional<std::uint64_t> whole_number(const json::value& value) {
    if (value.is_uint64()) return value.get_uint64();
    if (value.is_int64() && value.get_int64() >= 0)
        return static_cast<std::uint64_t>(value.get_int64());
    return std::nullopt;
}

} // namespace

Fields::Fields(const json::value& value, std::string path, Problems& problems)
    : object_(value.if_object()), path_(std::move(path)), problems_(&problems) {
    if (object_ == nullptr) problems_->errors.push_back({path_, "must be an object"});
}

std::string Fields::path_of(std::string_view key) const {
    return key.empty() ? path_ : fmt::format("{}.{}", path_, key);
}

void Fields::fail(std::string_view key, std::string why) {
    problems_->errors.push_back({path_of(key), std::move(why)});
}

const json::value* Fields::raw(std::string_view key) {
    known_.emplace_back(key);
    return object_ == nullptr ? nullptr : object_->if_contains(key);
}

const json::value* Fields::typed(std::string_view key, bool (*is)(const json::value&),
                                 std::string_view expected) {
    const json::value* value = raw(key);
    if (value == nullptr || is(*value)) return value;
    fail(key, fmt::format("must be {}", expected));
    return nullptr;
}

Fields Fields::member(std::string_view key, const json::value& value) const {
    return {value, path_of(key), *problems_};
}

void Fields::require(std::string_view key) {
    if (object_ != nullptr && !object_->contains(key)) fail(key, "is missing");
}

void Fields::read(std::string_view key, std::string& target) {
    if (const json::value* value = typed(key, is_string, "a string"))
        target = json::value_to<std::string>(*value);
}

void Fields::read(std::string_view key, bool& target) {
    if (const json::value* value = typed(key, is_bool, "true or false")) target = value->get_bool();
}

void Fields::read(std::string_view key, std::optional<std::string>& target) {
    const json::value* value = raw(key);
    if (value == nullptr) return;
    if (value->is_null())
        target.reset();
    else if (value->is_string())
        target = json::value_to<std::string>(*value);
    else
        fail(key, "must be a string or null");
}

void Fields::read(std::string_view key, std::vector<std::string>& target) {
    const json::value* value = typed(key, is_array, "an array of strings");
    if (value == nullptr) return;
    std::vector<std::string> strings;
    for (const json::value& element : value->get_array()) {
        if (!element.is_string())
            return fail(fmt::format("{}[{}]", key, strings.size()), "must be a string");
        strings.push_back(json::value_to<std::string>(element));
    }
    target = std::move(strings);
}

void Fields::read(std::string_view key, std::vector<std::uint64_t>& target) {
    const json::value* value = typed(key, is_array, "an array of whole numbers");
    if (value == nullptr) return;
    std::vector<std::uint64_t> numbers;
    for (const json::value& element : value->get_array()) {
        const std::optional<std::uint64_t> number = whole_number(element);
        if (!number)
            return fail(fmt::format("{}[{}]", key, numbers.size()), "must be a whole number");
        numbers.push_back(*number);
    }
    target = std::move(numbers);
}

void Fields::read(std::string_view key, std::map<std::string, std::string>& target) {
    const json::value* value = typed(key, is_object, "an object of strings");
    if (value == nullptr) return;
    std::map<std::string, std::string> strings;
    for (const auto& member : value->get_object()) {
        const std::string name(member.key());
        if (!member.value().is_string())
            return fail(fmt::format("{}.{}", key, name), "must be a string");
        strings[name] = json::value_to<std::string>(member.value());
    }
    target = std::move(strings);
}

void Fields::read(std::string_view key, std::uint64_t& target, std::uint64_t low,
                  std::uint64_t high) {
    const json::value* value = raw(key);
    if (value == nullptr) return;
    const std::optional<std::uint64_t> number = whole_number(*value);
    if (!number || *number < low || *number > high)
        return fail(key, fmt::format("must be a whole number from {} to {}", low, high));
    target = *number;
}

void Fields::read(std::string_view key, std::uint32_t& target, std::uint32_t low,
                  std::uint32_t high) {
    std::uint64_t wide = target;
    read(key, wide, low, high);
    target = static_cast<std::uint32_t>(wide);
}

void Fields::read(std::string_view key, std::int64_t& target) {
    const json::value* value = raw(key);
    if (value == nullptr) return;
    if (!value->is_int64()) return fail(key, "must be a whole number");
    target = value->get_int64();
}

void Fields::read(std::string_view key, std::optional<std::uint64_t>& target, std::uint64_t low,
                  std::uint64_t high) {
    const json::value* value = raw(key);
    if (value == nullptr) return;
    if (value->is_null()) return target.reset();
    target = whole_number(*value);
    if (!target) return fail(key, "must be a whole number or null");
    if (*target < low || *target > high)
        fail(key, fmt::format("must be a whole number from {} to {}, or null", low, high));
}

void Fields::read(std::string_view key, std::chrono::milliseconds& target) {
    constexpr std::uint64_t a_day = 24ULL * 60 * 60 * 1000;
    auto count = static_cast<std::uint64_t>(target.count());
    read(key, count, 0, a_day);
    target = std::chrono::milliseconds(count);
}

void Fields::finish() {
    if (problems_->known != nullptr)
        for (const std::string& key : known_)
            problems_->known->push_back(path_of(key));
    if (object_ == nullptr) return;
    for (const auto& member : *object_) {
        const std::string name(member.key());
        if (std::find(known_.begin(), known_.end(), name) == known_.end())
            problems_->unknown.push_back({path_of(name), "is not a known key"});
    }
}

namespace {

/// How many members the text of a document says, each by a colon that is in no string.
std::size_t members_in(std::string_view text) {
    std::size_t count = 0;
    bool quoted = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '\\')
            ++i; // only in strings, and hides a quote
        else if (text[i] == '"')
            quoted = !quoted;
        else if (text[i] == ':' && !quoted)
            ++count;
    }
    return count;
}

/// How many it has; the depth was bounded when it was parsed.
std::size_t members_of(const json::value& value) {
    std::size_t count = 0;
    if (const json::object* object = value.if_object())
        for (const auto& member : *object)
            count += 1 + members_of(member.value());
    else if (const json::array* array = value.if_array())
        for (const json::value& element : *array)
            count += members_of(element);
    return count;
}

} // namespace

Parsed<json::value> parse_json(std::string_view text) {
    json::stream_parser parser;
    boost::system::error_code error;
    const std::size_t used = parser.write_some(text.data(), text.size(), error);
    if (!error && used < text.size() &&
        text.find_first_not_of(" \t\r\n", used) != std::string_view::npos)
        return Problem{"$", fmt::format("not valid JSON at byte {}: text after the value", used)};
    if (!error) parser.finish(error);
    if (error)
        return Problem{"$", fmt::format("not valid JSON at byte {}: {}", used, error.message())};
    json::value document = parser.release();
    // Of two members with one name one was lost, and others may take the other one.
    if (members_of(document) != members_in(text))
        return Problem{"$", "a member comes twice in an object"};
    return document;
}

} // namespace rouse::proto
