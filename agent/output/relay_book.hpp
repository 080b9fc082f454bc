#pragma once
// What one output stream knows about its bytes: a pure state machine. Events go in, what may be
// done next comes out; the pipes and the socket are somebody else's (two_pipes.hpp,
// connection.hpp).
//
//     0 ........ acked ........ sent ........ read ....... written by the workload
//                |---- kept, less the gaps ----|
//                               |-- unsent --|  less what is owed: taken and not yet moved
//
// Offsets count every byte that the workload has written, also what is lost: `gaps` says where.
//
//                greet()             welcome() accepted
//         down ----------> greeting --------------------> streaming
//          ^                  |                               |
//          +------ lost() ----+-----------------------------<-+
//
// `unsent` follows `kept` while a host streams. Otherwise, and when bytes have to be lost while
// some are owed, it *lags*: only `kept` is filled, and `unsent` is made anew from it once it is
// empty.
//
// The end of the stream is a fact of the stream (end()); having sent it is a fact of a connection;
// having it acknowledged finishes the stream until it is announced again.

#include "agent/output/drop_clock.hpp"
#include "agent/output/frame_cap.hpp"
#include "agent/output/gap_list.hpp"
#include "agent/output/loss_record.hpp"
#include "agent/output/stall_clock.hpp"
#include "proto/limits.hpp"
#include "proto/output.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace rouse::output {

class RelayBook {
public:
    using Clock = std::chrono::steady_clock;
    using Late = StallClock::Late;

    /// Beyond this many gaps a stream goes on losing rather than begin another one.
    static constexpr std::size_t most_gaps = 64;

    struct Options {
        std::size_t retention = proto::limits::retention_workload; ///< what `kept` holds, bytes
        std::size_t largest_frame = 64 * 1024; ///< data payload, whatever the host allows
        std::size_t overhead = 0;              ///< bytes of a frame's cap that its header takes up
        std::chrono::milliseconds write_timeout = proto::limits::write_timeout;
        std::chrono::milliseconds stall_redial = proto::limits::stall_redial;
        std::chrono::milliseconds late_timer{250}; ///< a later expiry is a clock jump
        DropPolicy policy = DropPolicy::drop;
    };

    enum class Link { down, greeting, streaming };

    struct Offsets {
        std::uint64_t acked = 0; ///< the host has these; nothing before is kept
        std::uint64_t sent = 0;  ///< handed to frames of this connection
        std::uint64_t read = 0;  ///< taken from the workload
    };

    /// What the hello says.
    struct Greeting {
        std::uint64_t oldest = 0;
        std::uint64_t next = 0;
    };

    /// What the pipes must do before the first frame of a connection goes out: drop `release` bytes
    /// from the front of `kept`, and fill `unsent`, which is empty, with all that is kept.
    struct Replay {
        std::size_t release = 0;
        bool below_oldest = false; ///< the host asked for bytes that it has acknowledged once
    };

    struct NextFrame {
        enum class What { data, gap, end };
        What what = What::data;
        std::uint64_t offset = 0;
        std::uint64_t length = 0; ///< bytes to send, or lost ones
        bool ack_now = false;
    };

    explicit RelayBook(Options options);

    // --- filling

    /// `taken` bytes are in `kept` now, `moved` bytes came to `unsent`. Unless `unsent` lags, what
    /// was taken and not moved is owed, and moved before anything else is taken.
    void filled(std::size_t taken, std::size_t moved);
    [[nodiscard]] std::size_t owed() const { return owed_; }
    /// `unsent` is to be left out.
    [[nodiscard]] bool lagging() const { return lagging_; }
    /// From now on `unsent` lags. Returns how many bytes are to be dropped from the workload's
    /// pipe: `kept` has them.
    std::size_t forgo();
    /// Nothing more is read. The first word counts.
    void end(proto::EndOfStream end);
    [[nodiscard]] const std::optional<proto::EndOfStream>& ended() const { return end_; }

    // --- losing

    /// Nothing more can be taken.
    void full(Clock::time_point now) { drop_.full(now, kept_); }
    /// When late() is to be asked; nothing while the workload may wait.
    [[nodiscard]] std::optional<Clock::time_point> drop_deadline() const {
        return drop_.deadline();
    }
    /// True when the stream begins to lose bytes with this call.
    bool late(Clock::time_point now) { return drop_.late(now); }
    /// Bytes must go: the newest while a host streams, the oldest while nobody does.
    [[nodiscard]] bool dropping() const { return drop_.dropping(); }
    /// `bytes` of the workload were taken and not kept. Nothing is owed.
    void drop_newest(std::size_t bytes, LossReason reason = LossReason::stalled);
    /// `bytes` were dropped from the front of `kept`.
    void drop_oldest(std::size_t bytes);
    /// So many bytes at the front of `kept` stand between more gaps than are remembered.
    [[nodiscard]] std::size_t surplus() const;
    /// The oldest episode of loss that is over and was not taken.
    std::optional<Loss> take_loss() { return losses_.take(); }

