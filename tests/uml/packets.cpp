// How large the packets are that leave the guest: older VMMs wedge on large ones.
#include "tests/support/scripted_host.hpp"
#include "tests/support/sequence.hpp"
#include "tests/uml/rig.hpp"

#include <boost/json.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <fmt/format.h>

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

/// The output connections of a guest that has just booted, by stream; none is welcomed yet.
std::map<std::string, test::OutputConnection> connect_outputs(test::ScriptedHost& host, Rig& rig) {
    host.serve_link(rig.endpoint());
    std::map<std::string, test::OutputConnection> outputs;
    for (int stream = 0; stream < 2; ++stream) {
        test::OutputConnection output = host.accept_output();
        const std::string name = output.hello.stream;
        outputs.emplace(name, std::move(output));
    }
    return outputs;
}

/// Welcomes frames of at most `cap` bytes and takes `bytes` of the sequence; the largest packet
/// that came meanwhile.
std::uint32_t take_welcoming(Rig& rig, test::OutputConnection& output,
                             test::ReceivedSequence& sequence, std::uint64_t cap,
                             std::uint64_t bytes) {
    const std::size_t mark = rig.log_size();
    test::ScriptedHost::welcome(output, proto::limits::retention_workload, sequence.length, cap);
    const std::uint64_t until = sequence.length + bytes;
    sequence.largest_frame = 0;
    while (!sequence.end && sequence.length < until)
        REQUIRE(test::take_frame(output, sequence));
    return largest_packet(rig, mark);
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
    auto outputs = connect_outputs(host, rig);
    // The workload ends, and stderr with it, once stdout was read.
    for (const auto& [stream, written] : {std::pair("stdout", size), std::pair("stderr", 0UL)}) {
        test::ScriptedHost::welcome(outputs.at(stream));
        const std::string bytes = read_to_end(outputs.at(stream));
        REQUIRE(bytes.size() == written);
        CHECK(test::matching_sequence(1, 0, bytes) == written);
    }
    // The header of a frame is in it, however it leaves.
    CHECK(largest_packet(rig) <= proto::limits::data_frame);
    CHECK(largest_packet(rig) >= 4096);

    const std::size_t mark = rig.log_size();
    const auto result = exec(rig.endpoint(), {"head", "-c", "300000", "/dev/zero"});
    CHECK(result.out.bytes.size() == 300000);
    CHECK(largest_packet(rig, mark) <= proto::limits::data_frame);
}

TEST_CASE("packets above 28 KiB leave once a welcome allows them, and for as long as it says",
          "[uml]") {
    constexpr std::uint64_t agents_own = 64 * 1024; // whatever the host allows
    constexpr std::uint64_t size = 4U << 20U;
    // A packet is never larger than the credit, so this VMM has to give more than 64 KiB; and what
    // is copied leaves in one piece, where a splice leaves page by page on this kernel.
    Rig rig({.profile = uml::qemu,
             .config = fmt::format(R"({{"on_exit": "stay",
                           "workload": {{"argv": ["/bin/rouse-payload", "sequence", "stdout", "{}"]}},
                           "output": {{"send": "copy", "stdout": {{"policy": "block"}}}}}})",
                                   size),
             .collect = false});
    test::ScriptedHost host(rig.socket());
    auto outputs = connect_outputs(host, rig);
    test::ScriptedHost::welcome(outputs.at("stderr"));
    test::OutputConnection output = std::move(outputs.at("stdout"));
    test::ReceivedSequence sequence;
    // What a welcome allows ends with its connection: the last one allows less again.
    for (const std::uint64_t cap : {std::uint64_t{40'000}, agents_own, 16 * agents_own,
                                    std::uint64_t{proto::limits::data_frame}}) {
        INFO("the welcome allows " << cap << " bytes");
        if (sequence.length > 0) output = host.accept_output();
        const std::uint32_t largest = take_welcoming(rig, output, sequence, cap, size / 4 + 1);
        const std::uint64_t said = std::min(cap, agents_own);
        // The agent counts the header of its frame, too.
        CHECK(sequence.largest_frame + proto::frame_header_size == said);
        CHECK(largest <= said);
        CHECK((largest > proto::limits::data_frame) == (said > proto::limits::data_frame));
        output.frames.connection().close();
    }
    CHECK(sequence.end.has_value());
    CHECK(sequence.received == size);
}
