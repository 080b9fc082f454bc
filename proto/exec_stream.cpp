#include "proto/exec_stream.hpp"

namespace rouse::proto {

namespace json = boost::json;

namespace {

/// Reads the one member that each of these documents has; it must be there.
template <typename Document, typename Number>
Parsed<Document> parse_single(std::string_view payload, std::string_view key,
                              Number Document::*member, Number low, Number high) {
    Parsed<json::value> value = parse_json(payload);
    if (!value) return value.error();
    Document document;
    Problems problems;
    Fields fields(*value, "$", problems);
    fields.require(key);
    fields.read(key, document.*member, low, high);
    return value_or_first(document, problems);
}

} // namespace

json::value to_json(const Started& started) {
    return json::object{{"pid", started.pid},   {"id", started.id},    {"control", started.control},
                        {"tty", started.tty},   {"stdin", started.in}, {"stdout", started.out},
                        {"stderr", started.err}};
}

Parsed<Started> parse_started(std::string_view payload) {
    Parsed<json::value> value = parse_json(payload);
    if (!value) return value.error();
    Started started;
    Problems problems;
    Fields fields(*value, "$", problems);
    fields.require("pid");
    fields.read("pid", started.pid);
    fields.read("id", started.id);
    fields.read("control", started.control);
    fields.read("tty", started.tty);
    fields.read("stdin", started.in);
    fields.read("stdout", started.out);
    fields.read("stderr", started.err);
    return value_or_first(std::move(started), problems);
}

json::value to_json(const SignalRequest& request) {
    return json::object{{"signal", request.signal}};
}

Parsed<SignalRequest> parse_signal_request(std::string_view payload) {
    return parse_single<SignalRequest, std::uint32_t>(payload, "signal", &SignalRequest::signal, 1,
                                                      64);
}

json::value to_json(const Dropped& dropped) {
    return json::object{{"count", dropped.count}};
}

Parsed<Dropped> parse_dropped(std::string_view payload) {
    return parse_single<Dropped, std::uint64_t>(payload, "count", &Dropped::count, 0, UINT64_MAX);
}

} // namespace rouse::proto
