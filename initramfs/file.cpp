#include "initramfs/file.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <stdexcept>

#include <unistd.h>

namespace rouse::initramfs {
namespace {

[[noreturn]] void fail(const char* verb, const std::filesystem::path& file) {
    throw std::runtime_error(
        fmt::format("cannot {} '{}': {}", verb, file.string(), strerror(errno)));
}

} // namespace

std::string read_file(const std::filesystem::path& file) {
    errno = 0;
    std::ifstream in(file, std::ios::binary);
    if (!in) fail("read", file);
    std::string content{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
    // A directory opens like a file and fails only here.
    if (in.bad() || std::filesystem::is_directory(file)) {
        if (errno == 0) errno = EISDIR;
        fail("read", file);
    }
    return content;
}

void write_file(const std::filesystem::path& file, std::string_view content) {
    const std::filesystem::path draft = fmt::format("{}.new.{}", file.string(), getpid());
    errno = 0;
    std::ofstream out(draft, std::ios::binary | std::ios::trunc);
    out.write(content.data(), static_cast<std::streamsize>(content.size()));
    out.close();
    if (!out) fail("write", draft);
    std::error_code error;
    std::filesystem::rename(draft, file, error);
    if (error) {
        errno = error.value();
        fail("write", file);
    }
}

} // namespace rouse::initramfs
