#pragma once
// A session of a guest from the client's side: starts it or comes to one that runs, and stays with
// it over connections that break (proto/README.md, "Sessions", "Exec stream").
//
//   starting ──STARTED──▶ connected ──EXIT, EOS 1, EOS 2──▶ settled: all output was taken
//    │    ▲                 │    ▲
//    │    └─ lost: POST     │    └─ lost: attach from the offsets that came, for the grace
//    │       again, by id   │
//    └──refused, ERROR──────┴──▶ failed          DETACH, echoed ──▶ detached

#include "proto/exec.hpp"
#include "proto/exec_stream.hpp"
#include "tools/host/exec_input.hpp"
#include "tools/host/exec_output.hpp"
#include "tools/host/session_dialer.hpp"
#include "tools/host/tasks.hpp"

#include <functional>
#include <optional>
#include <vector>

namespace rouse::host {

/// Exactly one of the first two is set, or `detached`.
struct ExecEnd {
    std::optional<proto::ExitStatus> exit;
    std::optional<proto::SpawnFailure> failure;
    bool detached = false;  ///< left on purpose; the session goes on
    std::uint64_t lost = 0; ///< bytes of output that the guest no longer had
};

/// Who is told what a session's client does. Each may be empty.
struct ExecListener {
    std::function<void(const proto::Started& started)> on_started; ///< also after a re-attach
    std::function<void(const std::string& words)> on_notice;       ///< for a person
};

/// Not thread-safe. One session each: call run() or attach(), once.
class ExecClient {
public:
    using Sink = ExecOutput::Sink;

    /// What attach() comes to.
    struct Place {
        std::string id;
        proto::AttachRequest from;
    };

    /// Borrows the dialer. An output that is not taken holds up neither the other one nor the exit.
    /// When the sink takes no more the connection is closed for good.
    ExecClient(Dialer& dialer, Sink sink, ExecListener listener = {});

    /// Runs the command to its exit and to the end of both streams. `input` becomes its stdin;
    /// without one, its stdin is at its end from the start. `deadline` bounds the time until the
    /// session runs, not the command. An id is made where the request has none.
    Awaitable<Outcome<ExecEnd>> run(proto::ExecRequest request, ExecInput::Source input,
                                    Clock::time_point deadline);
    /// Comes to a session and stays to its end. Without `input` its stdin is left alone.
    Awaitable<Outcome<ExecEnd>> attach(Place place, ExecInput::Source input,
                                       Clock::time_point deadline);

    /// Sends a signal to the process group, over the next connection if there is none now.
    void signal(int number);
    /// Tells the session's terminal its size.
    void resize(proto::TerminalSize size);
    /// Leaves the session on purpose, once the guest knows.
    void detach();
    /// Gives up: closes the connection. A command that would be killed some time later is at once.
    void abandon();
    /// Goes away without a word, as a lost connection would: somebody may come back in time.
    void leave();

    [[nodiscard]] const std::string& id() const { return id_; }

private:
    Awaitable<Outcome<ExecEnd>> serve(ExecInput::Kind kind, ExecInput::Source source,
                                      Clock::time_point deadline);
    Awaitable<> live(Clock::time_point deadline);
    Awaitable<Outcome<>> stay(Clock::time_point deadline);
    Awaitable<Outcome<std::unique_ptr<FrameStream>>> connect(Clock::time_point deadline);
    Awaitable<Outcome<bool>> converse();
    Awaitable<Outcome<>> settle();
    Awaitable<> watch();
    void watch_once();
    void disconnect();
    void send(proto::FrameType type, const boost::json::value& payload);
    [[nodiscard]] bool has_all() const { return end_.exit && out_.ended() && err_.ended(); }
    [[nodiscard]] bool refused() const { return out_.refused() || err_.refused(); }
    [[nodiscard]] Failure failure(const std::string& reason) const;
    [[nodiscard]] Failure unreached(const Failure& why) const;
    void note_loss(std::string why);

    // exec_client_frames.cpp
    Outcome<> take(const proto::Frame& frame);
    Outcome<> take_output(const proto::Frame& frame, ExecOutput& output);
    Outcome<> take_started(const proto::Frame& frame);
    Outcome<> take_error(const proto::Frame& frame);
    Outcome<> take_exit(const proto::Frame& frame);
    void say_what_waits();
    void note_lost(std::uint64_t bytes, std::uint8_t stream);
    void notice(const std::string& words) const;

    Dialer& dialer_;
    ExecListener listener_;
    SessionDialer sessions_;
    Tasks tasks_;
    Timer over_; ///< cancelled when there is a result, and by abandon()
    ExecInput in_;
    ExecOutput out_;
    ExecOutput err_;
    std::unique_ptr<FrameStream> stream_;
    std::string id_;
    std::string request_;       ///< body of POST /v1/exec; empty: only attach
    proto::AttachRequest from_; ///< where attach() begins
    std::chrono::milliseconds grace_ = proto::limits::reattach_grace;
    bool kill_when_abandoned_ = false;
    bool started_ = false;    ///< STARTED came, over whatever connection
    bool connected_ = false;  ///< and over this one
    Clock::time_point heard_; ///< when the guest last sent anything
    std::optional<Clock::time_point> lost_at_;
    std::string why_lost_;
    bool told_ = false;        ///< that the connection is lost
    std::vector<int> signals_; ///< that wait for a connection
    std::optional<proto::TerminalSize> size_;
    bool detaching_ = false;
    bool abandoned_ = false;
    ExecEnd end_;
    std::optional<Outcome<ExecEnd>> result_;
};

} // namespace rouse::host
