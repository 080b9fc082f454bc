#include "agent/io/connection_registry.hpp"

#include <utility>

#include <sys/socket.h>

namespace rouse::io {

using Registration = ConnectionRegistry::Registration;

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

Registration ConnectionRegistry::add(Socket& socket, std::string role) {
    const auto entry =
        entries_.insert(entries_.end(), Entry{.id = next_id_++,
                                              .role = std::move(role),
                                              .epoch = epoch_,
                                              .opened = std::chrono::steady_clock::now(),
                                              .socket = &socket});
    return {*this, entry};
}

std::size_t ConnectionRegistry::fence(std::uint64_t epoch, std::uint64_t keep) {
    epoch_ = epoch;
    std::size_t closed = 0;
    for (Entry& entry : entries_) {
        if (entry.id == keep && keep != 0) entry.epoch = epoch;
        if (entry.epoch >= epoch || !entry.socket->is_open()) continue;
        // The kernel forgets the connection only with its last descriptor, but shutdown(2) ends it
        // for a copy that somebody else still holds, too.
        (void)::shutdown(entry.socket->native_handle(), SHUT_RDWR);
        error_code ignored; // The descriptor is gone either way.
        entry.socket->close(ignored);
        ++closed;
    }
    return closed;
}

} // namespace rouse::io
