#include "tools/rousectl/stay.hpp"

#include "tools/host/detach_keys.hpp"
#include "tools/host/input.hpp"
#include "tools/host/output.hpp"
#include "tools/host/raw_terminal.hpp"
#include "tools/rousectl/notices.hpp"

#include <boost/asio/signal_set.hpp>
#include <fmt/format.h>

#include <csignal>
#include <map>
#include <memory>

#include <unistd.h>

namespace rouse::ctl {
namespace {

namespace asio = boost::asio;

bool asks_to_end(int number) {
    return number == SIGINT || number == SIGTERM || number == SIGHUP || number == SIGQUIT;
}

/// One stay. The event loop outlives it.
class Stay {
public:
    Stay(asio::io_context& io, const host::Target& target, const StayOptions& options)
        : options_(options), dialer_(io.get_executor(), target),
          out_(io.get_executor(), STDOUT_FILENO), err_(io.get_executor(), STDERR_FILENO),
          input_(io.get_executor(), STDIN_FILENO), notices_(io.get_executor(), STDERR_FILENO),
          signals_(io), keys_(host::parse_detach_keys(options.detach_keys).value()),
          client_(
              dialer_,
              [this](std::uint8_t stream, std::string_view bytes) {
                  return (stream == proto::stream_id::err ? err_ : out_).write(bytes);
              },
              {.on_started = {}, .on_notice = [this](const std::string& words) { say(words); }}) {}

    host::Outcome<host::ExecEnd> run(asio::io_context& io, const Begin& begin) {
        // Only a terminal that we type into is raw; of others the keys would be lost.
        if (options_.tty && options_.interactive && host::is_terminal(STDIN_FILENO))
            terminal_.emplace(host::RawTerminal::open(STDIN_FILENO).value());
        for (const int number :
             {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGALRM, SIGCONT, SIGWINCH})
            signals_.add(number);
        await_signal();
        host::ExecInput::Source source;
        if (options_.interactive) source = [this](std::size_t limit) { return type(limit); };
        auto end = run_to_end(io, begin(client_, std::move(source)));
        signals_.cancel();
        terminal_.reset();
        return end;
    }

    /// The signal that ended us, or 0.
    [[nodiscard]] int ended_by() const { return ended_by_; }
    [[nodiscard]] const std::string& id() const { return client_.id(); }

private:
    /// Input for the session: what is typed, less the keys that leave it.
    host::Awaitable<std::string> type(std::size_t limit) {
        for (;;) {
            std::string typed = co_await input_.read(limit);
            if (typed.empty() || !terminal_) co_return typed;
            std::string passed = keys_.feed(typed);
            if (keys_.seen()) client_.detach();
            if (!passed.empty()) co_return passed;
            if (keys_.seen()) co_await silence();
        }
    }

    /// Waits until cancelled.
    host::Awaitable<> silence() {
        host::Timer never(dialer_.executor(), host::Clock::time_point::max());
        for (;;)
            (void)co_await never.async_wait(host::no_throw); // cancelled at the end, which throws
    }

    void await_signal() {
        signals_.async_wait([this](boost::system::error_code error, int number) {
            if (error) return;
            take_signal(number);
            await_signal();
        });
    }

    void take_signal(int number) {
        constexpr int patience = 3;
        if (number == SIGWINCH && options_.tty) {
            if (const auto size = host::terminal_size(STDOUT_FILENO)) client_.resize(*size);
        } else if (asks_to_end(number) && (terminal_ || !options_.forward_signals)) {
            // Nobody typed it: it means us.
            ended_by_ = number;
            client_.leave();
        } else if (asks_to_end(number) && ++seen_[number] >= patience) {
            client_.abandon();
        } else if (options_.forward_signals && !terminal_) {
            client_.signal(number);
        }
    }

    void say(const std::string& words) {
        notices_.say(fmt::format("rousectl: {}{}", words, terminal_ ? "\r" : ""));
    }

    StayOptions options_;
    host::Dialer dialer_;
    host::Output out_;
    host::Output err_;
    host::Input input_;
    Notices notices_;
    asio::signal_set signals_;
    host::DetachKeys keys_;
    std::optional<host::RawTerminal> terminal_;
    std::map<int, int> seen_; ///< how often each signal came
    int ended_by_ = 0;
    host::ExecClient client_;
};

/// Ends us as the signal would have, so that whoever started us sees it.
[[noreturn]] void end_by(int number) {
    (void)std::signal(number, SIG_DFL); // it was ours to handle, so it can be set
    (void)std::raise(number);
    constexpr int by_signal = 128;
    std::_Exit(by_signal + number); // where it is blocked
}

} // namespace

int explain(const proto::SpawnFailure& failure) {
    // Some messages name the path already.
    const bool named =
        failure.path.empty() || failure.message.find(failure.path) != std::string::npos;
    complain(named ? fmt::format("cannot run the command: {} ({})", failure.message, failure.stage)
                   : fmt::format("cannot run the command: '{}': {} ({})", failure.path,
                                 failure.message, failure.stage));
    return proto::shell_exit_code(failure);
}

int stay_with_session(const host::Target& target, const StayOptions& options, const Begin& begin) {
    int ended_by = 0;
    std::string id;
    host::Outcome<host::ExecEnd> end = host::Failure();
    {
        asio::io_context io{1};
        Stay stay(io, target, options);
        end = stay.run(io, begin);
        ended_by = stay.ended_by();
        id = stay.id();
    }
    if (ended_by != 0) end_by(ended_by);
    if (!end) {
        complain(end.error().message);
        return own_error;
    }
    if (end->detached) {
        complain(fmt::format("left session '{}'", id));
        return 0;
    }
    return end->failure ? explain(*end->failure) : proto::shell_exit_code(*end->exit);
}

} // namespace rouse::ctl
