#pragma once
// The reference host of one virtual machine: serves its link and its output connections, writes
// what comes into files and answers as proto/README.md says.
//
//   DIR/NAME/events.jsonl                 see event_log.hpp
//   DIR/NAME/collect.lock                 see directory_lock.hpp
//   DIR/NAME/GENERATION/stdout, stderr    see stream_store.hpp for the forms
//
// Who says hello is believed only after a ready probe on the target's exec port; until then it has
// no place, and takes none away.

#include "tools/host/arrivals.hpp"
#include "tools/host/dialer.hpp"
#include "tools/host/disk.hpp"
#include "tools/host/event_log.hpp"
#include "tools/host/probe.hpp"
#include "tools/host/reception.hpp"
#include "tools/host/restore_documents.hpp"
#include "tools/host/seats.hpp"
#include "tools/host/shared_pipe.hpp"

#include <boost/json/object.hpp>

#include <set>

namespace rouse::host {

struct CollectorOptions {
    std::string name;                       ///< of the virtual machine: a directory's name
    std::filesystem::path output;           ///< DIR; not used with a pipe
    std::filesystem::path restore_document; ///< restore_documents.hpp; empty: none
    Format format = Format::raw;
    Durable durable = Durable::no;
    std::uint64_t events_limit = EventLog::default_limit; ///< bytes of events.jsonl
    std::shared_ptr<SharedPipe> pipe; ///< where records go instead of files; not with raw
    /// Told what a person should know, in one line. May be empty.
    std::function<void(const std::string& line)> on_notice;
    /// Called when nothing can be written any more: the reader of the pipe has gone. May be empty.
    std::function<void()> on_broken;
};

/// Not thread-safe. Lives until its sessions have ended.
class Collector {
public:
    /// Borrows the disk.
    Collector(Executor executor, Target target, CollectorOptions options, Disk& disk);

    /// Serves one connection that the guest dialled, until it ends.
    Awaitable<> serve_link(Socket socket);
    Awaitable<> serve_output(Socket socket);

    /// Whether every stream that the guest announced has ended, and its workload too. A VM that
    /// never said hello is not finished.
    [[nodiscard]] bool finished() const;
    /// Called whenever finished() may have changed.
    void on_progress(std::function<void()> call) { on_progress_ = std::move(call); }

    /// Closes every connection; the sessions write what they have and end.
    void stop();
    /// How many connections are served.
    [[nodiscard]] std::size_t sessions() const { return streams_.size(); }

    [[nodiscard]] const Target& target() const { return dialer_.target(); }

private:
    friend class LinkSession;
    friend class OutputSession;

    /// Registers a connection for stop(). Borrows both.
    class Served {
    public:
        Served(Collector& collector, FrameStream& stream);
        Served(const Served&) = delete;
        Served& operator=(const Served&) = delete;
        ~Served() { collector_.streams_.erase(&stream_); }

    private:
        Collector& collector_;
        FrameStream& stream_;
    };

    /// Who is believed without another probe: what the last one answered.
    Awaitable<Outcome<>> believe(Claim claim, std::string nonce);
    /// Adds a line to events.jsonl, on the disk when it returns; `type` and the time are added to
    /// `body`. A failure was said to a person already.
    Awaitable<Outcome<>> log(std::string type, boost::json::object body);
    /// Speaks of a connection that was refused, not more than once a second: anybody in the guest
    /// can make one.
    Awaitable<> log_refusal(std::string type, std::string message);
    /// What the link's hello of a guest that is of `generation` is answered with.
    Awaitable<Outcome<proto::RestoreDocument>> document_for(std::string generation);
    Awaitable<Outcome<OpenedStore>> open_stream(StreamIdentity identity, std::uint64_t next);
    void notice(const std::string& line) const;
    void progress() const;

    Dialer dialer_;
    CollectorOptions options_;
    Disk& disk_;
    std::filesystem::path directory_;
    std::shared_ptr<EventLog> events_; ///< shared with what a disk does for a session that is gone
    std::optional<Claim> proven_;
    RestoreLedger ledger_;
    Reception reception_;
    Seats seats_;
    std::set<FrameStream*> streams_;
    std::map<std::string, std::weak_ptr<Arrivals>> arrivals_; ///< by generation, while in use
    std::set<std::string> expected_ = {"stdout", "stderr"};
    std::set<std::string> ended_;
    bool workload_ended_ = false;
    bool stopping_ = false;
    std::function<void()> on_progress_;
};

} // namespace rouse::host
