#pragma once
// A host that does what a test says, in place of the collector: it answers the link, takes the
// output connections, and then reads, or does not, or sends what no host should send.

#include "proto/link.hpp"
#include "proto/output.hpp"
#include "tests/support/kept_link.hpp"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

namespace rouse::test {

/// More credit than any test uses: who does not read then fills the socket, and is not one that
/// grants nothing.
inline constexpr std::uint64_t endless_credit = 1U << 30U;

/// A listening Unix socket.
class HostListener {
public:
    /// Listens on `path`. Throws std::system_error.
    explicit HostListener(const std::filesystem::path& path);

    /// The next connection. Throws std::runtime_error after `limit`.
    [[nodiscard]] FrameConnection accept(std::chrono::milliseconds limit = patience) const;

    /// Whether nobody connects for `quiet`.
    [[nodiscard]] bool stays_quiet(std::chrono::milliseconds quiet) const;

private:
    lab::Descriptor socket_;
};

/// One stream's output connection with what its guest said.
struct OutputConnection {
    proto::OutputHello hello;
    FrameConnection frames;
};

/// Listens where an agent (or the vsock device of its guest) dials.
class ScriptedHost {
public:
    explicit ScriptedHost(const std::filesystem::path& socket);

    /// The link's next hello; not answered yet.
    [[nodiscard]] proto::LinkHello accept_link();

    /// What the guest says on the exec port to a nonce.
    [[nodiscard]] static proto::Ready probe(const Endpoint& guest, const std::string& nonce);

    /// Probes and answers the hello with this document; then the guest's report.
    proto::RestoreReport confirm(const Endpoint& guest, const proto::LinkHello& hello,
                                 proto::RestoreDocument document = {});

    /// Confirms the next link, and keeps it.
    void serve_link(const Endpoint& guest);

    /// Answers by itself from now on, on the link that accept_link() gave.
    void keep_link();

    /// Ends the link that is kept, as a reset does.
    void cut_link() { kept_link_.reset(); }

    /// The next output connection. Unanswered: for the test to welcome or not.
    [[nodiscard]] OutputConnection accept_output();

    /// Answers an output hello, with `window` bytes of credit: from the oldest byte on, or from
    /// `resume`; frames of at most `max_frame` bytes.
    static void welcome(OutputConnection& output,
                        std::uint64_t window = proto::limits::retention_workload,
                        std::optional<std::uint64_t> resume = {},
                        std::uint64_t max_frame = proto::limits::data_frame);

    /// A link that accept_link() gave: whoever waits for anything else has to answer its PINGs.
    [[nodiscard]] FrameConnection& link() { return link_.value(); }
    /// The link that serve_link() or keep_link() keeps.
    [[nodiscard]] KeptLink& kept_link() { return kept_link_.value(); }
    [[nodiscard]] const HostListener& link_listener() const { return link_listener_; }
    [[nodiscard]] const HostListener& output_listener() const { return output_listener_; }

private:
    HostListener link_listener_;
    HostListener output_listener_;
    std::optional<FrameConnection> link_;
    std::optional<KeptLink> kept_link_;
};

/// Reads and acknowledges an output connection up to its end; the bytes. Throws std::runtime_error
/// when the connection ends before EOS, or at a gap.
[[nodiscard]] std::string read_to_end(OutputConnection& output,
                                      std::chrono::milliseconds limit = patience);

/// What came of one stream of the test sequence, over as many connections as it took.
struct ReceivedSequence {
    std::uint64_t length = 0;   ///< received and lost, up to here
    std::uint64_t received = 0; ///< bytes, each of them the sequence's
    std::uint64_t dropped = 0;  ///< bytes that were said to be lost
    unsigned gaps = 0;
    std::size_t largest_frame = 0;
    std::optional<proto::EndOfStream> end;
};

/// Reads and acknowledges one frame as follow() does. False at the end of the connection.
bool take_frame(OutputConnection& output, ReceivedSequence& sequence,
                std::chrono::milliseconds limit = patience);

/// Reads and acknowledges a welcomed connection on which the stream goes on at `sequence.length`,
/// until the end of the stream, or of the connection: then `sequence.end` is empty. Throws
/// std::runtime_error at a gap that is not marked, and for a byte that is not the sequence's.
void follow(OutputConnection& output, ReceivedSequence& sequence,
            std::chrono::milliseconds limit = patience);

} // namespace rouse::test
