#include "agent/sys/random.hpp"

#include "agent/sys/descriptor.hpp"

#include <algorithm>
#include <array>

#include <fcntl.h>
#include <linux/random.h>
#include <sys/ioctl.h>
#include <sys/random.h>

namespace rouse::sys {

namespace {

/// rand_pool_info of the kernel, with room for the bytes that follow it.
struct PoolInfo {
    int entropy_count = 0; ///< bits
    int buf_size = 0;      ///< bytes
    std::array<std::uint8_t, entropy_limit> bytes{};
};

} // namespace

Result<> fill_random(std::span<std::uint8_t> buffer) {
    while (!buffer.empty()) {
        const ssize_t count = ::getrandom(buffer.data(), buffer.size(), GRND_INSECURE);
        if (count < 0 && errno != EINTR) return last_error();
        if (count > 0) buffer = buffer.subspan(static_cast<std::size_t>(count));
    }
    return {};
}

Result<> add_entropy(std::span<const std::uint8_t> bytes) {
    if (bytes.empty() || bytes.size() > entropy_limit) return error_from(EINVAL);
    const Result<UniqueFd> device = open_file("/dev/urandom", O_RDWR);
    if (!device) return device.error();
    PoolInfo pool;
    pool.entropy_count = static_cast<int>(bytes.size() * 8);
    pool.buf_size = static_cast<int>(bytes.size());
    std::copy(bytes.begin(), bytes.end(), pool.bytes.begin());
    if (::ioctl(device->get(), RNDADDENTROPY, &pool) < 0) return last_error();
    if (::ioctl(device->get(), RNDRESEEDCRNG) < 0) return last_error();
    return {};
}

Result<> reseed_random() {
    const Result<UniqueFd> device = open_file("/dev/urandom", O_RDWR);
    if (!device) return device.error();
    if (::ioctl(device->get(), RNDRESEEDCRNG) < 0) return last_error();
    return {};
}

} // namespace rouse::sys