    // --- the connection

    /// A host that knows nothing may come: a finished stream has to say its end once more.
    void announce_again() { end_acked_ = false; }
    /// A connection stands; this is what its hello says.
    Greeting greet();
    /// The host's answer, or why the connection must end with an ERROR.
    proto::Parsed<Replay> welcome(const proto::OutputWelcome& welcome);
    /// The host has consumed up to `offset`. Returns how many bytes leave `kept`, or why the
    /// connection must end.
    proto::Parsed<std::size_t> acknowledge(std::uint64_t offset, const proto::Ack& ack);
    /// The connection is gone. Filling goes on. Returns how many bytes are to be dropped from the
    /// workload's pipe, as forgo() does; `unsent` is to be emptied.
    std::size_t lost();
    [[nodiscard]] Link link() const { return link_; }

    // --- sending

    /// `unsent` is empty and lags: it is to be filled with all that is kept, less as many bytes
    /// from the front as refill() says. Between two frames only.
    [[nodiscard]] bool wants_refill() const;
    std::size_t refill();
    /// Whether refill() or next_frame() has anything to do.
    [[nodiscard]] bool sendable() const;
    /// What may be sent now, if anything, and counts it as sent. `crowded`: `kept` has no free
    /// slot, although it may hold few bytes.
    std::optional<NextFrame> next_frame(bool crowded);
    /// The clock of the frame that is on its way; begin() is the caller's to say.
    [[nodiscard]] StallClock& stall() { return stall_; }
    [[nodiscard]] const StallClock& stall() const { return stall_; }
    /// The connection is given up for its stall: the next one sends smaller frames.
    void give_up();

    // --- for people and for the service

    [[nodiscard]] const Offsets& offsets() const { return offsets_; }
    /// Bytes that lie in `kept`.
    [[nodiscard]] std::size_t kept() const { return kept_; }
    /// Bytes that lie in `unsent`, less those of a frame that is on its way.
    [[nodiscard]] std::size_t unsent() const { return unsent_; }
    /// Bytes that the host has room for.
    [[nodiscard]] std::uint64_t credit() const;
    /// The host has everything, and knows that it is everything.
    [[nodiscard]] bool finished() const { return end_acked_; }
    [[nodiscard]] DropPolicy policy() const { return drop_.policy(); }
    [[nodiscard]] const LossRecord& losses() const { return losses_; }
    [[nodiscard]] std::size_t gaps() const { return gaps_.size(); }
    /// Where bytes are missing between acked and read.
    [[nodiscard]] const GapList& gap_list() const { return gaps_; }
    /// Longest frame now, bytes.
    [[nodiscard]] std::size_t frame_cap() const;
    /// Connections that were given up for a stall.
    [[nodiscard]] std::uint64_t redials() const { return redials_; }
    /// Accepted connections.
    [[nodiscard]] std::uint64_t connections() const { return connections_; }

private:
    [[nodiscard]] std::size_t kept_between(std::uint64_t from, std::uint64_t to) const;
    std::size_t release_to(std::uint64_t offset);
    [[nodiscard]] bool grows(const Gap& gap) const;
    [[nodiscard]] bool end_is_due() const;
    [[nodiscard]] std::size_t data_length() const;

    Options options_;
    Offsets offsets_;
    GapList gaps_; ///< between acked and read
    LossRecord losses_;
    DropClock drop_;
    StallClock stall_;
    FrameCap cap_;
    std::size_t kept_ = 0;
    std::size_t unsent_ = 0;
    std::size_t owed_ = 0;
    bool lagging_ = true;
    std::uint64_t announced_ = 0;  ///< `next` of the last hello
    std::uint64_t credit_end_ = 0; ///< offset up to which may be sent
    Link link_ = Link::down;
    std::optional<proto::EndOfStream> end_;
    bool end_sent_ = false;
    bool end_acked_ = false;
    std::uint64_t redials_ = 0;
    std::uint64_t connections_ = 0;
};

} // namespace rouse::output
