#pragma once
// The keys by which a person leaves a session, as docker has them.

#include "tools/host/async.hpp"

#include <string>
#include <string_view>

namespace rouse::host {

/// Reads "ctrl-p,ctrl-q", "a", "ctrl-@,ctrl-[,ctrl-\\,ctrl-],ctrl-^,ctrl-_": keys between commas,
/// each one character or ctrl- and a letter or one of @ [ \ ] ^ _. Empty: no keys. Fails with the
/// key that is neither.
Outcome<std::string> parse_detach_keys(std::string_view text);

/// Looks for the keys in what is typed. Holds back what may be the beginning of them.
class DetachKeys {
public:
    explicit DetachKeys(std::string keys) : keys_(std::move(keys)) {}

    /// What is to be passed on; nothing follows once seen().
    [[nodiscard]] std::string feed(std::string_view typed);
    /// Whether all keys came in a row.
    [[nodiscard]] bool seen() const { return !keys_.empty() && matched_ == keys_.size(); }

private:
    std::string keys_;
    std::size_t matched_ = 0;
};

} // namespace rouse::host
