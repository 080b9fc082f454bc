#include "tests/support/own_namespaces.hpp"

#include <catch2/catch_test_macros.hpp>

#include <exception>
#include <thread>

#include <sched.h>
#include <sys/mount.h>

namespace rouse::test {

void in_own_namespaces(const std::function<void()>& body) {
    bool entered = false;
    std::exception_ptr thrown;
    std::thread([&] {
        // No mount of ours may reach others.
        entered = ::unshare(CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWNET) == 0 &&
                  ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
        if (!entered) return;
        try {
            body();
        } catch (...) {
            thrown = std::current_exception();
        }
    }).join();
    if (!entered) SKIP("no namespaces of our own: this takes root");
    if (thrown) std::rethrow_exception(thrown);
}

} // namespace rouse::test
