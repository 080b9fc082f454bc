#include "proto/snapshot.hpp"

#include "proto/text.hpp"

#include <fmt/format.h>

namespace rouse::proto {

namespace json = boost::json;

namespace {

using std::chrono::milliseconds;

void read_duration(Fields& fields, std::string_view key, milliseconds low, milliseconds high,
                   milliseconds& target) {
    fields.read(key, target);
    if (target < low || target > high)
        fields.fail(key, fmt::format("must be between {} and {}", low.count(), high.count()));
}

void read_mount_points(Fields& fields, std::vector<std::string>& targets) {
    constexpr std::size_t longest = 4096;
    fields.read("freeze_filesystems", targets);
    if (targets.size() > limits::frozen_filesystems)
        fields.fail("freeze_filesystems",
                    fmt::format("must have at most {} members", limits::frozen_filesystems));
    for (std::size_t i = 0; i < targets.size(); ++i)
        if (!targets[i].starts_with('/') || targets[i].size() > longest ||
            targets[i].find('\0') != std::string::npos)
            fields.fail(fmt::format("freeze_filesystems[{}]", i), "must be an absolute path");
}

json::array steps_json(const std::vector<RestoreStep>& steps) {
    json::array rows;
    for (const RestoreStep& step : steps)
        rows.push_back(to_json(step));
    return rows;
}

/// The first error, unknown keys included: who is mistaken about a key would not get what is meant.
template <typename T>
Parsed<T> strict(Fields& fields, Problems& problems, T value) {
    fields.finish();
    problems.errors.insert(problems.errors.end(), problems.unknown.begin(), problems.unknown.end());
    return value_or_first(std::move(value), problems);
}

void read_open(Fields& fields, std::vector<OpenConnection>& open, Problems& problems) {
    const json::value* rows = fields.raw("open");
    if (rows == nullptr) return;
    if (!rows->is_array()) return fields.fail("open", "must be an array");
    for (const json::value& row : rows->get_array()) {
        OpenConnection connection;
        Fields members(row, fields.path_of("open"), problems);
        members.read("id", connection.id);
        members.read("role", connection.role);
        members.read("peer", connection.peer);
        members.read("epoch", connection.epoch);
        open.push_back(std::move(connection));
    }
}

} // namespace

json::object to_json(const PrepareRequest& request) {
    return {{"freeze", request.freeze},
            {"sync", request.sync},
            {"freeze_filesystems", json::value_from(request.freeze_filesystems)},
            {"flush_ms", request.flush.count()},
            {"lease_ms", request.lease.count()},
            {"deadline_ms", request.deadline.count()}};
}

Parsed<PrepareRequest> parse_prepare_request(std::string_view body) {
    PrepareRequest request;
    if (body.empty()) return request;
    Parsed<json::value> document = parse_json(body);
    if (!document) return document.error();
    Problems problems;
    Fields fields(*document, "$", problems);
    fields.read("freeze", request.freeze);
    fields.read("sync", request.sync);
    read_mount_points(fields, request.freeze_filesystems);
    const milliseconds shortest(1);
    read_duration(fields, "flush_ms", milliseconds(0), limits::prepare_longest, request.flush);
    read_duration(fields, "lease_ms", shortest, limits::lease_longest, request.lease);
    read_duration(fields, "deadline_ms", shortest, limits::prepare_longest, request.deadline);
    return strict(fields, problems, std::move(request));
}

json::value to_json(const OpenConnection& connection) {
    return {{"id", connection.id},
            {"role", connection.role},
            {"peer", connection.peer},
            {"epoch", connection.epoch}};
}

json::value to_json(const Prepared& prepared) {
    json::array open;
    for (const OpenConnection& connection : prepared.open)
        open.push_back(to_json(connection));
    return {{"state", prepared.state},
            {"lease", prepared.lease},
            {"lease_ms", prepared.lease_ms},
            {"frozen", prepared.frozen},
            {"open", std::move(open)},
            {"unflushed_bytes", prepared.unflushed_bytes},
            {"steps", steps_json(prepared.steps)},
            {"total_us", prepared.total_us}};
}

Parsed<Prepared> parse_prepared(std::string_view body) {
    Parsed<json::value> document = parse_json(body);
    if (!document) return document.error();
    Prepared prepared;
    Problems problems;
    Fields fields(*document, "$", problems);
    fields.require("state");
    fields.read("state", prepared.state);
    fields.read("lease", prepared.lease);
    fields.read("lease_ms", prepared.lease_ms);
    fields.read("frozen", prepared.frozen);
    read_open(fields, prepared.open, problems);
    fields.read("unflushed_bytes", prepared.unflushed_bytes);
    prepared.steps = read_steps(fields, problems);
    fields.read("total_us", prepared.total_us);
    return value_or_first(std::move(prepared), problems);
}

json::object to_json(const ResumeRequest& request) {
    json::object object;
    if (!request.lease.empty()) object["lease"] = request.lease;
    return object;
}

Parsed<ResumeRequest> parse_resume_request(std::string_view body) {
    ResumeRequest request;
    if (body.empty()) return request;
    Parsed<json::value> document = parse_json(body);
    if (!document) return document.error();
    Problems problems;
    Fields fields(*document, "$", problems);
    fields.read("lease", request.lease);
    if (!request.lease.empty() && !is_uuid(request.lease)) fields.fail("lease", "must be a UUID");
    return strict(fields, problems, std::move(request));
}

json::value to_json(const Resumed& resumed) {
    return {{"state", resumed.state}, {"steps", steps_json(resumed.steps)}};
}

Parsed<Resumed> parse_resumed(std::string_view body) {
    Parsed<json::value> document = parse_json(body);
    if (!document) return document.error();
    Resumed resumed;
    Problems problems;
    Fields fields(*document, "$", problems);
    fields.require("state");
    fields.read("state", resumed.state);
    resumed.steps = read_steps(fields, problems);
    return value_or_first(std::move(resumed), problems);
}

} // namespace rouse::proto
