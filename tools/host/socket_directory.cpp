#include "tools/host/socket_directory.hpp"

#include "tools/host/files.hpp"

#include <boost/asio/buffer.hpp>

#include <algorithm>
#include <array>
#include <cctype>

#include <sys/inotify.h>

namespace rouse::host {
namespace {

/// Whether a name ends like that of a host's listener: "_4001".
bool is_of_a_host(const std::string& name) {
    const std::size_t digits = name.find_last_not_of("0123456789");
    return digits != std::string::npos && name[digits] == '_' && digits + 1 < name.size();
}

} // namespace

Outcome<SocketDirectory> SocketDirectory::open(const Executor& executor,
                                               std::filesystem::path path) {
    Descriptor watch(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
    constexpr std::uint32_t events = IN_CREATE | IN_DELETE | IN_MOVED_TO | IN_MOVED_FROM |
                                     IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR;
    if (!watch.valid() || ::inotify_add_watch(watch.get(), path.c_str(), events) < 0)
        return file_failure("watch", path);
    error_code error;
    asio::posix::stream_descriptor descriptor(executor);
    (void)descriptor.assign(watch.get(), error);
    if (error) return Failure(error.message());
    (void)watch.release(); // Asio owns it now
    return SocketDirectory(std::move(descriptor), std::move(path));
}

std::vector<std::string> SocketDirectory::sockets() const {
    std::vector<std::string> found;
    std::error_code error;
    for (std::filesystem::directory_iterator entry(path_, error), end; !error && entry != end;
         entry.increment(error)) {
        std::error_code gone; // it may have been removed since it was listed
        if (entry->is_socket(gone) && !is_of_a_host(entry->path().filename().string()))
            found.push_back(entry->path().string());
    }
    std::sort(found.begin(), found.end());
    return found;
}

Awaitable<bool> SocketDirectory::changed() {
    std::array<char, 4096> events;
    auto done = co_await watch_.async_read_some(asio::buffer(events), no_throw);
    co_return !std::get<0>(done) && std::filesystem::is_directory(path_);
}

void SocketDirectory::close() {
    error_code ignored; // the descriptor is gone either way
    (void)watch_.close(ignored);
}

} // namespace rouse::host
