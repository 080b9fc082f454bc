// The parts of the scripted VMM by themselves: no guest is booted.
#include "tests/support/temporary_directory.hpp"
#include "tests/uml/packet_log.hpp"
#include "tests/uml/stream.hpp"
#include "tests/uml/virtqueue.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <cstring>

#include <sys/mman.h>
#include <unistd.h>

using namespace rouse::uml;
using Catch::Matchers::ContainsSubstring;

namespace {

constexpr std::uint64_t memory_size = 65536;
constexpr std::uint64_t user_base = 0x7000'0000;
constexpr std::uint32_t ring_size = 4;
constexpr std::uint64_t descriptors_at = 0;
constexpr std::uint64_t available_at = 256;
constexpr std::uint64_t used_at = 512;
constexpr std::uint16_t flag_next = 1;
constexpr std::uint16_t flag_write = 2;
constexpr std::uint16_t flag_indirect = 4;

/// A guest's memory with one ring in it, and the driver's hand on both.
class Driver {
public:
    Driver() {
        const rouse::host::Descriptor file(memfd_create("guest", MFD_CLOEXEC));
        REQUIRE(ftruncate(file.get(), memory_size) == 0);
        memory_.map({.guest_address = 0, .size = memory_size, .user_address = user_base}, file);
        bytes_ = memory_.at_guest(0, memory_size);
        queue_.set_size(ring_size);
        queue_.set_addresses({.descriptors = user_base + descriptors_at,
                              .used = user_base + used_at,
                              .available = user_base + available_at});
        queue_.set_enabled(true);
    }

    void describe(std::uint16_t index, std::uint64_t address, std::uint32_t length,
                  std::uint16_t flags, std::uint16_t next = 0) {
        const std::size_t at = descriptors_at + std::size_t{16} * index;
        put(at, address);
        put(at + 8, length);
        put(at + 12, flags);
        put(at + 14, next);
    }
    void offer(std::uint16_t head) {
        put(available_at + 4 + std::size_t{2} * (offered_ % ring_size), head);
        ++offered_;
        set_index(offered_);
    }
    void set_index(std::uint16_t index) { put(available_at + 2, index); }
    template <typename T>
    T get(std::size_t at) {
        T value{};
        std::memcpy(&value, bytes_.data() + at, sizeof value);
        return value;
    }

    [[nodiscard]] Virtqueue& queue() { return queue_; }
    [[nodiscard]] const GuestMemory& memory() const { return memory_; }

private:
    template <typename T>
    void put(std::size_t at, T value) {
        std::memcpy(bytes_.data() + at, &value, sizeof value);
    }

    GuestMemory memory_;
    Virtqueue queue_{memory_};
    std::span<char> bytes_;
    std::uint16_t offered_ = 0;
};

PacketHeader from_guest(Op op, std::uint32_t length = 0) {
    PacketHeader header;
    header.op = op;
    header.length = length;
    header.buffer = 1000;
    return header;
}

} // namespace

TEST_CASE("a request goes through a ring and back", "[uml][parts]") {
    Driver driver;
    driver.describe(0, 4096, 100, flag_next, 2);
    driver.describe(2, 8192, 200, flag_write);
    driver.offer(0);
    const auto chain = driver.queue().pop();
    REQUIRE(chain);
    CHECK(chain->readable_bytes() == 100);
    CHECK(chain->writable_bytes() == 200);
    CHECK(!driver.queue().pop());
    driver.queue().push(*chain, 150);
    CHECK(driver.get<std::uint16_t>(used_at + 2) == 1);
    CHECK(driver.get<std::uint32_t>(used_at + 4) == 0);
    CHECK(driver.get<std::uint32_t>(used_at + 8) == 150);
}

TEST_CASE("what a guest may not put into a ring is refused", "[uml][parts]") {
    Driver driver;
    SECTION("a buffer beyond its memory") {
        driver.describe(0, memory_size - 8, 9, 0);
    }
    SECTION("a buffer whose end overflows") {
        driver.describe(0, ~std::uint64_t{0}, 16, 0);
    }
    SECTION("a chain that leads to itself") {
        driver.describe(0, 4096, 1, flag_next, 0);
    }
    SECTION("a descriptor outside of the table") {
        driver.describe(0, 4096, 1, flag_next, 4);
    }
    SECTION("an indirect descriptor") {
        driver.describe(0, 4096, 16, flag_indirect);
    }
    SECTION("a head outside of the table") {
        driver.offer(7);
        CHECK_THROWS_AS(driver.queue().pop(), BadGuest);
        return;
    }
    SECTION("more requests than the ring has room for") {
        driver.set_index(9);
        CHECK_THROWS_AS(driver.queue().pop(), BadGuest);
        return;
    }
    driver.offer(0);
    CHECK_THROWS_AS(driver.queue().pop(), BadGuest);
}

