#include "tools/host/arrivals.hpp"

#include "tools/host/files.hpp"
#include "tools/host/timestamp.hpp"

#include <boost/json/serialize.hpp>

namespace rouse::host {

void Arrivals::note(const std::string& stream, std::uint64_t position,
                    std::chrono::system_clock::time_point time) {
    const char tag = stream == "stderr" ? 'e' : 'o';
    if (last_.exchange(tag) == tag) return;
    const boost::json::object line{
        {"time", timestamp(time)}, {"stream", stream}, {"position", position}};
    // Only the order gets coarser: the bytes themselves do not wait for it.
    (void)append_file(path_, boost::json::serialize(line) + "\n");
}

} // namespace rouse::host
