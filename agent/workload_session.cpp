#include "agent/workload_session.hpp"

#include "proto/limits.hpp"

#include <algorithm>
#include <cerrno>
#include <utility>

namespace rouse {

sys::Result<std::shared_ptr<exec::Attachable>>
WorkloadSession::make(WorkloadClients& clients, WorkloadService& workload,
                      output::RetainedOutput& output) {
    if (clients.all >= proto::limits::output_readers) return sys::error_from(EBUSY);
    std::size_t capacity = 0;
    for (const output::RetainedStream& stream : output.streams())
        capacity = std::max(capacity, stream.pipes->capacity());
    sys::Result<output::Scratch> scratch = output::Scratch::make(capacity);
    if (!scratch) return scratch.error();
    return std::shared_ptr<exec::Attachable>(
        new WorkloadSession(clients, workload, output, std::move(*scratch)));
}

WorkloadSession::WorkloadSession(WorkloadClients& clients, WorkloadService& workload,
                                 output::RetainedOutput& output, output::Scratch scratch)
    : clients_(clients), workload_(workload), output_(output), streams_(output.streams()),
      scratch_(std::move(scratch)) {
    ++clients_.all;
    input_.close();
    workload_.renew_input();
}

const output::RetainedStream* WorkloadSession::find(std::uint8_t stream) const {
    const auto found = std::ranges::find(streams_, stream, &output::RetainedStream::number);
    return found == streams_.end() ? nullptr : &*found;
}

exec::OutputState WorkloadSession::output_state(std::uint8_t stream) const {
    const output::RetainedStream* const found = find(stream);
    if (found == nullptr) return {.oldest = 0, .next = 0, .ended = proto::EndOfStream()};
    const output::RelayBook::Offsets& offsets = found->book->offsets();
    return {.oldest = offsets.acked, .next = offsets.read, .ended = found->book->ended()};
}

sys::Result<exec::OutputPiece> WorkloadSession::piece(std::uint8_t stream, std::uint64_t from,
                                                      std::size_t limit) {
    const output::RetainedStream* const found = find(stream);
    if (found == nullptr) return exec::OutputPiece();
    const std::uint64_t end = std::max(from, found->book->offsets().read);
    sys::Result<output::RetainedPiece> copied =
        output::copy_retained(*found, scratch_, from, end, limit);
    if (!copied) return copied.error();
    piece_ = std::move(copied->bytes);
    return exec::OutputPiece{.missing = copied->missing, .bytes = piece_};
}

std::uint64_t WorkloadSession::take_control() {
    const std::uint64_t number = clients_.control.take();
    changed().notify_all(); // Whoever had it has to leave.
    return number;
}

sys::Result<> WorkloadSession::signal(int number) {
    if (!workload_.process().running()) return sys::error_from(ESRCH);
    workload_.process().signal(number);
    return {};
}

sys::Result<> WorkloadSession::resize(const proto::TerminalSize& size) {
    return workload_.resize(size);
}

} // namespace rouse
