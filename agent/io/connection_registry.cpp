#include "agent/io/connection_registry.hpp"

#include "agent/sys/defence.hpp"

#include <utility>

#include <poll.h>
#include <sys/socket.h>

namespace rouse::io {

using Registration = ConnectionRegistry::Registration;

namespace {

/// Whether the kernel has given the connection up. It says so in poll's mask only: reading SO_ERROR
/// would destroy the evidence.
bool is_dead(Socket& socket) {
    pollfd look{.fd = socket.native_handle(), .events = 0, .revents = 0};
    return ::poll(&look, 1, 0) == 1 && (look.revents & (POLLERR | POLLNVAL)) != 0;
}

bool may_stay(const ConnectionRegistry::Entry& entry, const FenceRule& rule) {
    if (entry.id == rule.keep && rule.keep != 0) return true;
    if (is_dead(*entry.socket)) return false;
    if (!rule.generation.empty() && entry.generation == rule.generation) return true;
    return rule.mark != 0 && entry.id > rule.mark;
}

} // namespace

Registration::Registration(ConnectionRegistry& registry, std::list<Entry>::iterator entry)
    : registry_(&registry), entry_(entry) {}

Registration::Registration(Registration&& other) noexcept
    : registry_(std::exchange(other.registry_, nullptr)), entry_(other.entry_) {}

Registration& Registration::operator=(Registration&& other) noexcept {
    std::swap(registry_, other.registry_);
    std::swap(entry_, other.entry_);
    return *this;
}

Registration::~Registration() {
    if (registry_ != nullptr) registry_->entries_.erase(entry_);
}

std::uint64_t Registration::id() const {
    return registry_ == nullptr ? 0 : entry_->id;
}

void Registration::rename(std::string role) {
    if (registry_ != nullptr) entry_->role = std::move(role);
}

void Registration::name_generation(std::string generation) {
    if (registry_ != nullptr) entry_->generation = std::move(generation);
}

void Registration::set_idle(bool idle) {
    if (registry_ != nullptr) entry_->idle = idle;
}

Registration ConnectionRegistry::add(Socket& socket, std::string role) {
    const auto entry =
        entries_.insert(entries_.end(), Entry{.id = next_id_++,
                                              .role = std::move(role),
                                              .epoch = epoch_,
                                              .opened = std::chrono::steady_clock::now(),
                                              .socket = &socket,
                                              .idle = false});
    return {*this, entry};
}

std::size_t ConnectionRegistry::fence(const FenceRule& rule) {
    epoch_ = rule.epoch;
    std::size_t closed = 0;
    for (Entry& entry : entries_) {
        if (entry.epoch >= rule.epoch || !entry.socket->is_open()) continue;
        if (may_stay(entry, rule) || sys::is_off(sys::Defence::conn_tracker)) {
            entry.epoch = rule.epoch;
            continue;
        }
        // The kernel forgets the connection only with its last descriptor, but shutdown(2) ends it
        // for a copy that somebody else still holds, too.
        (void)::shutdown(entry.socket->native_handle(), SHUT_RDWR);
        error_code ignored; // The descriptor is gone either way.
        entry.socket->close(ignored);
        ++closed;
    }
    return closed;
}

std::size_t ConnectionRegistry::close_idle() {
    std::size_t closed = 0;
    for (const Entry& entry : entries_) {
        if (!entry.idle || !entry.socket->is_open()) continue;
        (void)::shutdown(entry.socket->native_handle(), SHUT_RDWR); // as in fence()
        error_code ignored;                                         // The descriptor is gone.
        entry.socket->close(ignored);
        ++closed;
    }
    return closed;
}

} // namespace rouse::io
