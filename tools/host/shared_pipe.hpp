#pragma once
// Our standard output as the place where records of every machine go.
//
// What was written into a pipe cannot be looked up after a crash, so nothing is kept on disk: a
// stream goes on where its guest's acknowledged bytes end. A crash of the collector may therefore
// repeat records that it had written and not acknowledged; their offsets tell.

#include "tools/host/descriptor.hpp"
#include "tools/host/record_form.hpp"

#include <atomic>
#include <map>
#include <mutex>

namespace rouse::host {

/// Thread-safe. Whole records only: they never mix.
class SharedPipe {
public:
    /// Borrows `fd`. Throws std::runtime_error where the kernel gives no descriptor.
    explicit SharedPipe(int fd);

    /// Writes all of it, waiting for the reader. Fails when the reader has gone, and after stop().
    Outcome<> write(std::string_view records);
    Outcome<> sync();
    /// Ends what waits, and every later write.
    void stop();
    /// Whether the reader has gone: nothing can be written any more.
    [[nodiscard]] bool reader_gone() const { return gone_; }

    /// What was written of a stream so far; nothing when it is new.
    std::optional<Extent> recall(const StreamIdentity& identity);
    void remember(const StreamIdentity& identity, const Extent& extent);

private:
    /// Waits until the pipe takes something; false after stop().
    [[nodiscard]] bool wait_for_room() const;

    int fd_;
    Descriptor stop_; ///< an eventfd, readable after stop()
    std::size_t chunk_;
    std::atomic<bool> gone_ = false;
    std::mutex writing_; ///< held while a batch of records is written
    std::mutex extents_lock_;
    std::map<std::string, Extent> extents_;
};

/// A store that writes records into a pipe.
class PipeStore : public StreamStore {
public:
    PipeStore(std::shared_ptr<SharedPipe> pipe, Format format, StreamIdentity identity)
        : pipe_(std::move(pipe)), form_(form_of(format)), identity_(std::move(identity)),
          extent_(pipe_->recall(identity_)) {}

    [[nodiscard]] const std::optional<Extent>& extent() const override { return extent_; }
    Outcome<> begin(std::uint64_t offset) override;
    Outcome<> write(const std::vector<Piece>& pieces, Partial partial) override;
    Outcome<> sync() override { return pipe_->sync(); }

private:
    std::shared_ptr<SharedPipe> pipe_;
    const RecordForm& form_;
    StreamIdentity identity_;
    std::optional<Extent> extent_;
};

} // namespace rouse::host
