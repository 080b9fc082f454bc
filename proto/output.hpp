#pragma once
// Documents of an output connection (port 4002): one connection for each stream of the workload.

#include "proto/fields.hpp"
#include "proto/limits.hpp"

namespace rouse::proto {

/// First frame of the guest. A host's record for another generation is never used.
struct OutputHello {
    std::vector<std::uint64_t> versions;
    std::string boot_id;
    std::string generation;
    std::optional<std::string> parent_generation; ///< whose snapshot this VM was restored from
    std::uint64_t epoch = 0;
    std::string link_key;     ///< 32 hexadecimal digits; GET /v1/ready answers with the same
    std::string stream;       ///< "stdout" or "stderr"
    std::uint64_t oldest = 0; ///< offset of the oldest byte that can still be sent
    std::uint64_t next = 0;   ///< offset of the next byte the workload will write

    friend bool operator==(const OutputHello&, const OutputHello&) = default;
};

boost::json::value to_json(const OutputHello& hello);
Parsed<OutputHello> parse_output_hello(std::string_view payload);

/// The host's answer.
struct OutputWelcome {
    std::uint64_t version = 0;
    std::optional<std::uint64_t> resume; ///< offset to go on from; null: the oldest there is
    std::uint64_t window = limits::retention_workload; ///< bytes beyond `resume` that may be sent
    std::uint64_t max_frame = limits::data_frame;      ///< largest data payload the host takes

    friend bool operator==(const OutputWelcome&, const OutputWelcome&) = default;
};

boost::json::value to_json(const OutputWelcome& welcome);
Parsed<OutputWelcome> parse_output_welcome(std::string_view payload);

/// Payload of ACK; the header's offset says how many bytes of the stream are consumed.
struct Ack {
    std::uint64_t window = 0; ///< bytes beyond the offset that may be in flight
    bool eos = false;         ///< the end of the stream was consumed, too

    friend bool operator==(const Ack&, const Ack&) = default;
};

boost::json::value to_json(const Ack& ack);
Parsed<Ack> parse_ack(std::string_view payload);

/// Payload of EOS; the header's offset is the length of the stream.
struct EndOfStream {
    enum class How {
        closed,    ///< every writer closed the pipe
        lingered,  ///< the process ended, someone else still held the pipe at the drain deadline
        truncated, ///< `bytes` were left unread
    };
    How how = How::closed;
    std::uint64_t bytes = 0;

    friend bool operator==(const EndOfStream&, const EndOfStream&) = default;
};

boost::json::value to_json(const EndOfStream& end);
Parsed<EndOfStream> parse_end_of_stream(std::string_view payload);
std::string_view name(EndOfStream::How how);

} // namespace rouse::proto
