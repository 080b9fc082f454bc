// The second half of an output session: from the spool to the store, and then the ACK.
#include "tools/host/files.hpp"
#include "tools/host/output_session.hpp"

#include <boost/json/serialize.hpp>
#include <fmt/format.h>

namespace rouse::host {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;

/// A connection with more gaps than this between two ACKs gets one line for all of them.
constexpr std::size_t most_losses_logged = 16;

} // namespace

void OutputSession::spool(Piece piece) {
    if (!ack_at_) ack_at_ = Clock::now() + proto::limits::ack_delay;
    received_ = piece.next();
    fresh_ = true;
    if (piece.kind == Piece::Kind::data) held_ += piece.bytes.size();
    Piece* const last = spool_.empty() ? nullptr : &spool_.back();
    if (last != nullptr && last->kind == piece.kind && piece.kind != Piece::Kind::end) {
        last->bytes += piece.bytes;
        last->count += piece.count;
    } else {
        spool_.push_back(std::move(piece));
    }
    work_.cancel();
}

Awaitable<> OutputSession::drain() {
    while (!unusable_) {
        co_await wait_for_work();
        if (!has_work()) break; // and nothing more will come
        const bool now = due();
        const bool asked = std::exchange(ack_now_, false);
        const Outcome<> stored =
            co_await store(now ? StreamStore::Partial::write : StreamStore::Partial::hold);
        if (!stored) {
            ack_now_ = ack_now_ || asked;
            if (co_await be_patient(stored.error())) continue;
            break;
        }
        if (patient_) collector_.notice(fmt::format("{}: is written again", name_));
        patient_ = false;
        if (!now) continue;
        acknowledge();
        co_await log_losses();
    }
    closing_ = true;
    room_.cancel();
    stream_.close();
}

bool OutputSession::has_work() const {
    const bool unacknowledged = !spool_.empty() || store_->extent()->end != acknowledged_;
    return fresh_ || (unacknowledged && due());
}

bool OutputSession::due() const {
    return closing_ || ack_now_ || received_ - acknowledged_ >= proto::limits::ack_bytes ||
           (ack_at_ && Clock::now() >= *ack_at_);
}

Awaitable<> OutputSession::wait_for_work() {
    while (!has_work() && !closing_) {
        work_.expires_at(ack_at_.value_or(Clock::time_point::max()));
        (void)co_await work_.async_wait(no_throw); // cancelled, or something is due
    }
}

Awaitable<Outcome<>> OutputSession::store(StreamStore::Partial partial) {
    fresh_ = false;
    const auto batch = std::make_shared<std::vector<Piece>>(std::exchange(spool_, {}));
    const bool sync =
        partial == StreamStore::Partial::write && collector_.options_.durable == Durable::yes;
    const auto sync_failed = std::make_shared<bool>(false);
    const Disk::Work work = [store = store_.get(), batch, partial, sync,
                             sync_failed]() -> Outcome<> {
        const Outcome<> written = store->write(*batch, partial);
        if (!written || !sync) return written;
        const Outcome<> synced = store->sync();
        *sync_failed = !synced;
        return synced;
    };
    const Outcome<> done = co_await collector_.disk_.run(work);
    unusable_ = *sync_failed;
    put_back(std::move(*batch));
    room_.cancel();
    co_return done;
}

void OutputSession::put_back(std::vector<Piece> batch) {
    const Extent& extent = *store_->extent();
    const std::uint64_t received = received_;
    const bool fresh = fresh_;
    std::vector<Piece> meanwhile = std::exchange(spool_, {});
    held_ = 0;
    for (std::vector<Piece>* pieces : {&batch, &meanwhile})
        for (Piece& piece : *pieces) {
            const bool taken = piece.kind == Piece::Kind::end ? extent.eos.has_value()
                                                              : piece.next() <= extent.end;
            if (taken) continue;
            if (piece.offset < extent.end && piece.kind == Piece::Kind::data)
                piece.bytes.erase(0, extent.end - piece.offset);
            if (piece.offset < extent.end) {
                piece.count = piece.next() - extent.end;
                piece.offset = extent.end;
            }
            spool(std::move(piece));
        }
    received_ = received;
    fresh_ = fresh;
}

Awaitable<bool> OutputSession::be_patient(const Failure& failure) {
    const std::string message = failure.message;
    if (unusable_) {
        outcome_ = Failure(message);
        co_return false;
    }
    if (collector_.options_.pipe && collector_.options_.pipe->reader_gone()) {
        outcome_ = Failure(message);
        if (collector_.options_.on_broken) collector_.options_.on_broken();
        co_return false;
    }
    if (!patient_)
        collector_.notice(fmt::format(
            "{}: {}; nothing is acknowledged, it is tried again each second", name_, message));
    patient_ = true;
    const Clock::time_point until = Clock::now() + disk_pause;
    while (!closing_ && Clock::now() < until) {
        work_.expires_at(until);
        (void)co_await work_.async_wait(no_throw); // cancelled when something came: wait on
    }
    // The guest still has what was not acknowledged, for whoever serves it next.
    if (closing_) outcome_ = Failure(message);
    fresh_ = true;
    co_return !closing_;
}

Awaitable<> OutputSession::log_losses() {
    std::vector<Piece> lost = std::exchange(lost_, {});
    if (lost.size() > most_losses_logged) {
        Piece sum(Piece::Kind::gap, lost.front().offset, 0, {});
        for (const Piece& gap : lost)
            sum.count += gap.count;
        json::object line{
            {"stream", name_}, {"offset", sum.offset}, {"count", sum.count}, {"gaps", lost.size()}};
        (void)co_await collector_.log("output_lost", std::move(line)); // a failure was said
        co_return;
    }
    for (const Piece& gap : lost) {
        json::object line{{"stream", name_}, {"offset", gap.offset}, {"count", gap.count}};
        (void)co_await collector_.log("output_lost", std::move(line)); // a failure was said
    }
}

void OutputSession::acknowledge() {
    const Extent& extent = *store_->extent();
    acknowledged_ = extent.end;
    ack_at_.reset();
    if (received_ != acknowledged_ || !spool_.empty())
        ack_at_ = Clock::now() + proto::limits::ack_delay;
    const proto::Ack ack{.window = proto::limits::retention_workload,
                         .eos = extent.eos.has_value()};
    const bool is_err = name_ == "stderr";
    stream_.send({.type = proto::FrameType::ack,
                  .stream = is_err ? proto::stream_id::err : proto::stream_id::out,
                  .flags = 0,
                  .length = 0,
                  .offset = extent.end},
                 json::serialize(to_json(ack)));
    if (!extent.eos || collector_.ended_.contains(name_)) return;
    collector_.ended_.insert(name_);
    collector_.progress();
}

} // namespace rouse::host
