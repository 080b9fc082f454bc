// Who a clone is told to be, and whether it is.
#pragma once

#include "tests/vm/scenes.hpp"

#include <boost/json/object.hpp>

#include <string>

namespace rouse::test {

/// Host name, machine id and network of one clone. A value.
struct CloneIdentity {
    explicit CloneIdentity(unsigned number);

    /// The members of its restore document.
    [[nodiscard]] boost::json::object document() const;

    /// Checks that the guest's kernel and files say the same, and nothing of who it was before.
    void check(const Endpoint& endpoint) const;

    std::string hostname;
    std::string machine_id;
    std::string mac;
    std::string address;
};

} // namespace rouse::test
