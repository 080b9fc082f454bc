#include "proto/link.hpp"

#include "proto/frame.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace rouse::proto {

namespace json = boost::json;

json::value to_json(const LinkHello& hello) {
    json::object object{{"versions", json::value_from(hello.versions)},
                        {"boot_id", hello.boot_id},
                        {"generation", hello.generation},
                        {"epoch", hello.epoch},
                        {"link_key", hello.link_key},
                        {"nonce", hello.nonce},
                        {"exec_port", hello.exec_port},
                        {"streams", json::value_from(hello.streams)}};
    if (!hello.prepare.empty()) object["prepare"] = hello.prepare;
    return object;
}

Parsed<LinkHello> parse_link_hello(std::string_view payload) {
    Parsed<json::value> document = parse_json(payload);
    if (!document) return document.error();
    LinkHello hello;
    Problems problems;
    Fields fields(*document, "$", problems);
    for (const std::string_view key : {"versions", "boot_id", "generation", "link_key", "nonce"})
        fields.require(key);
    fields.read("versions", hello.versions);
    fields.read("boot_id", hello.boot_id);
    fields.read("generation", hello.generation);
    fields.read("epoch", hello.epoch);
    fields.read("link_key", hello.link_key);
    fields.read("nonce", hello.nonce);
    fields.read("exec_port", hello.exec_port, 0, UINT32_MAX);
    fields.read("streams", hello.streams);
    fields.read("prepare", hello.prepare);
    return value_or_first(std::move(hello), problems);
}

json::value to_json(const LinkHelloAck& ack) {
    json::object object{{"version", ack.version}, {"nonce", ack.nonce}};
    for (const auto& member : to_json(ack.document))
        object[member.key()] = member.value();
    return object;
}

Parsed<LinkHelloAck> parse_link_hello_ack(std::string_view payload) {
    Parsed<json::value> document = parse_json(payload);
    if (!document) return document.error();
    LinkHelloAck ack;
    Problems problems;
    Fields fields(*document, "$", problems);
    fields.require("version");
    fields.require("nonce");
    fields.read("version", ack.version);
    fields.read("nonce", ack.nonce);
    read_restore_document(fields, ack.document);
    return value_or_first(std::move(ack), problems);
}

json::value to_json(const Event& event) {
    json::object object = event.body;
    object["type"] = event.type;
    if (event.sequence != 0) object["sequence"] = event.sequence;
    return object;
}

Parsed<Event> parse_event(std::string_view payload) {
    Parsed<json::value> document = parse_json(payload);
    if (!document) return document.error();
    Event event;
    Problems problems;
    Fields fields(*document, "$", problems);
    fields.require("type");
    fields.read("type", event.type);
    fields.read("sequence", event.sequence);
    if (!problems.errors.empty()) return problems.errors.front();
    event.body = document->get_object();
    event.body.erase("type");
    event.body.erase("sequence");
    return event;
}

json::value to_json(const Ready& ready) {
    return {{"ready", ready.ready}, {"boot_id", ready.boot_id},   {"generation", ready.generation},
            {"epoch", ready.epoch}, {"link_key", ready.link_key}, {"nonce", ready.nonce}};
}

Parsed<Ready> parse_ready(std::string_view body) {
    Parsed<json::value> document = parse_json(body);
    if (!document) return document.error();
    Ready ready;
    Problems problems;
    Fields fields(*document, "$", problems);
    fields.require("ready");
    fields.read("ready", ready.ready);
    fields.read("boot_id", ready.boot_id);
    fields.read("generation", ready.generation);
    fields.read("epoch", ready.epoch);
    fields.read("link_key", ready.link_key);
    fields.read("nonce", ready.nonce);
    return value_or_first(std::move(ready), problems);
}

json::value to_json(const ErrorDocument& error) {
    return {{"kind", error.kind}, {"message", error.message}};
}

Parsed<ErrorDocument> parse_error_document(std::string_view payload) {
    Parsed<json::value> document = parse_json(payload);
    if (!document) return document.error();
    ErrorDocument error;
    Problems problems;
    Fields fields(*document, "$", problems);
    fields.require("kind");
    fields.read("kind", error.kind);
    fields.read("message", error.message);
    return value_or_first(std::move(error), problems);
}

Parsed<std::uint64_t> choose_version(const std::vector<std::uint64_t>& offered) {
    const auto ours = static_cast<std::uint64_t>(protocol_version);
    if (std::find(offered.begin(), offered.end(), ours) != offered.end()) return ours;
    return Problem{"$.versions", fmt::format("peer speaks [{}], this side speaks [{}]",
                                             fmt::join(offered, ", "), ours)};
}

} // namespace rouse::proto
