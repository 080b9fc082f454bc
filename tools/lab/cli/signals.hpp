// The signals by which a person ends a command.
#pragma once

#include "tools/lab/descriptor.hpp"

#include <csignal>

namespace rouse::lab::cli {

/// While it lives, SIGINT, SIGTERM and SIGHUP are blocked and readable from a descriptor.
class SignalGuard {
public:
    SignalGuard();
    SignalGuard(const SignalGuard&) = delete;
    SignalGuard& operator=(const SignalGuard&) = delete;
    ~SignalGuard();

    /// Becomes readable when one of the signals came; borrowed.
    [[nodiscard]] int descriptor() const { return descriptor_.get(); }

    /// Takes the signal that came; 0 when none did.
    [[nodiscard]] int take() const;

private:
    sigset_t before_{};
    Descriptor descriptor_;
};

} // namespace rouse::lab::cli
