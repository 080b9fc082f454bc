#include "agent/restore/event_queue.hpp"
#include "agent/restore/generation_file.hpp"
#include "agent/restore/repair.hpp"
#include "initramfs/file.hpp"
#include "proto/frame_decoder.hpp"
#include "tests/support/temporary_directory.hpp"

#include <catch2/catch_test_macros.hpp>

#include <algorithm>

using namespace rouse;
using namespace rouse::restore;

namespace {

std::vector<std::uint64_t> sequences(const EventQueue& queue) {
    std::vector<std::uint64_t> found;
    proto::FrameDecoder decoder;
    decoder.append(queue.frames());
    while (true) {
        const std::optional<proto::Frame> frame = *decoder.next();
        if (!frame.has_value()) return found;
        found.push_back(proto::parse_event(frame->payload)->sequence);
    }
}

} // namespace

TEST_CASE("events are kept in order until they are acknowledged", "[restore]") {
    EventQueue queue;
    for (int i = 0; i < 5; ++i)
        (void)queue.add("tick", {{"i", i}});
    CHECK(sequences(queue) == std::vector<std::uint64_t>{1, 2, 3, 4, 5});
    queue.acknowledge(3);
    CHECK(sequences(queue) == std::vector<std::uint64_t>{4, 5});
    queue.acknowledge(2); // An old acknowledgement changes nothing.
    CHECK(queue.size() == 2);
    queue.acknowledge(99);
    CHECK(queue.size() == 0);
    CHECK(queue.newest() == 5);
}

TEST_CASE("events that nobody takes are bounded and the loss is counted", "[restore]") {
    EventQueue queue;
    for (std::size_t i = 0; i < EventQueue::limit + 10; ++i)
        (void)queue.add("tick", {});
    CHECK(queue.size() == EventQueue::limit);
    CHECK(queue.dropped() == 10);
    CHECK(sequences(queue).front() == 11);
    CHECK(sequences(queue).back() == EventQueue::limit + 10);
}

TEST_CASE("the generation file is replaced as a whole", "[restore]") {
    const test::TemporaryDirectory directory;
    const std::filesystem::path path = directory.path() / "rouse" / "generation";
    REQUIRE(write_generation_file("one", path.string()));
    CHECK(initramfs::read_file(path) == "one\n");
    REQUIRE(write_generation_file("two", path.string()));
    CHECK(initramfs::read_file(path) == "two\n");
    const auto files = std::filesystem::directory_iterator(path.parent_path());
    CHECK(std::distance(begin(files), end(files)) == 1);
    CHECK_FALSE(write_generation_file("three", (directory.path() / "no/such/place").string()));
}

TEST_CASE("keys and nonces differ", "[restore]") {
    CHECK(random_bytes(16).size() == 16);
    CHECK(random_bytes(16) != random_bytes(16));
}
