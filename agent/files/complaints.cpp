#include "agent/files/complaints.hpp"

#include "proto/fields.hpp"
#include "proto/text.hpp"

#include <boost/json.hpp>

#include <algorithm>

namespace rouse::files {

namespace {

constexpr std::size_t longest_line = 64 * 1024; // a path has 4 KiB, escaped it may have 24
constexpr std::size_t most_warnings = 100;
constexpr std::size_t longest_stray = 512;

std::string text_of(const boost::json::object& object, std::string_view name) {
    const boost::json::value* const found = object.if_contains(name);
    const boost::json::string* const text = found != nullptr ? found->if_string() : nullptr;
    return text != nullptr ? std::string(*text) : std::string();
}

} // namespace

void Complaints::add(std::string_view bytes) {
    while (!bytes.empty()) {
        const std::size_t end = bytes.find('\n');
        line_.append(bytes.substr(0, std::min(end, longest_line - line_.size())));
        bytes.remove_prefix(end == std::string_view::npos ? bytes.size() : end + 1);
        if (end == std::string_view::npos) return;
        take(line_);
        line_.clear();
    }
}

void Complaints::take(std::string_view line) {
    const proto::Parsed<boost::json::value> parsed = proto::parse_json(line);
    const boost::json::object* const said = parsed ? parsed->if_object() : nullptr;
    const boost::json::value* const error = said != nullptr ? said->if_contains("error") : nullptr;
    const boost::json::value* const warning =
        said != nullptr ? said->if_contains("warning") : nullptr;
    if (error != nullptr && error->is_object()) {
        const boost::json::object& body = error->get_object();
        failure_.emplace(text_of(body, "kind"), text_of(body, "path"), text_of(body, "message"));
    } else if (warning != nullptr && warning->is_object()) {
        ++warned_;
        const boost::json::object& body = warning->get_object();
        if (warnings_.size() < most_warnings)
            warnings_.push_back(boost::json::object{{"message", text_of(body, "message")},
                                                    {"path", text_of(body, "path")}});
    } else {
        stray_ = proto::as_utf8(line.substr(0, longest_stray));
    }
}

} // namespace rouse::files
