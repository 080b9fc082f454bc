#pragma once
// Who else is there: for what is said of processes that do not end.

#include <cstddef>
#include <string>

#include <sys/types.h>

namespace rouse::sys {

/// "123 (sleep)", from what the kernel says of the process; "123" for one that is gone. Source:
/// proc(5), /proc/[pid]/stat.
std::string describe_process(pid_t pid);

/// Every process but us and the kernel's own threads, at most `most` of them, and how many more
/// there are: "123 (sleep), 124 (sh) and 3 more". Empty: nobody.
std::string describe_processes(std::size_t most);

} // namespace rouse::sys
