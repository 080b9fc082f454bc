#include "tests/support/openapi.hpp"

#include "tools/lab/places.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <stdexcept>
#include <utility>
#include <vector>

namespace rouse::test {

namespace {

/// Every key of the document with the keys above it, "paths//v1/exec/post". The document is block
/// style down to the keys that are asked for, two spaces a level.
std::vector<std::vector<std::string>> openapi_keys() {
    std::ifstream in(lab::source_root() / "proto/openapi.yaml");
    std::vector<std::vector<std::string>> keys;
    std::vector<std::string> above;
    for (std::string line; std::getline(in, line);) {
        const std::size_t indent = line.find_first_not_of(' ');
        const std::size_t colon = line.find(':');
        if (indent == std::string::npos || line[indent] == '#' || line[indent] == '-' ||
            colon == std::string::npos)
            continue;
        above.resize(std::min(above.size(), indent / 2));
        above.push_back(line.substr(indent, colon - indent));
        keys.push_back(above);
    }
    if (keys.empty()) throw std::runtime_error("proto/openapi.yaml has no keys");
    return keys;
}

} // namespace

std::set<std::string> openapi_operations() {
    std::set<std::string> operations;
    for (const auto& key : openapi_keys()) {
        if (key.size() != 3 || key[0] != "paths" || key[2] == "parameters") continue;
        std::string method = key[2];
        std::transform(method.begin(), method.end(), method.begin(),
                       [](char c) { return static_cast<char>(c - 'a' + 'A'); });
        operations.insert(fmt::format("{} {}", method, key[1]));
    }
    return operations;
}

std::set<std::string> openapi_properties(const std::string& schema) {
    std::set<std::string> properties;
    for (const auto& key : openapi_keys())
        if (key.size() == 5 && key[0] == "components" && key[1] == "schemas" && key[2] == schema &&
            key[3] == "properties")
            properties.insert(key[4]);
    if (properties.empty()) throw std::runtime_error("no schema " + schema);
    return properties;
}

} // namespace rouse::test
