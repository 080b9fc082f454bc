// proto/config.schema.json is held to the code: the same members, the same defaults, the same
// bounds, and what it forbids is an error with the member's path.
#include "proto/config.hpp"

#include <boost/json.hpp>
#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <set>
#include <string>

using namespace rouse::proto;
namespace json = boost::json;

namespace {

json::value read_schema() {
    std::ifstream file(ROUSE_SOURCE_ROOT "/proto/config.schema.json");
    return json::parse(std::string{std::istreambuf_iterator<char>(file), {}});
}

const json::object* properties_of(const json::object& schema) {
    const json::value* const properties = schema.if_contains("properties");
    return properties != nullptr ? &properties->as_object() : nullptr;
}

/// Of a member without members of its own: something that may be said.
json::value example_of(const json::object& schema) {
    if (const json::value* const examples = schema.if_contains("examples"))
        return examples->as_array().at(0);
    if (const json::value* const names = schema.if_contains("enum"))
        return names->as_array().back();
    return schema.at("default");
}

/// Everything that a schema knows, by path.
struct Leaf {
    std::vector<std::string> place; ///< of the members, outermost first
    json::object schema;

    [[nodiscard]] std::string path() const {
        std::string text = "$";
        for (const std::string& member : place)
            text += "." + member;
        return text;
    }

    /// A document that says nothing but this.
    [[nodiscard]] std::string document(json::value value) const {
        for (auto member = place.rbegin(); member != place.rend(); ++member)
            value = json::object{{*member, std::move(value)}};
        return json::serialize(value);
    }
};

struct Walked {
    std::vector<Leaf> leaves;
    std::set<std::string> paths; ///< of leaves and of objects
    json::object full;           ///< a document that has everything
};

/// The members of a list's elements, of which the example has one with everything.
void add_elements(const json::object& schema, const std::string& path,
                  std::set<std::string>& paths) {
    const json::value* const items = schema.if_contains("items");
    const json::object* const members =
        items != nullptr ? properties_of(items->as_object()) : nullptr;
    if (members == nullptr) return;
    for (const auto& member : *members) {
        const std::string below = path + "[0]." + std::string(member.key());
        paths.insert(below);
        add_elements(member.value().as_object(), below, paths);
    }
}

void walk(const json::object& schema, const std::vector<std::string>& place, Walked& walked,
          json::object& full) {
    for (const auto& member : *properties_of(schema)) {
        const json::object& below = member.value().as_object();
        Leaf leaf{.place = place, .schema = below};
        leaf.place.emplace_back(member.key());
        walked.paths.insert(leaf.path());
        if (properties_of(below) == nullptr) {
            add_elements(below, leaf.path(), walked.paths);
            full[member.key()] = example_of(below);
            walked.leaves.push_back(std::move(leaf));
            continue;
        }
        json::object inner;
        walk(below, leaf.place, walked, inner);
        full[member.key()] = std::move(inner);
    }
}

Walked walk_schema() {
    Walked walked;
    const json::value schema = read_schema();
    walk(schema.as_object(), {}, walked, walked.full);
    return walked;
}

bool has_error_at(const ReadConfig& read, const std::string& path) {
    return std::any_of(read.problems.errors.begin(), read.problems.errors.end(),
                       [&](const Problem& problem) { return problem.where.starts_with(path); });
}

bool may_be(const json::object& schema, std::string_view type) {
    if (schema.contains("enum")) return type == "string";
    const json::value& types = schema.at("type");
    if (types.is_string()) return types.as_string() == type;
    const json::array& all = types.as_array();
    return std::any_of(all.begin(), all.end(),
                       [&](const json::value& one) { return one.as_string() == type; });
}

/// What the schema forbids for this member.
std::vector<json::value> forbidden(const json::object& schema) {
    std::vector<json::value> values;
    if (!may_be(schema, "string")) values.emplace_back("word");
    if (!may_be(schema, "boolean")) values.emplace_back(true);
    if (!may_be(schema, "integer")) values.emplace_back(7);
    if (!may_be(schema, "array")) values.push_back(json::array{1});
    if (!may_be(schema, "object")) values.push_back(json::object{{"x", 1}});
    if (schema.contains("enum")) values.emplace_back("never a word of ours");
    const json::value* const low = schema.if_contains("minimum");
    if (low != nullptr) values.emplace_back(low->as_int64() - 1);
    const json::value* const high = schema.if_contains("maximum");
    if (high != nullptr && high->as_int64() < INT64_MAX) values.emplace_back(high->as_int64() + 1);
    return values;
}

} // namespace

TEST_CASE("the schema has the members that the configuration has, and no others", "[schema]") {
    const Walked walked = walk_schema();
    std::vector<std::string> known;
    const ReadConfig read = read_config(json::serialize(walked.full), {}, &known);
    for (const Problem& problem : read.problems.unknown)
        FAIL_CHECK(problem.message());
    CHECK(std::set<std::string>(known.begin(), known.end()) == walked.paths);
    CHECK(walked.leaves.size() > 60);
}

TEST_CASE("what the schema shows as an example is taken by the configuration", "[schema]") {
    for (const Leaf& leaf : walk_schema().leaves) {
        if (leaf.path().ends_with(".tty.rows") || leaf.path().ends_with(".tty.columns")) continue;
        if (leaf.path().ends_with(".cpu_period_us")) continue; // means nothing alone
        CAPTURE(leaf.path());
        const ReadConfig read = read_config(leaf.document(example_of(leaf.schema)));
        for (const Problem& problem : read.problems.errors)
            FAIL_CHECK(problem.message());
        CHECK(read.problems.unknown.empty());
    }
}

TEST_CASE("every default in the schema is that of the code", "[schema]") {
    std::size_t compared = 0;
    for (const Leaf& leaf : walk_schema().leaves) {
        const json::value* const value = leaf.schema.if_contains("default");
        if (value == nullptr) continue;
        CAPTURE(leaf.path());
        const ReadConfig read = read_config(leaf.document(*value));
        CHECK(read.problems.errors.empty());
        CHECK(read.config == Config{});
        ++compared;
    }
    CHECK(compared > 40);
}

TEST_CASE("what the schema forbids is an error with the path of the member", "[schema]") {
    for (const Leaf& leaf : walk_schema().leaves)
        for (const json::value& value : forbidden(leaf.schema)) {
            CAPTURE(leaf.path(), json::serialize(value));
            CHECK(has_error_at(read_config(leaf.document(value)), leaf.path()));
        }
}

TEST_CASE("an object of the configuration that is none is an error with its path", "[schema]") {
    const Walked walked = walk_schema();
    for (const std::string& path : walked.paths) {
        if (path.find('[') != std::string::npos) continue; // of an element
        const bool is_object = std::none_of(walked.leaves.begin(), walked.leaves.end(),
                                            [&](const Leaf& leaf) { return leaf.path() == path; });
        if (!is_object) continue;
        CAPTURE(path);
        Leaf place{.place = {}, .schema = {}};
        for (std::size_t at = 2; at < path.size();) {
            const std::size_t end = std::min(path.find('.', at), path.size());
            place.place.push_back(path.substr(at, end - at));
            at = end + 1;
        }
        CHECK(has_error_at(read_config(place.document("word")), path));
    }
}
