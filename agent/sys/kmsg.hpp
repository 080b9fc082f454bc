#pragma once
// The kernel's messages, one record a read.

#include "agent/sys/result.hpp"
#include "agent/sys/unique_fd.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace rouse::sys {

/// Room for the longest record. Source: linux/printk.h, CONSOLE_EXT_LOG_MAX.
inline constexpr std::size_t kmsg_record_limit = 8192;

/// One record. Facility 0 is the kernel itself: what processes write to /dev/kmsg never has it.
struct KmsgRecord {
    unsigned facility = 0;
    unsigned level = 0;
    std::uint64_t sequence = 0;
    std::string text; ///< the line, without the properties behind it

    friend bool operator==(const KmsgRecord&, const KmsgRecord&) = default;
};

/// Reads "PRIORITY,SEQUENCE,MICROSECONDS,FLAGS…;TEXT\n PROPERTY=VALUE\n…". Nothing when it is none.
/// Source: Documentation/ABI/testing/dev-kmsg.
std::optional<KmsgRecord> parse_kmsg(std::string_view record);

/// Opens the messages behind the newest one; reads do not block. Errors: those of open(2), EPERM
/// without CAP_SYSLOG where kernel.dmesg_restrict says so.
Result<UniqueFd> open_kmsg(const std::string& path = "/dev/kmsg");

/// What one read gave.
struct KmsgRead {
    enum class Outcome {
        record,
        would_block,
        lost, ///< records were overwritten before they were read; the next read goes on behind them
        skipped, ///< it was none
    };
    Outcome outcome = Outcome::would_block;
    KmsgRecord record = {};
};

/// One record. Borrows. Errors: those of read(2). Source: Documentation/ABI/testing/dev-kmsg.
Result<KmsgRead> read_kmsg(int fd);

} // namespace rouse::sys
