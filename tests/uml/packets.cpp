// How large the packets are that leave the guest: older VMMs wedge on large ones.
#include "tests/support/scripted_host.hpp"
#include "tests/support/sequence.hpp"
#include "tests/uml/rig.hpp"

#include <boost/json.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <algorithm>
#include <map>
#include <string>
#include <utility>

using namespace rouse;
using uml::Direction;
using uml::LogLine;
using uml::Rig;

namespace {

/// The largest payload that left the guest since line `first` of the log.
std::uint32_t largest_packet(Rig& rig, std::size_t first = 0) {
    std::uint32_t largest = 0;
    for (const LogLine& line : rig.log(first))
        if (line.header && line.direction == Direction::from_guest)
            largest = std::max(largest, line.header->length);
    return largest;
}

} // namespace

TEST_CASE("no packet above 28 KiB leaves the guest unless a welcome allows it", "[uml]") {
    constexpr std::uint64_t size = 4U << 20U;
    const std::string send = GENERATE("splice", "copy");
    INFO(send);
    Rig rig(
        {.profile = uml::cloud_hypervisor_older,
         .config = uml::workload_config({"sequence", "stdout", std::to_string(size)}, "stay", send),
         .collect = false});
    test::ScriptedHost host(rig.socket());
    const auto hello = host.accept_link();
    (void)host.confirm(rig.endpoint(), hello);
    std::map<std::string, test::OutputConnection> outputs;
    for (int stream = 0; stream < 2; ++stream) {
        test::OutputConnection output = host.accept_output();
        const std::string name = output.hello.stream;
        outputs.emplace(name, std::move(output));
    }
    // The workload ends, and stderr with it, once stdout was read.
    for (const auto& [stream, written] : {std::pair("stdout", size), std::pair("stderr", 0UL)}) {
        test::ScriptedHost::welcome(outputs.at(stream));
        const std::string bytes = read_to_end(outputs.at(stream));
        REQUIRE(bytes.size() == written);
        CHECK(test::matching_sequence(1, 0, bytes) == written);
    }
    // What is copied leaves with the header of its frame before it.
    CHECK(largest_packet(rig) <= proto::limits::data_frame + proto::frame_header_size);
    CHECK(largest_packet(rig) >= 4096);

    const std::size_t mark = rig.log_size();
    const auto result = exec(rig.endpoint(), {"head", "-c", "300000", "/dev/zero"});
    CHECK(result.out.bytes.size() == 300000);
    CHECK(largest_packet(rig, mark) <= proto::limits::data_frame);
}
