// What the vmclock page tells of a restore.
#include "agent/restore/vmclock_trigger.hpp"
#include "tests/unit/restore_trigger_rig.hpp"

#include <fmt/format.h>

#include <cstring>
#include <span>

#include <sys/mman.h>

using namespace rouse;
using namespace std::chrono_literals;
using restore::Means;
using restore::Signal;
using test::run_until;
using test::TriggerRig;

namespace {

/// A vmclock page in memory, which the test writes as a hypervisor does.
class Hypervisor {
public:
    explicit Hypervisor(std::uint64_t flags) {
        memory_ = sys::UniqueFd(::memfd_create("vmclock", MFD_CLOEXEC));
        REQUIRE(::ftruncate(memory_.get(), size) == 0);
        void* const mapped =
            ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, memory_.get(), 0);
        REQUIRE(mapped != MAP_FAILED);
        page_ = static_cast<std::uint8_t*>(mapped);
        write<std::uint32_t>(0x00, 0x4b4c4356);
        write<std::uint32_t>(0x04, size);
        write<std::uint16_t>(0x08, 1);
        write(0x18, flags);
    }
    Hypervisor(const Hypervisor&) = delete;
    Hypervisor& operator=(const Hypervisor&) = delete;
    Hypervisor(Hypervisor&&) = delete;
    Hypervisor& operator=(Hypervisor&&) = delete;
    ~Hypervisor() { (void)::munmap(page_, size); }

    void begin_change() { write<std::uint32_t>(0x0c, ++sequence_); }
    void end_change() { write<std::uint32_t>(0x0c, ++sequence_); }
    void change(std::uint64_t disruption, std::uint64_t generation) {
        begin_change();
        write(0x10, disruption);
        write(0x68, generation);
        end_change();
    }
    template <typename Number>
    void write(std::size_t at, Number number) {
        std::memcpy(page_ + at, &number, sizeof number);
    }
    /// A descriptor of the page.
    [[nodiscard]] sys::UniqueFd open() const {
        return sys::open_vmclock(fmt::format("/proc/self/fd/{}", memory_.get())).value();
    }
    [[nodiscard]] std::span<const std::byte> bytes() const {
        return {reinterpret_cast<const std::byte*>(page_), size};
    }

    static constexpr int size = 4096;
    static constexpr std::uint64_t has_generation = 1U << 8U;
    static constexpr std::uint64_t notifies = 1U << 9U;

private:
    sys::UniqueFd memory_;
    std::uint8_t* page_ = nullptr;
    std::uint32_t sequence_ = 0;
};

} // namespace

TEST_CASE("a vmclock page is read as its header says", "[restore][triggers]") {
    Hypervisor machine(Hypervisor::has_generation | Hypervisor::notifies);
    machine.change(0x1122334455667788, 42);
    CHECK(sys::parse_vmclock(machine.bytes()) ==
          sys::VmclockReading{
              .sequence = 2, .disruption = 0x1122334455667788, .generation = 42, .notifies = true});
    CHECK_FALSE(sys::parse_vmclock(machine.bytes().first(sys::vmclock_size - 1)));
    SECTION("while it is written, it is not read") {
        machine.begin_change();
        CHECK_FALSE(sys::parse_vmclock(machine.bytes()));
    }
    SECTION("an older page counts no restores, whatever lies behind its end") {
        machine.write<std::uint32_t>(0x04, 0x68);
        CHECK_FALSE(sys::parse_vmclock(machine.bytes())->generation);
        machine.write<std::uint32_t>(0x04, 4096);
        machine.write<std::uint64_t>(0x18, 0);
        CHECK_FALSE(sys::parse_vmclock(machine.bytes())->generation);
        CHECK_FALSE(sys::parse_vmclock(machine.bytes())->notifies);
    }
    SECTION("another magic number or version is none") {
        machine.write<std::uint16_t>(0x08, 2);
        CHECK_FALSE(sys::parse_vmclock(machine.bytes()));
        machine.write<std::uint16_t>(0x08, 1);
        machine.write<std::uint32_t>(0x00, 0);
        CHECK_FALSE(sys::parse_vmclock(machine.bytes()));
    }
}

