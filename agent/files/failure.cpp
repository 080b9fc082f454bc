#include "agent/files/failure.hpp"

#include "proto/text.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

namespace rouse::files {

namespace {

std::string_view kind_of(int number) {
    switch (number) {
    case ENOENT:
        return "not_found";
    case EACCES:
    case EPERM:
    case EROFS:
        return "denied";
    case EEXIST:
    case EISDIR:
    case ENOTDIR:
    case ENOTEMPTY:
    case ELOOP:
    case EXDEV:
        return "conflict";
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
        return "no_space";
    default:
        return "failed";
    }
}

} // namespace

Failure::Failure(std::string subject, const sys::error_code& error)
    : kind(kind_of(error.value())), path(std::move(subject)), message(error.message()) {}

Failure::Failure(const proto::Problem& problem)
    : kind("bad_archive"), path(problem.where), message(problem.why) {}

boost::json::object to_json(const Failure& failure) {
    return {{"kind", failure.kind},
            {"message", proto::as_utf8(failure.message)},
            {"path", proto::as_utf8(failure.path)}};
}

unsigned http_status(std::string_view kind) {
    using Row = std::pair<std::string_view, unsigned>;
    static constexpr std::array rows{Row{"not_found", 404},   Row{"denied", 403},
                                     Row{"conflict", 409},    Row{"bad_archive", 400},
                                     Row{"bad_request", 400}, Row{"no_space", 507}};
    const auto* const row = std::ranges::find(rows, kind, &Row::first);
    return row == rows.end() ? 500 : row->second;
}

} // namespace rouse::files
