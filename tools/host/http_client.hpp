#pragma once
// HTTP/1.1 to a guest: one request for each connection.

#include "tools/host/dialer.hpp"

#include <functional>
#include <string_view>

namespace rouse::host {

struct HttpAnswer {
    unsigned status = 0;
    std::string body;
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

/// Sends the request over a fresh connection and reads the whole answer (at most 16 MiB). Fails,
/// with the target in the message, when no whole answer comes by the deadline; any status is an
/// answer.
Awaitable<Outcome<HttpAnswer>> http_ask(Dialer& dialer, HttpQuestion question,
                                        Clock::time_point deadline);

/// Changes to the protocol of `question.upgrade`. An answer other than 101 is a failure with the
/// server's words.
Awaitable<Outcome<Upgraded>> http_upgrade(Dialer& dialer, HttpQuestion question,
                                          Clock::time_point deadline);

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