TEST_CASE("a ring has to lie in the guest's memory", "[uml][parts]") {
    Driver driver;
    CHECK_THROWS_AS(driver.queue().set_addresses({.descriptors = user_base,
                                                  .used = user_base + memory_size - 16,
                                                  .available = user_base + 256}),
                    BadGuest);
    CHECK_THROWS_AS(
        driver.queue().set_addresses({.descriptors = 0, .used = 0, .available = user_base}),
        BadGuest);
    for (const std::uint32_t size : {0U, 3U, 2048U, 65536U})
        CHECK_THROWS_AS(driver.queue().set_size(size), BadGuest);
}

TEST_CASE("a memory region has to lie in its file", "[uml][parts]") {
    const rouse::host::Descriptor file(memfd_create("guest", MFD_CLOEXEC));
    REQUIRE(ftruncate(file.get(), 4096) == 0);
    GuestMemory memory;
    CHECK_THROWS_AS(memory.map({.size = 8192}, file), BadGuest);
    CHECK_THROWS_AS(memory.map({.size = 4096, .offset = 4096}, file), BadGuest);
    CHECK_THROWS_AS(memory.map({.size = 4096, .offset = ~std::uint64_t{0}}, file), BadGuest);
    CHECK_THROWS_AS(memory.map({.size = 0}, file), BadGuest);
}

TEST_CASE("a header is the same after its 44 bytes", "[uml][parts]") {
    const PacketHeader header{.source_cid = 0x1122334455667788U,
                              .destination_cid = host_cid,
                              .source_port = 1001,
                              .destination_port = 0xfffffffeU,
                              .length = 4096,
                              .type = stream_type,
                              .op = Op::rw,
                              .flags = 3,
                              .buffer = 262144,
                              .forwarded = 0x80000001U};
    const auto bytes = encode(header);
    CHECK(decode(bytes) == header);
    CHECK(bytes[0] == '\x88');
    CHECK(bytes[24] == '\x00');
    CHECK(bytes[25] == '\x10');
    CHECK(bytes[30] == '\x05');
}

TEST_CASE("a stream counts credit in both directions", "[uml][parts]") {
    Stream stream({.host = 5, .guest = 6}, 4096, Stream::State::open);
    REQUIRE(stream.take(from_guest(Op::credit_update)));
    CHECK(stream.credit() == 1000);
    const Packet data = stream.data(std::string(600, 'x'));
    CHECK(data.header.length == 600);
    CHECK(stream.credit() == 400);
    PacketHeader update = from_guest(Op::credit_update);
    update.forwarded = 500;
    REQUIRE(stream.take(update));
    CHECK(stream.credit() == 900);

    // The guest may send 4096 bytes; it is told of more each quarter.
    REQUIRE(stream.take(from_guest(Op::rw, 4096)));
    CHECK(!stream.consumed(1023));
    const auto told = stream.consumed(1);
    REQUIRE(told);
    CHECK(told->header.forwarded == 1024);
    REQUIRE(stream.take(from_guest(Op::rw, 1024)));
    CHECK(!stream.take(from_guest(Op::rw, 1)));
}

TEST_CASE("a stream ends by RST, and is shut when both directions are", "[uml][parts]") {
    Stream stream({.host = 5, .guest = 6}, 4096, Stream::State::requested);
    REQUIRE(stream.take(from_guest(Op::response)));
    CHECK(stream.state() == Stream::State::open);
    PacketHeader half = from_guest(Op::shutdown);
    half.flags = shutdown_send;
    REQUIRE(stream.take(half));
    CHECK(stream.state() == Stream::State::open);
    half.flags = shutdown_receive;
    REQUIRE(stream.take(half));
    CHECK(stream.state() == Stream::State::shut);
    REQUIRE(stream.take(from_guest(Op::rst)));
    CHECK(stream.state() == Stream::State::over);
}

TEST_CASE("the log reads like a conversation", "[uml][parts]") {
    PacketLog log;
    PacketHeader header = from_guest(Op::rw, 4096);
    header.source_port = 903;
    header.destination_port = 4002;
    log.packet(Direction::from_guest, header, "swallowed");
    log.happened("TRANSPORT_RESET");
    const std::string text = log.tail(10);
    CHECK_THAT(text,
               ContainsSubstring(
                   "guest>host   903 -> 4002       RW             4096 bytes buffer 1000 / 0"));
    CHECK_THAT(text, ContainsSubstring("[swallowed]"));
    CHECK_THAT(text, ContainsSubstring("* TRANSPORT_RESET"));
    CHECK(log.since(1).size() == 1);
    CHECK(log.since(2).empty());
}
