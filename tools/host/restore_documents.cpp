#include "tools/host/restore_documents.hpp"

#include "tools/host/files.hpp"

#include <fmt/format.h>

#include <chrono>

#include <sys/random.h>

namespace rouse::host {
namespace {

constexpr std::size_t fresh_bytes = 32;
constexpr std::size_t most_entropy = 512; // of a document, proto/README.md

std::string random_bytes() {
    std::string bytes(fresh_bytes, '\0');
    if (::getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size()))
        throw std::runtime_error("the kernel gives no random bytes"); // cannot happen below 256
    return bytes;
}

} // namespace

Outcome<proto::RestoreDocument> read_restore_document(const std::filesystem::path& place,
                                                      const std::string& name) {
    std::error_code ignored; // what cannot be looked at is read, and says why it cannot
    std::filesystem::path path = place;
    if (std::filesystem::is_directory(path, ignored)) path /= name + ".json";
    if (path.empty() || !std::filesystem::exists(path, ignored)) return proto::RestoreDocument();
    const auto text = read_file(path);
    if (!text) return text.error();
    auto parsed = proto::parse_restore_document(*text);
    if (!parsed) return Failure(fmt::format("'{}': {}", path.string(), parsed.error().message()));
    return std::move(*parsed);
}

proto::RestoreDocument stamp(proto::RestoreDocument document, Clock::duration way) {
    document.entropy = (random_bytes() + document.entropy).substr(0, most_entropy);
    const auto now = std::chrono::system_clock::now().time_since_epoch() + way;
    document.now_ns = static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::nanoseconds>(now).count());
    return document;
}

Outcome<proto::RestoreDocument> RestoreLedger::hand_out(proto::RestoreDocument document,
                                                        const std::string& generation, bool known) {
    taken(generation);
    if (!document.generation || *document.generation == generation) return document;
    const std::string& next = *document.generation;
    if (taken_.contains(next)) {
        if (last_ && last_->to == generation && last_->generation == next)
            return Failure(fmt::format("a machine of generation {} was restored before and is {} "
                                       "now: this one needs a restore document of its own",
                                       generation, next));
        return proto::RestoreDocument();
    }
    if (known) return proto::RestoreDocument();
    last_ = {.to = generation, .generation = next};
    return document;
}

} // namespace rouse::host
