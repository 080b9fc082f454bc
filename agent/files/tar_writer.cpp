#include "agent/files/tar_writer.hpp"

#include "agent/files/pax.hpp"
#include "agent/files/sparse_map.hpp"

#include <fmt/format.h>

#include <stdexcept>

namespace rouse::files {

namespace {

char type_flag(EntryType type) {
    switch (type) {
    case EntryType::file:
        return '0';
    case EntryType::directory:
        return '5';
    case EntryType::symlink:
        return '2';
    case EntryType::hard_link:
        return '1';
    case EntryType::fifo:
        return '6';
    case EntryType::device:
        break;
    }
    throw std::logic_error("a device does not go into an archive");
}

TarHeader header_of(const TarEntry& entry) {
    TarHeader header;
    header.name = entry.name;
    if (entry.type == EntryType::directory) header.name += '/';
    header.type = type_flag(entry.type);
    header.mode = entry.mode;
    header.uid = entry.uid;
    header.gid = entry.gid;
    header.mtime = entry.mtime.seconds;
    header.link = entry.link;
    header.size = stored_bytes(entry);
    return header;
}

/// What the header has no room for.
std::string records_for(const TarEntry& entry, const TarHeader& header) {
    const HeaderRoom room = room_for(header);
    std::string records;
    if (entry.data) {
        records += pax_record("GNU.sparse.major", "1");
        records += pax_record("GNU.sparse.minor", "0");
        records += pax_record("GNU.sparse.name", entry.name);
        records += pax_record("GNU.sparse.realsize", fmt::to_string(entry.size));
    } else if (!room.name) {
        records += pax_record("path", header.name);
    }
    if (!room.link) records += pax_record("linkpath", header.link);
    if (!room.size) records += pax_record("size", fmt::to_string(header.size));
    if (!room.uid) records += pax_record("uid", fmt::to_string(header.uid));
    if (!room.gid) records += pax_record("gid", fmt::to_string(header.gid));
    if (!room.mtime || entry.mtime.nanoseconds != 0)
        records += pax_record("mtime", pax_time(entry.mtime));
    return records;
}

/// What a program that knows nothing of our headers would unpack it as.
std::string stand_in(std::string_view directory, const std::string& name) {
    const std::string_view leaf = std::string_view(name).substr(name.rfind('/') + 1);
    return fmt::format("{}/{}", directory, leaf.substr(0, 80));
}

} // namespace

sys::Result<> TarWriter::put(const TarBlock& bytes) {
    return sink_({bytes.data(), bytes.size()});
}

sys::Result<> TarWriter::put_pax(const std::string& name, const std::string& records) {
    TarHeader header;
    header.name = stand_in("PaxHeaders", name);
    header.type = 'x';
    header.mode = 0644;
    header.size = records.size();
    if (const sys::Result<> done = put(encode_header(header)); !done) return done;
    return sink_(records + std::string(padding_after(records.size()), '\0'));
}

sys::Result<> TarWriter::begin(const TarEntry& entry) {
    if (missing_ > 0) throw std::logic_error("the member before is not complete");
    const std::string map = entry.data ? encode_map(*entry.data, entry.size) : std::string();
    TarHeader header = header_of(entry);
    missing_ = header.size;
    padding_ = padding_after(missing_);
    header.size += map.size();
    const std::string records = records_for(entry, header);
    if (entry.data) header.name = stand_in("GNUSparseFile", entry.name);
    if (!records.empty())
        if (const sys::Result<> done = put_pax(entry.name, records); !done) return done;
    if (const sys::Result<> done = put(encode_header(header)); !done) return done;
    return map.empty() ? sys::Result<>() : sink_(map);
}

sys::Result<> TarWriter::data(std::string_view bytes) {
    if (bytes.size() > missing_) throw std::logic_error("more data than the member has");
    if (const sys::Result<> done = sink_(bytes); !done) return done;
    missing_ -= bytes.size();
    if (missing_ > 0 || bytes.empty()) return {};
    return sink_(std::string(padding_, '\0'));
}

sys::Result<> TarWriter::finish() {
    return sink_(std::string(2 * tar_block, '\0'));
}

} // namespace rouse::files