TEST_CASE("a counted restore is a restore, a disruption alone leaves the question open",
          "[restore][triggers]") {
    const sys::VmclockReading before{.sequence = 2, .disruption = 5, .generation = 7};
    const auto after = [&](std::uint64_t disruption, std::optional<std::uint64_t> generation) {
        return restore::vmclock_change(
            before, {.sequence = 4, .disruption = disruption, .generation = generation});
    };
    CHECK_FALSE(after(5, 7));
    CHECK(after(6, 8) == Signal{.source = "vmclock", .value = "8"});
    CHECK(after(5, 8) == Signal{.source = "vmclock", .value = "8"});
    const Signal loss{.source = "vmclock", .value = "disruption 6", .means = Means::loss};
    CHECK(after(6, 7) == loss);
    CHECK(after(6, std::nullopt) == loss);
}

TEST_CASE("a vmclock that nobody can wait for is looked at again and again",
          "[restore][triggers]") {
    TriggerRig rig;
    Hypervisor machine(Hypervisor::has_generation | Hypervisor::notifies);
    machine.change(1, 1);
    // A file of memory: epoll refuses it with EPERM, as it refuses the device before Linux 7.0.
    restore::VmclockTrigger trigger(rig.io.get_executor(), machine.open(), 5ms);
    rig.watch(trigger);
    rig.settle();
    CHECK(trigger.status().at("mode") == "timer");
    CHECK(trigger.status().at("why_timer") == "the kernel cannot wait for the device");
    machine.change(2, 1);
    REQUIRE(run_until(rig.io, [&] { return rig.signals.size() == 1; }));
    CHECK(rig.signals[0].means == Means::loss);
    machine.begin_change();
    machine.write<std::uint64_t>(0x68, 2);
    REQUIRE_FALSE(run_until(
        rig.io, [&] { return rig.signals.size() == 2; }, 50ms));
    machine.end_change();
    REQUIRE(run_until(rig.io, [&] { return rig.signals.size() == 2; }));
    CHECK(rig.signals[1] == Signal{.source = "vmclock", .value = "2"});
    CHECK(trigger.status().at("value") == "2");
}

TEST_CASE("who is told to look at the vmclock looks at once", "[restore][triggers]") {
    TriggerRig rig;
    Hypervisor machine(Hypervisor::has_generation);
    restore::VmclockTrigger trigger(rig.io.get_executor(), machine.open(), 1h);
    rig.watch(trigger);
    rig.settle();
    CHECK(trigger.status().at("why_timer") == "the device does not tell of changes");
    machine.change(1, 1);
    rig.settle();
    CHECK(rig.signals.empty());
    trigger.look();
    CHECK(run_until(rig.io, [&] { return rig.signals.size() == 1; }));
}

TEST_CASE("a machine without vmclock, or with another page, says so", "[restore][triggers]") {
    TriggerRig rig;
    restore::VmclockTrigger missing(rig.io.get_executor(), sys::open_vmclock("/nowhere/vmclock0"),
                                    5ms);
    rig.watch(missing);
    REQUIRE(run_until(rig.io, [&] { return rig.tasks.size() == 0; }));
    CHECK(missing.status().at("state") == "unavailable");
    CHECK(missing.status().at("why") == "No such file or directory");

    Hypervisor machine(0);
    machine.write<std::uint32_t>(0x00, 0);
    restore::VmclockTrigger other(rig.io.get_executor(), machine.open(), 5ms);
    rig.watch(other);
    REQUIRE(run_until(rig.io, [&] { return other.status().contains("problem"); }));
    CHECK(rig.signals.empty());
}
