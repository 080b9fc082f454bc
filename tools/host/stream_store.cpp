#include "tools/host/stream_store.hpp"

#include "tools/host/raw_store.hpp"
#include "tools/host/record_store.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace rouse::host {
namespace {

namespace fs = std::filesystem;

/// A hostile guest must not be able to fill a directory with names.
constexpr unsigned most_aside = 1000;
constexpr std::ptrdiff_t most_generations = 10000;

Outcome<std::unique_ptr<StreamStore>> open_form(const StorePlace& place, std::string& damage) {
    if (place.format == Format::raw) return RawStore::open(place, damage);
    return RecordStore::open(place, damage);
}

std::vector<std::string> suffixes_of(Format format) {
    if (format == Format::raw) return RawStore::suffixes();
    return {std::string(form_of(format).suffix())};
}

Outcome<> make_directory(const StorePlace& place) {
    std::error_code error;
    const fs::path machine = place.directory.parent_path();
    if (!fs::exists(place.directory, error) && fs::exists(machine, error) &&
        std::distance(fs::directory_iterator(machine, error), {}) > most_generations)
        return Failure(fmt::format("'{}' holds more than {} generations: look why, and remove some",
                                   machine.string(), most_generations));
    const bool made = fs::create_directories(place.directory, error);
    if (error)
        return Failure(
            fmt::format("cannot make '{}': {}", place.directory.string(), error.message()));
    if (!made || place.durable == Durable::no) return {};
    return sync_directory(place.directory.parent_path());
}

} // namespace

Outcome<OpenedStore> open_store(const StorePlace& place) {
    if (const Outcome<> made = make_directory(place); !made) return made.error();
    OpenedStore opened;
    for (;;) {
        std::string damage;
        auto store = open_form(place, damage);
        if (!store) return store.error();
        const bool usable = *store != nullptr;
        // The guest has not written that much: it is of something else with its name.
        if (usable && (*store)->extent() && (*store)->extent()->end > place.next)
            damage = fmt::format("it has bytes up to offset {}, the guest has written {}",
                                 (*store)->extent()->end, place.next);
        if (damage.empty()) {
            opened.store = std::move(*store);
            return opened;
        }
        opened.set_aside = damage;
        const Outcome<> aside =
            set_aside(place.directory / place.identity.stream, suffixes_of(place.format));
        if (!aside) return aside.error();
    }
}

Outcome<> set_aside(const fs::path& base, const std::vector<std::string>& suffixes) {
    for (unsigned number = 1; number <= most_aside; ++number) {
        const std::string aside = fmt::format("{}.{}", base.string(), number);
        const bool taken =
            std::any_of(suffixes.begin(), suffixes.end(),
                        [&](const std::string& suffix) { return fs::exists(aside + suffix); });
        if (taken) continue;
        for (const std::string& suffix : suffixes) {
            const std::string from = base.string() + suffix;
            if (::rename(from.c_str(), (aside + suffix).c_str()) != 0 && errno != ENOENT)
                return file_failure("set aside", from);
        }
        return {};
    }
    return Failure(fmt::format("'{}' was set aside {} times: look why, and remove some",
                               base.string(), most_aside));
}

} // namespace rouse::host
