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
    return json::object{{"pid", started.pid}};
}

Parsed<Started> parse_started(std::string_view payload) {
    return parse_single<Started, std::uint64_t>(payload, "pid", &Started::pid, 0, UINT64_MAX);
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
