#pragma once
// How a test sees the end of a coroutine, also of one that is cancelled.

namespace rouse::test {

/// Lives on the coroutine's stack and raises `flag` when it goes.
struct Ended {
    bool& flag;
    ~Ended() { flag = true; }
};

} // namespace rouse::test
