#pragma once
// Writes a tar archive as it comes into being: ustar, with pax headers for what ustar has no room
// for, and sparse files in the form GNU.sparse 1.0.

#include "agent/files/tar_entry.hpp"
#include "agent/files/tar_header.hpp"
#include "agent/sys/result.hpp"

#include <functional>
#include <string>
#include <string_view>

namespace rouse::files {

/// Takes all of the bytes.
using ByteSink = std::function<sys::Result<>(std::string_view bytes)>;

/// Errors are those of the sink; after one nothing more can be written.
class TarWriter {
public:
    explicit TarWriter(ByteSink sink) : sink_(std::move(sink)) {}

    /// Begins a member; the one before is complete. A file is followed by as many bytes of data as
    /// stored_bytes() says.
    sys::Result<> begin(const TarEntry& entry);
    /// Bytes of the data of the member; at most as many as are missing.
    sys::Result<> data(std::string_view bytes);
    /// Ends the archive.
    sys::Result<> finish();

    /// Bytes of data of the member that are still missing.
    [[nodiscard]] std::uint64_t missing() const { return missing_; }

private:
    sys::Result<> put(const TarBlock& bytes);
    sys::Result<> put_pax(const std::string& name, const std::string& records);

    ByteSink sink_;
    std::uint64_t missing_ = 0;
    std::uint64_t padding_ = 0;
};

} // namespace rouse::files
