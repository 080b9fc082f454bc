#pragma once
// Turns bytes into the answer to one HTTP request of ours. No I/O; the parser is Beast's.

#include <boost/system/error_code.hpp>

#include <cstddef>
#include <memory>
#include <string>

namespace rouse::io {

struct HttpAnswer {
    unsigned status = 0;
    std::string body;
};

class HttpAnswerParser {
public:
    enum class State { incomplete, complete, failed };

    /// Takes bodies of at most `body_limit` bytes.
    explicit HttpAnswerParser(std::size_t body_limit);
    ~HttpAnswerParser();
    HttpAnswerParser(const HttpAnswerParser&) = delete;
    HttpAnswerParser& operator=(const HttpAnswerParser&) = delete;
    HttpAnswerParser(HttpAnswerParser&&) = delete;
    HttpAnswerParser& operator=(HttpAnswerParser&&) = delete;

    /// Takes from the front of `bytes` what belongs to the answer; interim answers (100 Continue)
    /// were not asked for, and fail.
    State feed(std::string& bytes);
    /// The peer has closed: that is the end of a body without a length.
    State finish();

    /// Moved out, once complete.
    [[nodiscard]] HttpAnswer take();
    /// Why it failed.
    [[nodiscard]] const boost::system::error_code& failure() const { return failure_; }

private:
    State fail(const boost::system::error_code& error);

    struct Beast; ///< keeps Beast out of everybody else's translation unit
    std::unique_ptr<Beast> beast_;
    boost::system::error_code failure_;
};

} // namespace rouse::io
