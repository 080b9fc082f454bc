#pragma once
// Asks one thing of an HTTP server: one connection, one request, one answer.

#include "agent/io/address.hpp"
#include "agent/io/async.hpp"
#include "agent/io/http_answer.hpp"
#include "agent/sys/result.hpp"

#include <chrono>
#include <cstddef>
#include <map>
#include <string>

namespace rouse::io {

/// What is asked. The caller vouches that no text of it has line breaks or blanks where they would
/// end something.
struct HttpQuestion {
    std::string method = "GET";
    std::string target; ///< path, with a query if there is one
    std::string host;   ///< the Host field
    std::map<std::string, std::string> headers = {};
};

/// How much an answer may cost.
struct HttpBudget {
    std::chrono::milliseconds deadline; ///< for everything, from the connect on
    std::size_t body_limit;             ///< bytes
};

/// Connects, asks, reads the answer and closes. An answer of any status is an answer.
/// Errors: those of connect(); ETIMEDOUT at the deadline; those of Beast for what is no HTTP or
/// beyond its limits; those of the socket.
Awaitable<sys::Result<HttpAnswer>> ask(Executor executor, Address address, HttpQuestion question,
                                       HttpBudget budget);

} // namespace rouse::io
