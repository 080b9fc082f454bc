// Lengths, chunks, expectations and upgrades that are no good.

#include "tests/process/hostile_rows.hpp"

namespace rouse::test {
namespace {

std::string exec_with(std::string_view lines, std::string_view body) {
    return post_with("/v1/exec", lines, body);
}

std::string in_chunks(std::string_view chunks) {
    return exec_with("Transfer-Encoding: chunked\r\n", chunks);
}

/// The same for a route that takes its body piece by piece.
std::string put_in_chunks(std::string_view chunks) {
    return fmt::format("PUT /v1/files?path=/ HTTP/1.1\r\nConnection: close\r\n"
                       "Transfer-Encoding: chunked\r\n\r\n{}",
                       chunks);
}

std::string repeated(std::string_view text, int count) {
    std::string all;
    for (int i = 0; i < count; ++i)
        all += text;
    return all;
}

std::vector<BadRequest> bad_lengths() {
    const std::string bad = "malformed_request: bad Content-Length";
    const std::string large = "body_too_large: the body is above 1 MiB";
    const auto length = [](std::string_view value) {
        return exec_with(fmt::format("Content-Length: {}\r\n", value), "{}");
    };
    return {
        {"a length that is no number", length("x"), 400, bad},
        {"a negative length", length("-2"), 400, bad},
        {"a length with a sign", length("+2"), 400, bad},
        {"a hexadecimal length", length("0x2"), 400, bad},
        {"an empty length", length(""), 400, bad},
        {"a length of 2^64", length("18446744073709551616"), 400, bad},
        {"a length of 2^64 - 1", length("18446744073709551615"), 413, large},
        {"a length one above the limit", length("1048577"), 413, large},
        {"two lengths", exec_with("Content-Length: 2\r\nContent-Length: 3\r\n", "{}"), 400,
         "multiple Content-Length"},
        {"a length and chunks",
         exec_with("Content-Length: 2\r\nTransfer-Encoding: chunked\r\n", "2\r\n{}\r\n0\r\n\r\n"),
         400, "bad Transfer-Encoding"},
        {"chunks and a length",
         exec_with("Transfer-Encoding: chunked\r\nContent-Length: 2\r\n", "2\r\n{}\r\n0\r\n\r\n"),
         400, bad},
        {"a large body that asks first",
         exec_with("Expect: 100-continue\r\nContent-Length: 2000000\r\n", ""), 413, large},
        {"an expectation that nobody knows",
         exec_with("Expect: miracles\r\nContent-Length: 2\r\n", "{}"), 400, "$.argv: is missing"},
    };
}

std::vector<BadRequest> bad_chunks() {
    const std::string bad = "malformed_request: bad chunk";
    const std::string long_line = "header_too_large: the head of a chunk, or the trailer";
    const std::string megabyte(1U << 20U, 'x');
    return {
        {"a chunk of 2^72", in_chunks("ffffffffffffffffff\r\nx"), 400, bad},
        {"a chunk of 2^64 - 1", in_chunks("ffffffffffffffff\r\nx"), 413, "body_too_large"},
        {"a negative chunk", in_chunks("-5\r\nhello\r\n0\r\n\r\n"), 400, bad},
        {"a chunk whose size is no number", in_chunks("xyz\r\nhello\r\n0\r\n\r\n"), 400, bad},
        {"a chunk without a size", in_chunks("\r\nhello\r\n0\r\n\r\n"), 400, bad},
        {"a chunk that is longer than it says", in_chunks("5\r\nhelloXX0\r\n\r\n"), 400, bad},
        {"an extension that is none", in_chunks("5;=\x01\r\nhello\r\n0\r\n\r\n"), 400, bad},
        {"an extension without an end", in_chunks("5;" + megabyte), 431, long_line},
        {"a size without an end", in_chunks(std::string(1U << 20U, '0')), 431, long_line},
        {"a trailer without an end", in_chunks("2\r\n{}\r\n0\r\nX: " + megabyte), 431, long_line},
        {"a flood of trailers", in_chunks("2\r\n{}\r\n0\r\n" + repeated("X: y\r\n", 20000)), 431,
         long_line},
        {"a trailer that is none", in_chunks("2\r\n{}\r\n0\r\nno colon\r\n\r\n"), 400, "bad field"},
        {"chunks above 1 MiB",
         in_chunks(repeated("10000\r\n" + megabyte.substr(0, 65536) + "\r\n", 17)), 413,
         "body_too_large"},
        {"chunks that are compressed",
         exec_with("Transfer-Encoding: gzip, chunked\r\n", "2\r\n{}\r\n0\r\n\r\n"), 501,
         "the only transfer coding is chunked"},
        {"a body that ends with its connection", exec_with("Transfer-Encoding: gzip\r\n", "{}"),
         501, "the only transfer coding is chunked"},
        {"chunks twice",
         exec_with("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
         400, "bad Transfer-Encoding"},
        {"chunks in HTTP/1.0",
         "POST /v1/exec HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", 400,
         "HTTP/1.0 has no Transfer-Encoding"},
    };
}

std::vector<BadRequest> bad_streamed_chunks() {
    const std::string bad = "malformed_request: the body is not chunked well";
    return {
        {"files: a chunk of 2^72", put_in_chunks("ffffffffffffffffff\r\nx"), 400, bad},
        {"files: a chunk of 2^64 - 1", put_in_chunks("ffffffffffffffff\r\nx"), 400, bad},
        {"files: a negative chunk", put_in_chunks("-5\r\nhello\r\n0\r\n\r\n"), 400, bad},
        {"files: a chunk without a size", put_in_chunks("\r\nhello\r\n0\r\n\r\n"), 400, bad},
        {"files: line feeds alone", put_in_chunks("5\nhello\n0\n\n"), 400, bad},
        {"files: an extension of 1 KiB", put_in_chunks("5;" + std::string(1024, 'x')), 400, bad},
        {"files: a size of 1 KiB", put_in_chunks(std::string(1024, '0')), 400, bad},
        {"files: a trailer of 1 KiB", put_in_chunks("0\r\nX: " + std::string(1024, 'x')), 400, bad},
    };
}

std::vector<BadRequest> bad_upgrades() {
    const std::string command = R"({"argv": ["true"]})";
    return {
        {"an upgrade to HTTP/2", upgrade_text("/v1/exec", command, "h2c"), 426,
         "upgrade: speaks only rouse-stream.v1"},
        {"an upgrade to a later version", upgrade_text("/v1/exec", command, "rouse-stream.v9"), 426,
         "upgrade: speaks only rouse-stream.v1"},
        {"a stream of no command", upgrade_text("/v1/exec", "nope"), 400, "not valid JSON"},
        {"a stream with input in its request",
         upgrade_text("/v1/exec", R"({"argv": ["true"], "stdin": "x"})"), 400,
         "$.stdin: a stream sends DATA frames"},
        {"a stream that is detached",
         upgrade_text("/v1/exec", R"({"argv": ["true"], "detach": true})"), 400,
         "$.detach: a stream is attached"},
        {"an attach without an upgrade", request_text("POST", "/v1/sessions/main/attach", "{}"),
         426, "upgrade: needs an Upgrade"},
        {"an attach to nothing", upgrade_text("/v1/sessions/nope/attach", "{}"), 404,
         "there is no session 'nope'"},
        {"a forward without an upgrade", request_text("POST", "/v1/forward", R"({"tcp": 1})"), 426,
         "upgrade: needs an Upgrade"},
    };
}

} // namespace

const std::vector<BadRequest>& hostile_bodies() {
    static const std::vector<BadRequest> rows = [] {
        std::vector<BadRequest> all = bad_lengths();
        for (const auto& more : {bad_chunks(), bad_streamed_chunks(), bad_upgrades()})
            all.insert(all.end(), more.begin(), more.end());
        return all;
    }();
    return rows;
}

} // namespace rouse::test
