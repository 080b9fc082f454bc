#pragma once
// Documents of the link (port 4001): the one control connection, dialled by the guest.

#include "proto/restore.hpp"

namespace rouse::proto {

/// First frame of the guest. The host answers it only after its probe `GET /v1/ready?nonce=…` over
/// a fresh connection to `exec_port` came back with the same boot id, epoch and link key.
struct LinkHello {
    std::vector<std::uint64_t> versions;
    std::string boot_id;
    std::string generation; ///< the one the guest believes in; local until a host gave one
    std::uint64_t epoch = 0;
    std::string link_key; ///< 32 hexadecimal digits, new at each epoch
    std::string nonce;    ///< the probe repeats it, so that the guest knows which hello it proves
    std::uint64_t exec_port = 0;
    std::vector<std::string> streams;
    /// Whether a preparation for a snapshot is in force: "none", "prepared", or "expired" where its
    /// lease ran out. Empty: not said.
    std::string prepare = {};

    friend bool operator==(const LinkHello&, const LinkHello&) = default;
};

boost::json::value to_json(const LinkHello& hello);
Parsed<LinkHello> parse_link_hello(std::string_view payload);

/// The host's answer: the generation decides between transport loss (same) and restore (new).
struct LinkHelloAck {
    std::uint64_t version = 0;
    std::string nonce;        ///< of the hello that is answered
    RestoreDocument document; ///< without a generation the guest keeps its own

    friend bool operator==(const LinkHelloAck&, const LinkHelloAck&) = default;
};

boost::json::value to_json(const LinkHelloAck& ack);
Parsed<LinkHelloAck> parse_link_hello_ack(std::string_view payload);

/// Something that happened in the guest. An event with a sequence number is repeated on each new
/// link until the host acknowledges it (ACK with the sequence number as offset).
struct Event {
    std::uint64_t sequence = 0; ///< from 1; 0: not repeated
    std::string type;           ///< "workload_started", "workload_exit", "restored", …
    boost::json::object body;

    friend bool operator==(const Event&, const Event&) = default;
};

boost::json::value to_json(const Event& event);
Parsed<Event> parse_event(std::string_view payload);

/// Answer of `GET /v1/ready`. Only guest root can listen on the exec port, so the link key in it
/// proves that a hello with the same key came from the agent.
struct Ready {
    bool ready = false;
    std::string boot_id;
    std::string generation;
    std::uint64_t epoch = 0;
    std::string link_key;
    std::string nonce;

    friend bool operator==(const Ready&, const Ready&) = default;
};

boost::json::value to_json(const Ready& ready);
Parsed<Ready> parse_ready(std::string_view body);

/// Payload of ERROR on any connection.
struct ErrorDocument {
    std::string kind; ///< "version", "protocol", "refused", "busy", …
    std::string message;

    friend bool operator==(const ErrorDocument&, const ErrorDocument&) = default;
};

boost::json::value to_json(const ErrorDocument& error);
Parsed<ErrorDocument> parse_error_document(std::string_view payload);

/// The highest version that `offered` and we share, or the problem that names both sides.
Parsed<std::uint64_t> choose_version(const std::vector<std::uint64_t>& offered);

} // namespace rouse::proto
