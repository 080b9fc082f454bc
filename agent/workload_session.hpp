#pragma once
// The workload as one client sees it that attaches to the session `main`: what the relays keep of
// its output, signals for it, and what is typed where it has a terminal. It waits for nobody who
// attaches: what becomes of output that no host takes is the policy's to say. It goes on over all
// runs of the workload, and ends with the last one.

#include "agent/exec/attachable.hpp"
#include "agent/exec/control.hpp"
#include "agent/output/retained_output.hpp"
#include "agent/workload_service.hpp"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace rouse {

/// What all clients of the workload share.
struct WorkloadClients {
    exec::Control control;
    std::size_t readers = 0; ///< that only look
    std::size_t all = 0;
};

class WorkloadSession final : public exec::Attachable {
public:
    /// Borrows all three. Errors: EBUSY when too many are attached already; those of
    /// output::Scratch::make().
    static sys::Result<std::shared_ptr<exec::Attachable>>
    make(WorkloadClients& clients, WorkloadService& workload, output::RetainedOutput& output);
    ~WorkloadSession() override { --clients_.all; }
    WorkloadSession(const WorkloadSession&) = delete;
    WorkloadSession& operator=(const WorkloadSession&) = delete;
    WorkloadSession(WorkloadSession&&) = delete;
    WorkloadSession& operator=(WorkloadSession&&) = delete;

    [[nodiscard]] const std::string& id() const override { return id_; }
    [[nodiscard]] io::Condition& changed() override { return output_.changed(); }
    [[nodiscard]] bool is_starting() const override {
        return workload_.life().phase() == workload::Phase::starting;
    }
    [[nodiscard]] pid_t pid() const override { return workload_.process().pid(); }
    [[nodiscard]] bool has_terminal() const override { return workload_.has_terminal(); }
    [[nodiscard]] const std::optional<proto::ExitStatus>& exit() const override {
        return workload_.final_exit();
    }
    [[nodiscard]] const std::optional<proto::SpawnFailure>& failure() const override {
        return workload_.final_failure();
    }
    [[nodiscard]] exec::OutputState output_state(std::uint8_t stream) const override;
    sys::Result<exec::OutputPiece> piece(std::uint8_t stream, std::uint64_t from,
                                         std::size_t limit) override;
    void begin_at(std::uint8_t, std::uint64_t) override {}
    void release(std::uint8_t, std::uint64_t) override {} // The collector's ACK alone releases.
    std::uint64_t take_control() override;
    [[nodiscard]] bool is_controller(std::uint64_t number) const override {
        return clients_.control.is_held_by(number);
    }
    void leave(std::uint64_t number) override { (void)clients_.control.give_up(number); }
    void detach(std::uint64_t number) override { leave(number); }
    void add_reader() override { ++clients_.readers; }
    void remove_reader() override { --clients_.readers; }
    sys::Result<> signal(int number) override;
    sys::Result<> resize(const proto::TerminalSize& size) override;
    [[nodiscard]] exec::SessionInput& input() override {
        return workload_.has_terminal() ? workload_.input() : input_;
    }

private:
    WorkloadSession(WorkloadClients& clients, WorkloadService& workload,
                    output::RetainedOutput& output, output::Scratch scratch);
    /// Null where the output goes to the console.
    [[nodiscard]] const output::RetainedStream* find(std::uint8_t stream) const;

    std::string id_ = "main";
    WorkloadClients& clients_;
    WorkloadService& workload_;
    output::RetainedOutput& output_;
    std::vector<output::RetainedStream> streams_; ///< all that there will be: they are made first
    output::Scratch scratch_;
    std::string piece_;        ///< what piece() shows
    exec::SessionInput input_; ///< of a workload without a terminal: acknowledged, thrown away
};

} // namespace rouse
