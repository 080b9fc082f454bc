#pragma once
// Reads a restore document from the metadata service of Firecracker (MMDS), version 1 or 2.
//
//   version 2, or auto:   PUT /latest/api/token ─200─▶ GET with the token ─401─▶ a new token, once
//   auto, and the PUT is refused (405, 404, 501, 400): GET without a token ─401─▶ version 2
//
// After a restore the service has forgotten its tokens and its data: 401, then 404 until the host
// fills it again.

#include "agent/io/http_client.hpp"
#include "agent/restore/mmds_answer.hpp"
#include "proto/config.hpp"

#include <chrono>
#include <optional>

namespace rouse::restore {

/// What became of one reading.
enum class MmdsOutcome {
    document,
    nothing,     ///< the service is there, the document is not
    unreachable, ///< no answer: no network yet, no service
    unreadable,  ///< an answer that cannot be used
};

struct MmdsReading {
    MmdsOutcome outcome = MmdsOutcome::unreachable;
    proto::RestoreDocument document = {};
    std::string why = {}; ///< unless there is a document
};

/// How long to wait before the next reading: `poll`, and twice as long as `before` each time that
/// the service cannot be reached, up to limits::mmds_poll_most.
std::chrono::milliseconds mmds_pause(std::chrono::milliseconds before,
                                     std::chrono::milliseconds poll, MmdsOutcome outcome);

class MmdsClient {
public:
    /// `token_life`: asked for; the service grants 1 s to 6 h.
    MmdsClient(io::Executor executor, proto::MmdsConfig config,
               std::chrono::seconds token_life = std::chrono::hours(6));

    /// Reads once. Takes at most limits::mmds_document in time and limits::mmds_bytes of answers.
    io::Awaitable<MmdsReading> read();

    /// "v1", "v2", or "auto" as long as it is not known.
    [[nodiscard]] std::string_view version() const;

private:
    using Answer = sys::Result<io::HttpAnswer>;

    io::Awaitable<MmdsReading> read_document();
    io::Awaitable<MmdsReading> read_members(MmdsKeys keys);
    io::Awaitable<Answer> get(std::string target);
    io::Awaitable<std::optional<Answer>> renew_token();
    io::Awaitable<Answer> ask(io::HttpQuestion question);
    [[nodiscard]] bool needs_token() const;

    io::Executor executor_;
    proto::MmdsConfig config_;
    std::chrono::seconds token_life_;
    proto::MmdsVersion version_; ///< what is known of it
    std::string token_;
    std::chrono::steady_clock::time_point renew_at_; ///< half of the token's life is over
    std::size_t bytes_left_ = 0;                     ///< of this reading
};

} // namespace rouse::restore
