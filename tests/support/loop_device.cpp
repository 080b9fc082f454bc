#include "tests/support/loop_device.hpp"

#include <catch2/catch_test_macros.hpp>
#include <fmt/format.h>

#include <fstream>

#include <fcntl.h>
#include <linux/fs.h>
#include <linux/loop.h>
#include <sys/ioctl.h>

namespace rouse::test {

void make_sparse_file(const std::filesystem::path& file, std::uint64_t bytes) {
    std::ofstream(file).close();
    std::filesystem::resize_file(file, bytes);
}

LoopDevice::LoopDevice(const std::filesystem::path& image) {
    const lab::Descriptor control(::open("/dev/loop-control", O_RDWR | O_CLOEXEC));
    if (control.get() < 0) SKIP("no loop devices: this takes root");
    const lab::Descriptor file(::open(image.c_str(), O_RDWR | O_CLOEXEC));
    REQUIRE(file.get() >= 0);
    loop_config config{};
    config.fd = static_cast<std::uint32_t>(file.get());
    // Somebody else may take the free device first.
    for (int tries = 0; tries < 16; ++tries) {
        path_ = fmt::format("/dev/loop{}", ::ioctl(control.get(), LOOP_CTL_GET_FREE));
        device_ = lab::Descriptor(::open(path_.c_str(), O_RDWR | O_CLOEXEC));
        if (device_.get() < 0) SKIP("no loop device can be opened");
        if (::ioctl(device_.get(), LOOP_CONFIGURE, &config) != 0) continue;
        // Whoever had the device before may have made it read-only, and that stays.
        constexpr int writable = 0;
        REQUIRE(::ioctl(device_.get(), BLKROSET, &writable) == 0);
        return;
    }
    FAIL("cannot attach " << image);
}

LoopDevice::~LoopDevice() {
    constexpr int writable = 0;
    (void)::ioctl(device_.get(), BLKROSET, &writable);
    // A mount of it that is left in a namespace that ends lets it go later.
    (void)::ioctl(device_.get(), LOOP_CLR_FD);
}

} // namespace rouse::test
