// Request lines, targets and header lines that are no good.

#include "tests/process/hostile_rows.hpp"

namespace rouse::test {
namespace {

using namespace std::string_literals;

/// A request line for a connection that ends.
std::string head_of(std::string_view line) {
    return fmt::format("{}\r\nConnection: close\r\n\r\n", line);
}

/// A good request line, and more lines behind it.
std::string lines_of(std::string_view lines) {
    return fmt::format("GET /v1/ready HTTP/1.1\r\nConnection: close\r\n{}\r\n", lines);
}

std::string many_fields() {
    std::string lines;
    for (int i = 0; i < 3000; ++i)
        lines += fmt::format("a{}: b\r\n", i);
    return lines;
}

/// Good, but for what comes behind it.
std::string followed_by(std::string_view bytes) {
    return request_text("GET", "/v1/ready", {}, "Host: guest\r\n") + std::string(bytes);
}

std::vector<BadRequest> bad_lines() {
    const std::string version = "malformed_request: bad version";
    const std::string method = "malformed_request: bad method";
    return {
        {"HTTP/2.0", head_of("GET /v1/ready HTTP/2.0"), 400, version},
        {"HTTP/1.2", head_of("GET /v1/ready HTTP/1.2"), 400, version},
        {"HTTP/0.9", head_of("GET /v1/ready HTTP/0.9"), 400, version},
        {"HTTP/1.10", head_of("GET /v1/ready HTTP/1.10"), 400, version},
        {"http/1.1", head_of("GET /v1/ready http/1.1"), 400, version},
        {"no version", head_of("GET /v1/ready"), 400, "bad target"},
        {"the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, version},
        {"a hello of TLS", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"s + std::string(200, 'x'),
         400, method},
        {"a line of a hybrid socket", "CONNECT 1001\n", 400, "bad target"},
        {"a method with a control character", head_of("G\x01T /v1/ready HTTP/1.1"), 400, method},
        {"no method", head_of(" /v1/ready HTTP/1.1"), 400, method},
        {"a method that nobody knows", head_of("FOO /v1/ready HTTP/1.1"), 405, "allowed: GET"},
        {"a method in lower case", head_of("get /v1/ready HTTP/1.1"), 405, "allowed: GET"},
        {"a method of 9 KiB", head_of(std::string(9000, 'G') + " /v1/ready HTTP/1.1"), 405,
         "allowed: GET"},
        {"CONNECT to a port", head_of("CONNECT guest:80 HTTP/1.1"), 400, "the target is no path"},
        {"TRACE", head_of("TRACE /v1/ready HTTP/1.1"), 405, "allowed: GET"},
        {"PUT where only POST is", head_of("PUT /v1/exec HTTP/1.1"), 405, "allowed: POST"},
        {"line feeds alone", "GET /v1/ready HTTP/1.1\nHost: guest\n\n", 400, version},
        {"carriage returns alone", "GET /v1/ready HTTP/1.1\rHost: guest\r\r", 400, version},
    };
}

std::vector<BadRequest> bad_targets() {
    const std::string escapes = "malformed_request: the target is no path, or escapes badly";
    return {
        {"an escape that is none", head_of("GET /v1/%zz HTTP/1.1"), 400, escapes},
        {"an escape that is cut off", head_of("GET /v1/ready% HTTP/1.1"), 400, escapes},
        {"a bad escape in a query", head_of("GET /v1/ready?nonce=%g1 HTTP/1.1"), 400, escapes},
        {"a zero byte, escaped", head_of("GET /v1/re%00ady HTTP/1.1"), 404,
         "there is no /v1/re\0ady"s},
        {"a zero byte", head_of("GET /v1/re\0ady HTTP/1.1"s), 400, "bad target"},
        {"a deleted character", head_of("GET /v1/ready\x7f HTTP/1.1"), 400, "bad target"},
        {"a byte that is no UTF-8", head_of("GET /v1/ready\xff HTTP/1.1"), 404,
         "there is no /v1/ready\xef\xbf\xbd"},
        {"dots", head_of("GET /v1/../../etc/passwd HTTP/1.1"), 404, "/v1/../../etc/passwd"},
        {"dots, escaped", head_of("GET /v1/sessions/%2e%2e%2fstatus HTTP/1.1"), 404,
         "there is no /v1/sessions/../status"},
        {"an absolute target", head_of("GET http://guest/v1/ready HTTP/1.1"), 400, escapes},
        {"an asterisk", head_of("OPTIONS * HTTP/1.1"), 400, escapes},
        {"no slash", head_of("GET v1/ready HTTP/1.1"), 400, escapes},
        {"another version of the interface", head_of("GET /v2 HTTP/1.1"), 404, "there is no /v2"},
        {"the name of a parameter", head_of("GET /v1/sessions/{id} HTTP/1.1"), 404,
         "there is no session '{id}'"},
        {"a session whose name is no UTF-8", head_of("GET /v1/sessions/%ff HTTP/1.1"), 404,
         "there is no session '\xef\xbf\xbd'"},
        {"a nonce that is no UTF-8", head_of("GET /v1/ready?nonce=%ff HTTP/1.1"), 400,
         "nonce: must be UTF-8"},
    };
}

std::vector<BadRequest> bad_fields() {
    const std::string field = "malformed_request: bad field";
    const std::string value = "malformed_request: bad value";
    const std::string large = "header_too_large: the header is above 16 KiB";
    return {
        {"a line feed alone in a field", lines_of("Host: guest\nX: y\r\n"), 400, value},
        {"a carriage return in a value", lines_of("Host: gu\rest\r\n"), 400, "bad line ending"},
        {"a zero byte in a value", lines_of("Host: gu\0est\r\n"s), 400, value},
        {"a zero byte in a name", lines_of("Ho\0st: guest\r\n"s), 400, field},
        {"a space in a name", lines_of("Ho st: guest\r\n"), 400, field},
        {"a space behind a name", lines_of("Host : guest\r\n"), 400, field},
        {"no colon", lines_of("Host\r\n"), 400, field},
        {"no name", lines_of(": guest\r\n"), 400, field},
        {"3000 fields", lines_of(many_fields()), 431, large},
        {"a field of 17 KiB", lines_of("X: " + std::string(17U << 10U, 'x') + "\r\n"), 431, large},
        {"a header without an end", lines_of("X: " + std::string(4U << 20U, 'x')), 431, large},
        {"rubbish behind a request", followed_by("\x01\x02rubbish\r\n\r\n"), 400, "bad method"},
        {"percent signs behind a request", followed_by("%%%% %%%%\r\n\r\n"), 400, "bad target"},
        {"a header without an end behind a request",
         followed_by("GET / HTTP/1.1\r\nX: " + std::string(1U << 20U, 'x')), 431, large},
    };
}

} // namespace

const std::vector<BadRequest>& hostile_heads() {
    static const std::vector<BadRequest> rows = [] {
        std::vector<BadRequest> all = bad_lines();
        for (const auto& more : {bad_targets(), bad_fields()})
            all.insert(all.end(), more.begin(), more.end());
        return all;
    }();
    return rows;
}

} // namespace rouse::test
