#pragma once
// What a client attaches to, as its stream sees it: an exec session, or the workload.

#include "agent/exec/session_input.hpp"
#include "agent/io/condition.hpp"
#include "agent/sys/result.hpp"
#include "proto/exec.hpp"
#include "proto/output.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <sys/types.h>

namespace rouse::exec {

/// An output as it is now.
struct OutputState {
    std::uint64_t oldest = 0; ///< offset of the first byte that is kept
    std::uint64_t next = 0;   ///< of the first that is not there yet
    std::optional<proto::EndOfStream> ended;
};

/// What there is at one place of an output.
struct OutputPiece {
    std::uint64_t missing = 0; ///< so many bytes from there on are gone
    std::string_view bytes;    ///< where none are missing; valid until the next call
};

class Attachable {
public:
    Attachable() = default;
    Attachable(const Attachable&) = delete;
    Attachable& operator=(const Attachable&) = delete;
    Attachable(Attachable&&) = delete;
    Attachable& operator=(Attachable&&) = delete;
    virtual ~Attachable() = default;

    [[nodiscard]] virtual const std::string& id() const = 0;
    /// Told after every change of what is below.
    [[nodiscard]] virtual io::Condition& changed() = 0;
    [[nodiscard]] virtual bool is_starting() const = 0;
    [[nodiscard]] virtual pid_t pid() const = 0;
    [[nodiscard]] virtual bool has_terminal() const = 0;
    [[nodiscard]] virtual const std::optional<proto::ExitStatus>& exit() const = 0;
    [[nodiscard]] virtual const std::optional<proto::SpawnFailure>& failure() const = 0;

    /// `stream`: 1 or 2, here and below.
    [[nodiscard]] virtual OutputState output_state(std::uint8_t stream) const = 0;
    /// At most `limit` bytes at offset `from`; none where nothing has been written yet. Errors:
    /// those of copying what is kept.
    virtual sys::Result<OutputPiece> piece(std::uint8_t stream, std::uint64_t from,
                                           std::size_t limit) = 0;
    /// A controller begins at `offset` of `stream`, which has not been passed.
    virtual void begin_at(std::uint8_t stream, std::uint64_t offset) = 0;
    /// The controller has everything of `stream` before `offset`.
    virtual void release(std::uint8_t stream, std::uint64_t offset) = 0;

    /// As Control has them.
    virtual std::uint64_t take_control() = 0;
    [[nodiscard]] virtual bool is_controller(std::uint64_t number) const = 0;
    /// The controller is gone, or leaves on purpose. Another's number changes nothing.
    virtual void leave(std::uint64_t number) = 0;
    virtual void detach(std::uint64_t number) = 0;
    /// A client that only looks comes, or goes.
    virtual void add_reader() = 0;
    virtual void remove_reader() = 0;

    /// For the process group. Errors: ESRCH when the process is not there (any more).
    virtual sys::Result<> signal(int number) = 0;
    /// Errors: ENOTTY without a terminal, ESRCH as above.
    virtual sys::Result<> resize(const proto::TerminalSize& size) = 0;
    /// Whoever changes it says so by changed().
    [[nodiscard]] virtual SessionInput& input() = 0;
};

} // namespace rouse::exec
