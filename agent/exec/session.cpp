#include "agent/exec/session.hpp"

#include "agent/sys/age.hpp"

#include <boost/json/serialize.hpp>

#include <functional>
#include <utility>

#include <signal.h>

namespace rouse::exec {

using proto::stream_id::err;

namespace {

std::size_t fingerprint_of(const proto::ExecRequest& request, Form form) {
    const std::string text = boost::json::serialize(proto::to_json(request));
    return std::hash<std::string>()(text) ^ (static_cast<std::size_t>(form) + text.size());
}

SessionOutput output_for(Form form) {
    if (form == Form::captured) return {SessionOutput::Keep::first, proto::limits::captured_output};
    const auto keep = form == Form::stream ? SessionOutput::Keep::hold : SessionOutput::Keep::tail;
    return {keep, proto::limits::exec_window};
}

SessionInput input_for(proto::ExecRequest& request, Form form) {
    if (form != Form::captured) return {};
    return SessionInput(std::move(request.stdin_bytes));
}

proto::KeptRange range_of(const SessionOutput& output) {
    return {.oldest = output.kept().oldest(),
            .next = output.kept().next(),
            .lost = output.lost() + output.truncated()};
}

sys::error_code no_process() {
    return {ESRCH, boost::system::system_category()};
}

std::string_view name_of(SessionLife::Phase phase) {
    switch (phase) {
    case SessionLife::Phase::starting:
        return "starting";
    case SessionLife::Phase::running:
        return "running";
    case SessionLife::Phase::exited:
        return "exited";
    case SessionLife::Phase::failed:
        return "failed";
    }
    return "unknown";
}

} // namespace

Session::Session(const io::Executor& executor, std::string id, proto::ExecRequest request,
                 Form form, io::MemoryBudget& budget)
    : id_(std::move(id)), form_(form), program_(request.command.argv.front()),
      request_(std::move(request)), fingerprint_(fingerprint_of(request_, form)),
      changed_(executor), clock_(executor), life_(request_.session, form != Form::detached),
      input_(input_for(request_, form)), out_(output_for(form)), err_(output_for(form)),
      memory_(budget.take(0)), process_(std::in_place, executor),
      asked_(std::chrono::steady_clock::now()) {
    if (life_.attended()) (void)control_.take(); // by nobody yet who could give it up
}

bool Session::is_for(const proto::ExecRequest& request, Form form) const {
    return form == form_ && fingerprint_ == fingerprint_of(request, form);
}

void Session::change_keep() {
    if (form_ == Form::captured) return;
    const auto keep = life_.holds() ? SessionOutput::Keep::hold : SessionOutput::Keep::tail;
    out_.set_keep(keep);
    err_.set_keep(keep);
    changed_.notify_all();
}

void Session::change() {
    change_keep();
    clock_.cancel();
    changed_.notify_all();
}

std::uint64_t Session::take_control() {
    const std::uint64_t number = control_.take();
    life_.controller_came();
    input_.resume();
    change();
    return number;
}

void Session::leave(std::uint64_t number) {
    if (!control_.give_up(number)) return;
    life_.controller_gone(std::chrono::steady_clock::now());
    change();
}

void Session::detach(std::uint64_t number) {
    if (!control_.give_up(number)) return;
    life_.controller_detached();
    change();
}

void Session::abandon() {
    life_.abandon();
    change();
}

bool Session::is_starting() const {
    return life_.phase() == SessionLife::Phase::starting;
}

sys::Result<> Session::signal(int number) {
    if (life_.phase() != SessionLife::Phase::running) return no_process();
    return process_->child().signal_group(number);
}

void Session::obey(Order order) {
    // A process that has just ended needs neither.
    if (order == Order::terminate) (void)signal(SIGTERM);
    if (order == Order::kill && process_ && process_->started()) process_->child().kill();
}

void Session::begin_at(std::uint8_t stream, std::uint64_t offset) {
    (stream == err ? err_ : out_).begin_at(offset);
    changed_.notify_all();
}

void Session::release(std::uint8_t stream, std::uint64_t offset) {
    (stream == err ? err_ : out_).release(offset);
    changed_.notify_all();
}

void Session::fail(proto::SpawnFailure failure) {
    failure_ = std::move(failure);
    life_.failed();
    out_.end(proto::EndOfStream::How::closed);
    err_.end(proto::EndOfStream::How::closed);
    input_.close();
    change();
}

void Session::note_memory() {
    const std::size_t wanted = out_.kept().size() + err_.kept().size();
    memory_->shrink_to(wanted);
    if (memory_->grow_to(wanted)) return;
    out_.squeeze();
    err_.squeeze();
    // What is left cannot be given up: it is bounded for each session.
    (void)memory_->grow_to(out_.kept().size() + err_.kept().size());
}

const SessionOutput& Session::output(std::uint8_t stream) const {
    return stream == err ? err_ : out_;
}

OutputState Session::output_state(std::uint8_t stream) const {
    const SessionOutput& from = output(stream);
    OutputState state{
        .oldest = from.kept().oldest(), .next = from.kept().next(), .ended = std::nullopt};
    if (from.ended()) state.ended.emplace().how = *from.ended();
    return state;
}

sys::Result<OutputPiece> Session::piece(std::uint8_t stream, std::uint64_t from,
                                        std::size_t limit) {
    const KeptBytes& kept = output(stream).kept();
    if (from < kept.oldest()) return OutputPiece{.missing = kept.oldest() - from, .bytes = {}};
    return OutputPiece{.missing = 0, .bytes = kept.from(from).substr(0, limit)};
}

bool Session::has_result() const {
    const auto is_read = [](const std::optional<Source>& source) {
        return !source || source->output.ended() || source->output.taken() >= source->at_exit;
    };
    return failure_ || (exit_ && is_read(out_source_) && is_read(err_source_));
}

io::Awaitable<> Session::wait_result() {
    while (!has_result()) {
        io::Awaitable<> waiting = changed_.wait();
        co_await std::move(waiting);
    }
}

proto::ExecResult Session::result() const {
    proto::ExecResult result;
    result.exit = exit_;
    result.error = failure_;
    result.out = {.bytes = out_.kept().all(), .truncated = out_.truncated()};
    result.err = {.bytes = err_.kept().all(), .truncated = err_.truncated()};
    return result;
}

proto::SessionDocument Session::document() const {
    proto::SessionDocument document;
    document.id = id_;
    document.state = name_of(life_.phase());
    document.program = program_;
    document.pid = static_cast<std::uint64_t>(pid_);
    document.tty = has_terminal();
    document.detached = life_.detached();
    document.controlled = control_.is_held();
    document.readers = readers_;
    document.age_ms = sys::milliseconds_since(asked_);
    document.stdin_received = input_.received();
    document.out = range_of(out_);
    document.err = range_of(err_);
    document.exit = exit_;
    document.error = failure_;
    return document;
}

} // namespace rouse::exec
