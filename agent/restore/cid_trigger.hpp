#pragma once
// The CID of this VM: another one means that another vsock device stands behind our connections.

#include "agent/io/condition.hpp"
#include "agent/restore/trigger.hpp"
#include "agent/sys/result.hpp"

#include <cstdint>
#include <optional>

namespace rouse::restore {

/// Nothing tells of a change, so it is read when somebody says look(): at the loss of the link and
/// when a timer fires late.
class CidTrigger : public Trigger {
public:
    using ReadCid = std::function<sys::Result<std::uint32_t>()>;

    /// `read_cid` is sys::local_cid(), but for tests. Reads it now: that is what is compared with.
    CidTrigger(const io::Executor& executor, ReadCid read_cid);

    [[nodiscard]] std::string_view name() const override { return "cid"; }
    io::Awaitable<> watch(std::function<void(Signal)> tell) override;
    void look() override;
    [[nodiscard]] boost::json::object status() const override;

private:
    void take_cid(const std::function<void(Signal)>& tell);

    ReadCid read_cid_;
    io::Condition asked_;
    bool due_ = false;                 ///< look() was called
    std::optional<std::uint32_t> cid_; ///< the newest that could be read
    std::string why_;                  ///< it cannot be read now
};

} // namespace rouse::restore
