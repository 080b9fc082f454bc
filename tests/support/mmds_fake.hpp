// The metadata service of Firecracker, on a port of 127.0.0.1 and in the test's own loop: the same
// status codes, headers and rules for tokens (Firecracker, src/vmm/src/mmds and micro-http).
#pragma once

#include "agent/io/async.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/json/value.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace rouse::test {

struct MmdsFakeOptions {
    bool tokens = true;       ///< version 2
    bool imds_compat = false; ///< lines of keys and plain texts, whatever the client accepts
};

/// One thread. Must outlive the run of its loop.
class MmdsFake {
public:
    /// What it does in place of an answer.
    enum class Mood {
        proper,
        silent,  ///< takes the request and says nothing
        endless, ///< a body that does not end
        garbage, ///< no HTTP
        closing, ///< ends the connection
    };

    MmdsFake(boost::asio::io_context& io, MmdsFakeOptions options);

    [[nodiscard]] std::uint16_t port() const;
    /// As the host's `PUT /mmds`.
    void put(boost::json::value data) { data_ = std::move(data); }
    /// A restored VM's service: no data until the host puts some, and no token that it would know.
    void restore();
    void set_mood(Mood mood) { mood_ = mood; }
    /// Tokens that are given out from now on. Firecracker's are in base64.
    void set_token_text(std::string text) { token_text_ = std::move(text); }
    /// Called before each request is answered, with "METHOD PATH".
    void on_request(std::function<void(const std::string&)> hook) { hook_ = std::move(hook); }

    /// "METHOD PATH STATUS" of each request that was answered.
    [[nodiscard]] const std::vector<std::string>& log() const { return log_; }
    [[nodiscard]] std::size_t count(const std::string& line) const;
    /// Requests that came, in whatever mood.
    [[nodiscard]] std::size_t requests() const { return requests_; }

private:
    using Socket = boost::asio::ip::tcp::socket;
    using Headers = std::map<std::string, std::string>; ///< names in lower case

    struct Request {
        std::string method;
        std::string path;
        Headers headers;
    };
    struct Answer {
        unsigned status = 200;
        std::string body;
        std::string allow = {};
        std::string type = "application/json";
    };
    struct Client {
        explicit Client(Socket accepted) : socket(std::move(accepted)) {}
        Socket socket;
        std::string received;
        std::string sent;
    };

    void accept();
    void read(const std::shared_ptr<Client>& client);
    void take(const std::shared_ptr<Client>& client);
    void write(const std::shared_ptr<Client>& client, std::string bytes);
    void drip(const std::shared_ptr<Client>& client);
    static Request parse(const std::string& head);
    Answer answer(const Request& request);
    Answer give_token(const Request& request);
    Answer look_up(const Request& request) const;
    [[nodiscard]] bool is_valid(const std::string& token) const;

    boost::asio::ip::tcp::acceptor acceptor_;
    MmdsFakeOptions options_;
    Mood mood_ = Mood::proper;
    boost::json::value data_;
    std::map<std::string, std::chrono::steady_clock::time_point> tokens_; ///< and their ends
    std::string token_text_ = "VG9rZW4+/=";
    std::function<void(const std::string&)> hook_;
    std::vector<std::string> log_;
    std::size_t requests_ = 0;
    unsigned given_ = 0;
};

} // namespace rouse::test
