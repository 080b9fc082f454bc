#include "agent/io/address.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cstddef>
#include <cstring>

#include <arpa/inet.h>
#include <linux/vm_sockets.h>
#include <netinet/in.h>
#include <sys/un.h>

namespace rouse::io {

namespace {

std::optional<std::uint32_t> parse_number(std::string_view text) {
    std::uint32_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return value;
}

std::optional<Address> parse_vsock(std::string_view text) {
    const auto colon = text.find(':');
    if (colon == std::string_view::npos) return std::nullopt;
    const std::string_view cid_text = text.substr(0, colon);
    const auto cid =
        cid_text == "any" ? std::optional<std::uint32_t>(VMADDR_CID_ANY) : parse_number(cid_text);
    const auto port = parse_number(text.substr(colon + 1));
    if (!cid || !port) return std::nullopt;
    return VsockAddress{*cid, *port};
}

template <typename Native>
SocketAddress copied(const Native& native) {
    SocketAddress result;
    std::memcpy(&result.storage, &native, sizeof native);
    result.size = sizeof native;
    return result;
}

SocketAddress to_native(const LoopbackAddress& address) {
    if (address.family == LoopbackAddress::Family::v4) {
        sockaddr_in native{};
        native.sin_family = AF_INET;
        native.sin_port = htons(address.port);
        native.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        return copied(native);
    }
    sockaddr_in6 native{};
    native.sin6_family = AF_INET6;
    native.sin6_port = htons(address.port);
    native.sin6_addr = in6addr_loopback;
    return copied(native);
}

std::optional<SocketAddress> to_native(const InternetAddress& address) {
    sockaddr_in four{};
    four.sin_family = AF_INET;
    four.sin_port = htons(address.port);
    if (::inet_pton(AF_INET, address.host.c_str(), &four.sin_addr) == 1) return copied(four);
    sockaddr_in6 six{};
    six.sin6_family = AF_INET6;
    six.sin6_port = htons(address.port);
    if (::inet_pton(AF_INET6, address.host.c_str(), &six.sin6_addr) == 1) return copied(six);
    return std::nullopt;
}

} // namespace

std::string to_text(const Address& address) {
    if (const auto* path = std::get_if<UnixAddress>(&address)) return "unix:" + path->path;
    if (const auto* loopback = std::get_if<LoopbackAddress>(&address))
        return fmt::format("tcp:{}:{}",
                           loopback->family == LoopbackAddress::Family::v4 ? "127.0.0.1" : "[::1]",
                           loopback->port);
    if (const auto* internet = std::get_if<InternetAddress>(&address)) {
        const bool brackets = internet->host.find(':') != std::string::npos;
        return fmt::format("tcp:{}{}{}:{}", brackets ? "[" : "", internet->host,
                           brackets ? "]" : "", internet->port);
    }
    const auto& vsock = std::get<VsockAddress>(address);
    if (vsock.cid == VMADDR_CID_ANY) return fmt::format("vsock:any:{}", vsock.port);
    return fmt::format("vsock:{}:{}", vsock.cid, vsock.port);
}

std::optional<Address> parse_address(std::string_view text) {
    constexpr std::string_view vsock = "vsock:";
    constexpr std::string_view path = "unix:";
    if (text.starts_with(vsock)) return parse_vsock(text.substr(vsock.size()));
    if (!text.starts_with(path) || text.size() == path.size()) return std::nullopt;
    return UnixAddress{std::string(text.substr(path.size()))};
}

const sockaddr* SocketAddress::get() const {
    return reinterpret_cast<const sockaddr*>(&storage);
}

std::optional<SocketAddress> to_socket_address(const Address& address) {
    if (const auto* vsock = std::get_if<VsockAddress>(&address)) {
        sockaddr_vm native{};
        native.svm_family = AF_VSOCK;
        native.svm_cid = vsock->cid;
        native.svm_port = vsock->port;
        return copied(native);
    }
    if (const auto* loopback = std::get_if<LoopbackAddress>(&address)) return to_native(*loopback);
    if (const auto* internet = std::get_if<InternetAddress>(&address)) return to_native(*internet);
    const std::string& path = std::get<UnixAddress>(address).path;
    sockaddr_un native{};
    native.sun_family = AF_UNIX;
    if (path.empty() || path.size() >= sizeof native.sun_path) return std::nullopt;
    std::memcpy(native.sun_path, path.data(), path.size());
    SocketAddress result;
    std::memcpy(&result.storage, &native, sizeof native);
    result.size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + 1);
    return result;
}

} // namespace rouse::io
