#include "tools/lab/kvm_probe.hpp"

#include "tools/lab/deadline.hpp"
#include "tools/lab/descriptor.hpp"
#include "tools/lab/error.hpp"

#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstring>

#include <fcntl.h>
#include <linux/kvm.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

namespace rouse::lab {
namespace {

/// The steps of the probe; the child's exit status is the step that failed, or `done`.
enum class Step : std::uint8_t { done, device, machine, memory, processor, registers, run, exit };

constexpr std::array<std::string_view, 8> step_texts{
    "works",
    "/dev/kvm cannot be opened",
    "no virtual machine can be made",
    "no memory can be given to a virtual machine",
    "no virtual processor can be made",
    "the registers of a virtual processor cannot be set",
    "a virtual processor does not run",
    "a virtual processor did not run its program",
};

constexpr std::uint64_t code_address = 0x1000;
constexpr std::size_t page = 4096;

/// mov $0x42, %al; out %al, $0x10; hlt: leaves by KVM_EXIT_IO when it really runs.
constexpr std::array<unsigned char, 5> program{0xb0, 0x42, 0xe6, 0x10, 0xf4};

Step run_program(int processor, std::size_t run_size) {
    void* mapped = mmap(nullptr, run_size, PROT_READ | PROT_WRITE, MAP_SHARED, processor, 0);
    if (mapped == MAP_FAILED) return Step::run;
    const auto* run = static_cast<const kvm_run*>(mapped);
    kvm_sregs segments{};
    if (ioctl(processor, KVM_GET_SREGS, &segments) != 0) return Step::registers;
    segments.cs.base = 0;
    segments.cs.selector = 0;
    kvm_regs registers{};
    registers.rip = code_address;
    registers.rflags = 2; // bit 1 is always set
    if (ioctl(processor, KVM_SET_SREGS, &segments) != 0) return Step::registers;
    if (ioctl(processor, KVM_SET_REGS, &registers) != 0) return Step::registers;
    if (ioctl(processor, KVM_RUN, 0) != 0) return Step::run;
    return run->exit_reason == KVM_EXIT_IO && run->io.port == 0x10 ? Step::done : Step::exit;
}

Step probe() {
    const int device = open("/dev/kvm", O_RDWR | O_CLOEXEC);
    if (device < 0) return Step::device;
    const int machine = ioctl(device, KVM_CREATE_VM, 0);
    if (machine < 0) return Step::machine;
    void* memory = mmap(nullptr, page, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return Step::memory;
    std::memcpy(memory, program.data(), program.size());
    kvm_userspace_memory_region region{};
    region.guest_phys_addr = code_address;
    region.memory_size = page;
    region.userspace_addr = reinterpret_cast<std::uintptr_t>(memory);
    if (ioctl(machine, KVM_SET_USER_MEMORY_REGION, &region) != 0) return Step::memory;
    const int processor = ioctl(machine, KVM_CREATE_VCPU, 0);
    const int run_size = ioctl(device, KVM_GET_VCPU_MMAP_SIZE, 0);
    if (processor < 0 || run_size <= 0) return Step::processor;
    return run_program(processor, static_cast<std::size_t>(run_size));
}

} // namespace

std::string kvm_problem() {
    // In a child: a broken KVM may hang in the ioctl, and the child's end frees everything.
    const pid_t child = fork();
    if (child < 0) return fmt::format("cannot fork: {}", errno_text(errno));
    if (child == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL); // best effort: the probe ends by itself anyway
        _exit(static_cast<int>(probe()));
    }
    const Descriptor ended(static_cast<int>(syscall(SYS_pidfd_open, child, 0U)));
    pollfd ready{.fd = ended.get(), .events = POLLIN, .revents = 0};
    const bool in_time = poll(&ready, 1, 1000) > 0;
    if (!in_time) kill(child, SIGKILL);
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    if (!in_time) return "a virtual processor hangs";
    const auto step = static_cast<std::size_t>(WEXITSTATUS(status));
    if (!WIFEXITED(status) || step >= step_texts.size()) return "the probe was killed";
    return step == 0 ? std::string() : std::string(step_texts.at(step));
}

} // namespace rouse::lab
