#include "proto/output.hpp"

#include <array>

namespace rouse::proto {

namespace json = boost::json;

namespace {

json::value nullable(const std::optional<std::string>& text) {
    return text ? json::value(*text) : json::value(nullptr);
}

constexpr std::array<std::string_view, 3> how_names = {"closed", "lingered", "truncated"};

} // namespace

json::value to_json(const OutputHello& hello) {
    return {{"versions", json::value_from(hello.versions)},
            {"boot_id", hello.boot_id},
            {"generation", hello.generation},
            {"parent_generation", nullable(hello.parent_generation)},
            {"epoch", hello.epoch},
            {"link_key", hello.link_key},
            {"stream", hello.stream},
            {"oldest", hello.oldest},
            {"next", hello.next}};
}

Parsed<OutputHello> parse_output_hello(std::string_view payload) {
    Parsed<json::value> document = parse_json(payload);
    if (!document) return document.error();
    OutputHello hello;
    Problems problems;
    Fields fields(*document, "$", problems);
    for (const std::string_view key : {"versions", "boot_id", "generation", "stream", "next"})
        fields.require(key);
    fields.read("versions", hello.versions);
    fields.read("boot_id", hello.boot_id);
    fields.read("generation", hello.generation);
    fields.read("parent_generation", hello.parent_generation);
    fields.read("epoch", hello.epoch);
    fields.read("link_key", hello.link_key);
    fields.read("stream", hello.stream);
    fields.read("oldest", hello.oldest);
    fields.read("next", hello.next);
    if (hello.oldest > hello.next) fields.fail("oldest", "is beyond next");
    return value_or_first(std::move(hello), problems);
}

json::value to_json(const OutputWelcome& welcome) {
    return {{"version", welcome.version},
            {"resume", welcome.resume ? json::value(*welcome.resume) : json::value(nullptr)},
            {"window", welcome.window},
            {"max_frame", welcome.max_frame}};
}

Parsed<OutputWelcome> parse_output_welcome(std::string_view payload) {
    Parsed<json::value> document = parse_json(payload);
    if (!document) return document.error();
    OutputWelcome welcome;
    Problems problems;
    Fields fields(*document, "$", problems);
    fields.require("version");
    fields.read("version", welcome.version);
    fields.read("resume", welcome.resume);
    fields.read("window", welcome.window);
    fields.read("max_frame", welcome.max_frame, 1);
    return value_or_first(welcome, problems);
}

json::value to_json(const Ack& ack) {
    json::object object{{"window", ack.window}};
    if (ack.eos) object["eos"] = true;
    return object;
}

Parsed<Ack> parse_ack(std::string_view payload) {
    Parsed<json::value> document = parse_json(payload);
    if (!document) return document.error();
    Ack ack;
    Problems problems;
    Fields fields(*document, "$", problems);
    fields.require("window");
    fields.read("window", ack.window);
    fields.read("eos", ack.eos);
    return value_or_first(ack, problems);
}

std::string_view name(EndOfStream::How how) {
    return how_names[static_cast<std::size_t>(how)];
}

json::value to_json(const EndOfStream& end) {
    json::object object{{"how", name(end.how)}};
    if (end.how == EndOfStream::How::truncated) object["bytes"] = end.bytes;
    return object;
}

Parsed<EndOfStream> parse_end_of_stream(std::string_view payload) {
    Parsed<json::value> document = parse_json(payload);
    if (!document) return document.error();
    EndOfStream end;
    std::string how;
    Problems problems;
    Fields fields(*document, "$", problems);
    fields.require("how");
    fields.read("how", how);
    fields.read("bytes", end.bytes);
    std::size_t index = 0;
    while (index < how_names.size() && how_names[index] != how)
        ++index;
    if (index == how_names.size())
        fields.fail("how", "must be closed, lingered or truncated");
    else
        end.how = static_cast<EndOfStream::How>(index);
    return value_or_first(end, problems);
}

} // namespace rouse::proto
