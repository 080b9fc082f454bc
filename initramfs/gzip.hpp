// gzip compression without a time stamp: the same input gives the same bytes.
#pragma once

#include <string>
#include <string_view>

namespace rouse::initramfs {

/// Compresses `plain` as one gzip member. The header carries no name and no time.
/// Errors: std::runtime_error when zlib refuses, which only a lack of memory causes.
[[nodiscard]] std::string gzip(std::string_view plain);

} // namespace rouse::initramfs
