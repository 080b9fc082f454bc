#pragma once
// HTTP/1.1 to a guest: one request for each connection.

#include "tools/host/dialer.hpp"

#include <functional>
#include <optional>
#include <string_view>

namespace rouse::host {

struct HttpAnswer {
    unsigned status = 0;
    std::string body;
    std::optional<std::chrono::seconds> retry_after = {}; ///< when to ask again, if it says so
};

/// What a request asks. `upgrade` is the token of the protocol to change to; empty for none.
struct HttpQuestion {
    std::string method = "GET";
    std::string path;
    std::string body;
    std::string upgrade;
};

/// A connection after `101 Switching Protocols`.
struct Upgraded {
    Socket socket;
    std::string received; ///< bytes of the new protocol that came with the answer
};

/// What became of one try: at most one of the first two is there.
struct HttpTry {
    std::optional<Upgraded> upgraded; ///< 101: the protocol of `upgrade` from here on
    std::optional<HttpAnswer> answer; ///< any other
    std::string trouble;              ///< otherwise why none came, with the target
    bool connected = false;           ///< there was a connection: the server may have the request
};

/// Sends the request over a fresh connection and reads the whole answer (at most 16 MiB). Fails,
/// with the target in the message, when no whole answer comes by the deadline; any status is an
/// answer.
Awaitable<Outcome<HttpAnswer>> http_ask(Dialer& dialer, HttpQuestion question,
                                        Clock::time_point deadline);

/// One try of a request, which may change to the protocol of `question.upgrade`.
Awaitable<HttpTry> http_try(Dialer& dialer, HttpQuestion question, Clock::time_point connected_by,
                            Clock::time_point answered_by);

/// Takes bytes of a body as they come; they count as taken when it returns. False when no more is
/// wanted, a failure to end the answer with it.
using HttpSink = std::function<Awaitable<Outcome<bool>>(std::string_view bytes)>;

/// Asks, and gives the body of an answer with status 200 to `sink` until its end, or until no more
/// is wanted; that of any other answer is returned. The deadline is that of the answer's head.
Awaitable<Outcome<HttpAnswer>> http_read(Dialer& dialer, HttpQuestion question,
                                         Clock::time_point deadline, HttpSink sink);

/// The message of an answer that is not a success: that of its JSON error, else its body.
std::string describe_answer(const HttpAnswer& answer);

} // namespace rouse::host
