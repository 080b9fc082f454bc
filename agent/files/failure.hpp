#pragma once
// Why something about a file cannot be done, in words and in one that a program understands.

#include "agent/sys/result.hpp"
#include "proto/problem.hpp"

#include <boost/json/object.hpp>
#include <boost/system/result.hpp>

#include <functional>
#include <stdexcept>
#include <string>
#include <string_view>

namespace rouse::files {

struct Failure {
    std::string kind; ///< "not_found", "denied", "conflict", "bad_archive", "no_space", "failed"
    std::string path; ///< of the file or the member it is about
    std::string message;

    Failure() = default;
    Failure(std::string_view of_kind, std::string subject, std::string why)
        : kind(of_kind), path(std::move(subject)), message(std::move(why)) {}
    /// The kind is that of the error.
    Failure(std::string subject, const sys::error_code& error);
    /// Of an archive.
    explicit Failure(const proto::Problem& problem);
};

template <typename T = void>
using Outcome = boost::system::result<T, Failure>;

/// Lets Outcome<T>::value() throw; found by argument-dependent lookup (Boost.System documentation).
[[noreturn]] inline void throw_exception_from_error(const Failure& failure,
                                                    const boost::source_location&) {
    throw std::runtime_error(failure.path + ": " + failure.message);
}

/// Told what was left out or changed on the way, and goes on.
using OnWarning = std::function<void(const std::string& path, const std::string& message)>;

/// `{"kind", "message", "path"}`: one line of the applet's standard error.
boost::json::object to_json(const Failure& failure);

/// 404, 403, 409, 400, 507 or 500.
unsigned http_status(std::string_view kind);

} // namespace rouse::files
