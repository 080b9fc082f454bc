#include "initramfs/gzip.hpp"

#include <stdexcept>

#include <zlib.h>

namespace rouse::initramfs {
namespace {

constexpr int gzip_format = 15 + 16; // largest window; 16 asks zlib for a gzip header
constexpr int memory_level = 8;      // zlib's own default

} // namespace

std::string gzip(std::string_view plain) {
    z_stream stream{};
    // The guest pays for decompression at any level alike; level 6 keeps the image small.
    if (deflateInit2(&stream, 6, Z_DEFLATED, gzip_format, memory_level, Z_DEFAULT_STRATEGY) != Z_OK)
        throw std::runtime_error("cannot start zlib");
    std::string out(deflateBound(&stream, plain.size()), '\0');
    // zlib takes its input through a pointer that is not const, but does not write to it.
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(plain.data()));
    stream.avail_in = static_cast<uInt>(plain.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    const int result = deflate(&stream, Z_FINISH);
    out.resize(stream.total_out);
    deflateEnd(&stream);
    if (result != Z_STREAM_END) throw std::runtime_error("zlib cannot compress the image");
    return out;
}

} // namespace rouse::initramfs
