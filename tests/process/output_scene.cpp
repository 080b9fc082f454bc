#include "tests/process/output_scene.hpp"

#include <stdexcept>
#include <utility>

namespace rouse::test {

OutputScene::OutputScene(const std::vector<std::string>& workload, const std::string& config,
                         const Environment& environment)
    : host_(std::make_unique<ScriptedHost>(place_.socket())),
      agent_(place_, workload, config, environment) {
    host_->serve_link(guest());
    out_ = host_->accept_output();
    err_ = host_->accept_output();
    if (out_->hello.stream == "stderr") std::swap(out_, err_);
}

OutputScene::~OutputScene() {
    out_.reset();
    err_.reset();
    host_.reset();
}

ReceivedSequence OutputScene::take_out(std::chrono::milliseconds limit) {
    const lab::Deadline deadline(limit);
    ReceivedSequence sequence;
    follow(*out_, sequence, deadline.left());
    while (!sequence.end) {
        if (deadline.expired()) throw std::runtime_error("stdout does not end");
        OutputConnection next = host_->accept_output();
        if (next.hello.stream != "stdout") continue;
        ScriptedHost::welcome(next, proto::limits::retention_workload, sequence.length);
        out_ = std::move(next);
        follow(*out_, sequence, deadline.left());
    }
    return sequence;
}

} // namespace rouse::test
