#pragma once
// What a source of triggers says to the restore chain: a plain value.

#include "proto/restore.hpp"

#include <optional>
#include <string>

namespace rouse::restore {

/// What a signal proves by itself: that connections may be gone, or that this is another VM.
enum class Means { loss, restore };

/// What a source of triggers noticed. Coalesced by value: a source that says the same value twice
/// says it once.
struct Signal {
    std::string source; ///< "vmgenid", "vmclock", "mmds", "cid", "clock"
    std::string value;  ///< what it is now, as text: a counter, a CID, a number of lines
    Means means = Means::restore;
    std::optional<proto::RestoreDocument> document = {}; ///< what the host says there (mmds)

    friend bool operator==(const Signal&, const Signal&) = default;
};

} // namespace rouse::restore
