#pragma once
// The metadata service: the host leaves a document there, and the guest looks for another one.

#include "agent/restore/mmds_client.hpp"
#include "agent/restore/trigger.hpp"

namespace rouse::restore {

/// Signals the generation of the document, or all of it when it has none, with the document. What
/// is there first is compared with; that there is nothing counts as well. A document that goes is
/// no change: the service forgets its data at a restore, and the host fills it again.
class MmdsTrigger : public Trigger {
public:
    MmdsTrigger(const io::Executor& executor, const proto::MmdsConfig& config);

    [[nodiscard]] std::string_view name() const override { return "mmds"; }
    io::Awaitable<> watch(std::function<void(Signal)> tell) override;
    void look() override;
    [[nodiscard]] boost::json::object status() const override;

private:
    void take(MmdsReading reading, const std::function<void(Signal)>& tell);

    MmdsClient client_;
    io::Timer timer_;
    std::chrono::milliseconds poll_;
    std::chrono::milliseconds pause_; ///< grows while the service cannot be reached
    std::optional<std::string> last_; ///< what is compared with; empty: there was nothing
    std::string why_;                 ///< the last reading gave no document
    bool due_ = false;                ///< look() was called
    bool reached_ = false;            ///< the last reading was answered
    std::uint64_t readings_ = 0;
};

} // namespace rouse::restore
