#include "tools/host/files.hpp"

#include "tools/host/descriptor.hpp"

#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <cstdio>

#include <fcntl.h>
#include <unistd.h>

namespace rouse::host {
namespace {

Outcome<> write_file(const std::filesystem::path& path, int flags, std::string_view content,
                     Durable durable) {
    const Descriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | flags, file_mode));
    if (!file.valid()) return file_failure("open", path);
    if (!write_all(file.get(), content)) return file_failure("write", path);
    if (durable == Durable::yes && ::fsync(file.get()) != 0) return file_failure("sync", path);
    return {};
}

} // namespace

Failure file_failure(std::string_view what, const std::filesystem::path& path) {
    const error_code error(errno, boost::system::system_category());
    return Failure(fmt::format("cannot {} '{}': {}", what, path.string(), error.message()));
}

Outcome<std::string> read_file(const std::filesystem::path& path) {
    const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file.valid()) return file_failure("open", path);
    std::string content;
    std::array<char, 16 * 1024> buffer{};
    for (;;) {
        const ssize_t count = ::read(file.get(), buffer.data(), buffer.size());
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return file_failure("read", path);
        // Named: a text alone could be a value or a failure.
        if (count == 0) return {boost::system::in_place_value, std::move(content)};
        content.append(buffer.data(), static_cast<std::size_t>(count));
    }
}

Outcome<> replace_file(const std::filesystem::path& path, std::string_view content,
                       Durable durable) {
    const std::filesystem::path fresh = path.string() + ".new";
    if (const Outcome<> written = write_file(fresh, O_TRUNC, content, durable); !written)
        return written;
    if (::rename(fresh.c_str(), path.c_str()) != 0) return file_failure("replace", path);
    return durable == Durable::yes ? sync_directory(path.parent_path()) : Outcome<>();
}

Outcome<> append_file(const std::filesystem::path& path, std::string_view content) {
    return write_file(path, O_APPEND, content, Durable::no);
}

Outcome<> sync_directory(const std::filesystem::path& path) {
    const Descriptor directory(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!directory.valid()) return file_failure("open", path);
    if (::fsync(directory.get()) != 0) return file_failure("sync", path);
    return {};
}

Outcome<std::string> read_at(int fd, std::uint64_t offset, std::size_t size) {
    std::string bytes(size, '\0');
    std::size_t have = 0;
    while (have < size) {
        const ssize_t count =
            ::pread(fd, bytes.data() + have, size - have, static_cast<off_t>(offset + have));
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return file_failure("read", "a file");
        if (count == 0) break;
        have += static_cast<std::size_t>(count);
    }
    bytes.resize(have);
    // Named: a text alone could be a value or a failure.
    return {boost::system::in_place_value, std::move(bytes)};
}

bool write_all(int fd, std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t count = ::write(fd, bytes.data(), bytes.size());
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return false;
        bytes.remove_prefix(static_cast<std::size_t>(count));
    }
    return true;
}

} // namespace rouse::host
