#include "agent/sys/mount_options.hpp"

#include "proto/text.hpp"

#include <algorithm>
#include <array>

#include <sys/mount.h>

namespace rouse::sys {

namespace {

struct Word {
    std::string_view name;
    unsigned long set = 0;
    unsigned long cleared = 0;
};

constexpr std::array option_words = {
    Word{"defaults", 0, 0},
    Word{"ro", MS_RDONLY, 0},
    Word{"rw", 0, MS_RDONLY},
    Word{"nosuid", MS_NOSUID, 0},
    Word{"suid", 0, MS_NOSUID},
    Word{"nodev", MS_NODEV, 0},
    Word{"dev", 0, MS_NODEV},
    Word{"noexec", MS_NOEXEC, 0},
    Word{"exec", 0, MS_NOEXEC},
    Word{"sync", MS_SYNCHRONOUS, 0},
    Word{"async", 0, MS_SYNCHRONOUS},
    Word{"dirsync", MS_DIRSYNC, 0},
    Word{"noatime", MS_NOATIME, 0},
    Word{"atime", 0, MS_NOATIME},
    Word{"nodiratime", MS_NODIRATIME, 0},
    Word{"diratime", 0, MS_NODIRATIME},
    Word{"relatime", MS_RELATIME, 0},
    Word{"norelatime", 0, MS_RELATIME},
    Word{"strictatime", MS_STRICTATIME, 0},
    Word{"lazytime", MS_LAZYTIME, 0},
    Word{"nolazytime", 0, MS_LAZYTIME},
    Word{"rbind", MS_BIND | MS_REC, 0},
    Word{"silent", MS_SILENT, 0},
    Word{"loud", 0, MS_SILENT},
};

} // namespace

MountOptions parse_mount_options(std::string_view text) {
    MountOptions options;
    while (!text.empty()) {
        const std::string_view option = proto::split_off(text, ',');
        if (option.empty()) continue;
        const auto* const word =
            std::find_if(option_words.begin(), option_words.end(),
                         [&](const Word& known) { return known.name == option; });
        if (word == option_words.end()) {
            if (!options.data.empty()) options.data += ',';
            options.data += option;
            continue;
        }
        options.flags = (options.flags & ~word->cleared) | word->set;
    }
    return options;
}

} // namespace rouse::sys
