#include "agent/files/place.hpp"

#include "agent/sys/descriptor.hpp"

#include <fmt/format.h>

#include <climits>
#include <cstdlib>
#include <memory>
#include <optional>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>

namespace rouse::files {

namespace {

/// A path as the caller wrote it.
struct Words {
    std::string whole;     ///< without slashes at its end
    std::string directory; ///< around the leaf
    std::string leaf;      ///< empty for "/", "." or ".."
    bool contents = false; ///< it ended with "/" or "/."
};

Words split(const std::string& path) {
    Words words{.whole = path, .directory = ".", .leaf = "", .contents = false};
    const auto cut = [&words] {
        while (words.whole.size() > 1 && words.whole.ends_with('/')) {
            words.whole.pop_back();
            words.contents = true;
        }
    };
    cut();
    while (words.whole.ends_with("/.")) {
        words.whole.pop_back();
        cut();
        words.contents = true;
    }
    const std::size_t slash = words.whole.rfind('/');
    const std::string leaf = words.whole.substr(slash == std::string::npos ? 0 : slash + 1);
    if (is_leaf(leaf)) words.leaf = leaf;
    if (slash != std::string::npos) words.directory = words.whole.substr(0, slash + 1);
    words.contents = words.contents || words.leaf.empty();
    return words;
}

/// Opens a directory that the caller named: links on the way are what the caller meant.
Outcome<sys::UniqueFd> open_directory(const std::string& path) {
    sys::Result<sys::UniqueFd> fd = sys::open_file(path, O_PATH | O_DIRECTORY);
    if (!fd) return Failure(path, fd.error());
    return std::move(*fd);
}

Outcome<std::string> real_path(const std::string& path) {
    // Borrowed by nobody else; free(3) is what realpath(3) asks for.
    const std::unique_ptr<char, void (*)(void*)> real(::realpath(path.c_str(), nullptr),
                                                      [](void* memory) { std::free(memory); });
    if (!real) return Failure(path, sys::last_error());
    return std::string(real.get());
}

Destination below(sys::UniqueFd root, const std::string& path) {
    Destination destination;
    destination.root = std::move(root);
    // Absolute links are no way out of the root of everything.
    destination.within = path == "/" ? sys::Within::root : sys::Within::beneath;
    return destination;
}

/// A new name in the directory around it, or the name of a file that is replaced.
Outcome<Destination> in_its_directory(const Words& words) {
    Outcome<sys::UniqueFd> directory = open_directory(words.directory);
    if (!directory) return directory.error();
    Destination destination;
    destination.root = std::move(*directory);
    destination.name = words.leaf;
    return destination;
}

} // namespace

bool is_leaf(std::string_view name) {
    return !name.empty() && name != "." && name != ".." &&
           name.find_first_of(std::string_view("/\0", 2)) == std::string_view::npos;
}

Outcome<Source> find_source(const std::string& path, const std::string& as) {
    if (path.empty()) return Failure("bad_request", path, "a path is needed");
    const Words words = split(path);
    Source source;
    Outcome<sys::UniqueFd> directory =
        open_directory(words.contents ? words.whole : words.directory);
    if (!directory) return directory.error();
    source.directory = std::move(*directory);
    source.leaf = words.contents ? "." : words.leaf;
    source.name = as.empty() ? source.leaf : as;
    return source;
}

namespace {

/// Why `path`, which is no directory that exists, cannot be written to; nothing when it can.
std::optional<Failure> obstacle(const std::string& path, const Words& words, bool exists,
                                const std::string& as) {
    struct stat status {};
    if (exists && words.contents) return Failure("conflict", path, "it is no directory");
    const bool is_link = !exists && ::lstat(words.whole.c_str(), &status) == 0;
    if (is_link) return Failure("not_found", path, "it is a link to nothing");
    if (words.leaf.empty()) return Failure("not_found", path, "there is no such directory");
    if (!as.empty()) return Failure("conflict", path, "with another name it must be a directory");
    return std::nullopt;
}

} // namespace

Outcome<Destination> find_destination(const std::string& path, const std::string& as) {
    if (path.empty()) return Failure("bad_request", path, "a path is needed");
    const Words words = split(path);
    struct stat status {};
    const bool exists = ::stat(words.whole.c_str(), &status) == 0;
    if (!exists && errno != ENOENT) return Failure(path, sys::last_error());
    if (exists && S_ISDIR(status.st_mode)) {
        Outcome<sys::UniqueFd> root = open_directory(words.whole);
        if (!root) return root.error();
        Destination destination = below(std::move(*root), words.whole);
        if (!as.empty()) destination.name = as;
        return destination;
    }
    if (auto failure = obstacle(path, words, exists, as)) return std::move(*failure);
    // The file that a link leads to is replaced, not the link.
    const Outcome<std::string> real = exists ? real_path(words.whole) : Outcome<std::string>(path);
    if (!real) return real.error();
    Outcome<Destination> destination = in_its_directory(split(*real));
    if (!destination) return destination;
    if (exists) destination->wanted = Wanted::no_directory;
    if (words.contents) destination->wanted = Wanted::directory;
    return destination;
}

} // namespace rouse::files
