#pragma once
// What proto/openapi.yaml says, as far as tests compare it with the code.

#include <set>
#include <string>

namespace rouse::test {

/// "GET /v1/status" for every operation.
[[nodiscard]] std::set<std::string> openapi_operations();

/// Names of the properties of a schema. Throws std::runtime_error when there is no such schema.
[[nodiscard]] std::set<std::string> openapi_properties(const std::string& schema);

} // namespace rouse::test
