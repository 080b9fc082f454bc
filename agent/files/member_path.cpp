#include "agent/files/member_path.hpp"

#include <fmt/format.h>

namespace rouse::files {

namespace {

Failure refused(std::string_view name, std::string_view why) {
    return {"bad_archive", std::string(name), std::string(why)};
}

} // namespace

Outcome<std::string> clean_name(std::string_view name) {
    if (name.starts_with('/')) return refused(name, "an absolute name leads outside");
    std::string clean;
    std::string_view rest = name;
    while (!rest.empty()) {
        const std::size_t slash = rest.find('/');
        const std::string_view part = rest.substr(0, slash);
        rest.remove_prefix(slash == std::string_view::npos ? rest.size() : slash + 1);
        if (part.empty() || part == ".") continue;
        if (part == "..") return refused(name, "a name with \"..\" may lead outside");
        if (!clean.empty()) clean += '/';
        clean += part;
    }
    return clean;
}

Outcome<std::string> Renamer::place(const TarEntry& entry) {
    Outcome<std::string> clean = clean_name(entry.name);
    if (!clean || !name_) return clean;
    // "./a" belongs to the directory "." and "a" to nobody but itself.
    const bool in_dot = entry.name == "." || entry.name.starts_with("./");
    const std::string top = in_dot ? "" : clean->substr(0, clean->find('/'));
    if (!top_) {
        const bool is_directory = entry.type == EntryType::directory || top != *clean;
        if (is_directory && wanted_ == Wanted::no_directory)
            return Failure("conflict", *name_, "a directory cannot take the place of a file");
        if (!is_directory && wanted_ == Wanted::directory)
            return Failure("not_found", *name_, "there is no such directory");
        top_ = top;
    }
    if (top != *top_)
        return refused(entry.name, fmt::format("only one entry can become \"{}\"", *name_));
    return renamed(*clean);
}

std::string Renamer::renamed(const std::string& clean) const {
    const std::size_t cut = top_->empty() ? 0 : top_->size() + 1;
    const std::string below = clean.size() > cut ? clean.substr(cut) : "";
    return below.empty() ? *name_ : fmt::format("{}/{}", *name_, below);
}

Outcome<std::string> Renamer::link_target(const TarEntry& entry) const {
    Outcome<std::string> clean = clean_name(entry.link);
    if (!clean)
        return refused(entry.name,
                       fmt::format("it links to \"{}\": {}", entry.link, clean.error().message));
    if (!name_ || !top_) return clean;
    const std::string top = clean->substr(0, clean->find('/'));
    return top_->empty() || top == *top_ ? renamed(*clean) : std::move(*clean);
}

} // namespace rouse::files
