// A saved machine: one file that holds a description and QEMU's migration stream.
#pragma once

#include "tools/lab/rig.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace rouse::lab {

/// What a restore has to know about the saved machine. A value.
struct SnapshotHeader {
    Rig rig = Rig::tcg;
    unsigned memory = 256;  // MiB
    std::uint32_t cid = 0;  // of the saved machine: the restored one gets another
    std::string kernel;     // for people
    std::string generation; // the VM generation id of the saved machine
    std::string network;    // of its card; the restored one needs the same
};

/// Where QEMU's stream starts in the file, in bytes. The header before it is padded with zeros.
constexpr std::size_t snapshot_stream_offset = 4096;

/// The header's bytes, exactly snapshot_stream_offset of them.
[[nodiscard]] std::string encode_header(const SnapshotHeader& header);

/// Reads what encode_header wrote. Errors: LabError for anything else.
[[nodiscard]] SnapshotHeader decode_header(std::string_view bytes);

/// Reads the header of a file. Errors: LabError with the path and the reason.
[[nodiscard]] SnapshotHeader read_snapshot_header(const std::filesystem::path& file);

/// Makes or replaces `file` with just the header; QEMU adds its stream.
void write_snapshot_header(const std::filesystem::path& file, const SnapshotHeader& header);

} // namespace rouse::lab
