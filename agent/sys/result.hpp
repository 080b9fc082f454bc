#pragma once
// What a system call gave: a value, or the errno that says why not.

#include <boost/system/error_code.hpp>
#include <boost/system/result.hpp>

#include <cerrno>

namespace rouse::sys {

template <typename T = void>
using Result = boost::system::result<T>;

using boost::system::error_code;

/// `number` (an errno) as an error code.
inline error_code error_from(int number) {
    return {number, boost::system::system_category()};
}

/// errno of the call that has just failed.
inline error_code last_error() {
    return error_from(errno);
}

} // namespace rouse::sys
