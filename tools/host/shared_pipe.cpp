#include "tools/host/shared_pipe.hpp"

#include "tools/host/record_store.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <stdexcept>

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

namespace rouse::host {
namespace {

/// Streams whose extent is remembered. One that was forgotten goes on where its guest says.
constexpr std::size_t most_extents = 4096;

bool is_regular(int fd) {
    struct stat status {};
    return ::fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
}

std::string key_of(const StreamIdentity& identity) {
    return fmt::format("{}\n{}\n{}\n{}", identity.vm, identity.boot_id, identity.generation,
                       identity.stream);
}

} // namespace

// A pipe that poll() calls writable takes at least PIPE_BUF bytes without blocking (pipe(7)); a
// file never blocks for a reader.
SharedPipe::SharedPipe(int fd)
    : fd_(fd), stop_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      chunk_(is_regular(fd) ? SIZE_MAX : PIPE_BUF) {
    if (!stop_.valid()) throw std::runtime_error("cannot make an eventfd");
}

bool SharedPipe::wait_for_room() const {
    std::array<pollfd, 2> watched{pollfd{.fd = fd_, .events = POLLOUT, .revents = 0},
                                  pollfd{.fd = stop_.get(), .events = POLLIN, .revents = 0}};
    while (::poll(watched.data(), watched.size(), -1) < 0 && errno == EINTR) {
    }
    return watched[1].revents == 0;
}

Outcome<> SharedPipe::write(std::string_view records) {
    const std::lock_guard lock(writing_);
    while (!records.empty()) {
        if (!wait_for_room()) return Failure("standard output: ended while its reader paused");
        const ssize_t count = ::write(fd_, records.data(), std::min(records.size(), chunk_));
        if (count < 0 && (errno == EAGAIN || errno == EINTR)) continue;
        if (count < 0) {
            gone_ = errno == EPIPE;
            return file_failure("write", "standard output");
        }
        records.remove_prefix(static_cast<std::size_t>(count));
    }
    return {};
}

Outcome<> SharedPipe::sync() {
    // What is no file has nothing to sync.
    if (::fdatasync(fd_) != 0 && errno != EINVAL && errno != EROFS)
        return file_failure("sync", "standard output");
    return {};
}

void SharedPipe::stop() {
    const std::uint64_t one = 1;
    const ssize_t written = ::write(stop_.get(), &one, sizeof one);
    (void)written; // it can only be full, and then it is readable
}

std::optional<Extent> SharedPipe::recall(const StreamIdentity& identity) {
    const std::lock_guard lock(extents_lock_);
    const auto found = extents_.find(key_of(identity));
    return found == extents_.end() ? std::nullopt : std::optional(found->second);
}

void SharedPipe::remember(const StreamIdentity& identity, const Extent& extent) {
    const std::lock_guard lock(extents_lock_);
    if (extents_.size() >= most_extents) extents_.erase(extents_.begin());
    extents_[key_of(identity)] = extent;
}

Outcome<> PipeStore::begin(std::uint64_t offset) {
    const Record opened{.kind = Record::Kind::opened,
                        .offset = offset,
                        .count = 0,
                        .bytes = {},
                        .time = std::chrono::system_clock::now()};
    const Outcome<> written = pipe_->write(form_.encode(identity_, opened));
    if (!written) return written;
    extent_ = Extent{.start = offset, .end = offset, .eos = std::nullopt};
    pipe_->remember(identity_, *extent_);
    return {};
}

Outcome<> PipeStore::write(const std::vector<Piece>& pieces, Partial partial) {
    if (pieces.empty() || extent_->eos) return {};
    std::uint64_t next = extent_->end;
    const std::string records = to_records(form_, identity_, pieces, partial, next);
    if (const Outcome<> written = pipe_->write(records); !written) return written;
    extent_->end = next;
    if (pieces.back().kind == Piece::Kind::end) extent_->eos = pieces.back().bytes;
    pipe_->remember(identity_, *extent_);
    return {};
}

} // namespace rouse::host
