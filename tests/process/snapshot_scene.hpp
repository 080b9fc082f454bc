#pragma once
// What the tests of prepare and resume share.

#include "proto/snapshot.hpp"
#include "tests/support/endpoint.hpp"
#include "tools/lab/descriptor.hpp"

#include <filesystem>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <sys/types.h>

namespace rouse::test {

/// POST /v1/snapshot/prepare. Throws std::runtime_error unless the answer is the document, with 200
/// or 503 as its state says, comes within the deadline, and names what is open.
[[nodiscard]] proto::Prepared prepare(const Endpoint& endpoint, std::string_view body = {});

/// POST /v1/snapshot/resume, of this lease if one is named. Throws std::runtime_error for anything
/// else than 200 and the document.
[[nodiscard]] proto::Resumed resume(const Endpoint& endpoint, const std::string& lease = {});

/// The step with this name. Throws std::runtime_error when there is none.
[[nodiscard]] const proto::RestoreStep& step_of(const std::vector<proto::RestoreStep>& steps,
                                                std::string_view name);

/// A document that GET answers. Throws std::runtime_error.
[[nodiscard]] boost::json::value document(const Endpoint& endpoint, std::string_view path);

/// Whether the kernel says that the control group of this session's process stands still.
[[nodiscard]] bool is_frozen(const Endpoint& endpoint, const std::string& session);

/// A pipe with a name whose lock can be held: a process that writes to it then waits in the kernel,
/// where neither signals nor the freezer reach it.
class HeldPipe {
public:
    explicit HeldPipe(std::filesystem::path path);
    HeldPipe(const HeldPipe&) = delete;
    HeldPipe& operator=(const HeldPipe&) = delete;
    ~HeldPipe();

    [[nodiscard]] const std::filesystem::path& path() const { return path_; }
    /// Takes the lock and returns when the process waits for it, which writes again and again, and
    /// so little that it never waits for room: that is another sleep.
    void hold(pid_t writer);
    void release();

private:
    std::filesystem::path path_;
    lab::Descriptor pipe_; ///< its reading end
    lab::Descriptor near_; ///< a full socket, to which a splice waits with the pipe's lock
    lab::Descriptor far_;
    std::thread splicing_;
};

} // namespace rouse::test
