// An archive into files of this machine.
#include "tools/host/archive.hpp"
#include "tools/host/archive_handles.hpp"
#include "tools/host/files.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <new>
#include <optional>

#include <unistd.h>

namespace rouse::host {
namespace {

/// One run of unpack_files(), below the working directory.
class Unpacker {
public:
    Unpacker(Owner owner, const ArchiveSource& source)
        : source_(source), in_(archive_read_new()), disk_(archive_write_disk_new()) {
        if (!in_ || !disk_) throw std::bad_alloc();
        archive_read_support_format_tar(in_.get());
        archive_read_support_format_gnutar(in_.get());
        int flags = ARCHIVE_EXTRACT_PERM | ARCHIVE_EXTRACT_TIME | ARCHIVE_EXTRACT_SPARSE |
                    ARCHIVE_EXTRACT_SECURE_SYMLINKS | ARCHIVE_EXTRACT_SECURE_NODOTDOT |
                    ARCHIVE_EXTRACT_SECURE_NOABSOLUTEPATHS;
        if (owner == Owner::of_archive) flags |= ARCHIVE_EXTRACT_OWNER;
        archive_write_disk_set_options(disk_.get(), flags);
    }

    Outcome<> run() {
        if (archive_read_open(in_.get(), this, nullptr, give, nullptr) != ARCHIVE_OK)
            return failure("the archive");
        for (;;) {
            archive_entry* entry = nullptr;
            const int read = archive_read_next_header(in_.get(), &entry);
            if (read == ARCHIVE_EOF) return rest();
            if (read < ARCHIVE_WARN) return failure("the archive");
            const Outcome<> unpacked = unpack(entry);
            if (!unpacked) return unpacked;
        }
    }

private:
    static la_ssize_t give(archive* reader, void* self, const void** bytes) {
        Unpacker& unpacker = *static_cast<Unpacker*>(self);
        Outcome<std::string> next = unpacker.source_();
        if (!next) {
            unpacker.source_failed_ = next.error();
            archive_set_error(reader, EIO, "%s", "the archive was cut off");
            return -1;
        }
        unpacker.piece_ = std::move(*next);
        *bytes = unpacker.piece_.data();
        return static_cast<la_ssize_t>(unpacker.piece_.size());
    }

    Outcome<> unpack(archive_entry* entry) {
        const std::string name = archive_entry_pathname(entry);
        const auto type = archive_entry_filetype(entry);
        if (type == AE_IFBLK || type == AE_IFCHR)
            return Failure(fmt::format("'{}': a device is not unpacked", name));
        if (archive_read_extract2(in_.get(), entry, disk_.get()) < ARCHIVE_WARN)
            return failure(name);
        return {};
    }

    /// What follows the archive's end is padding; a cut before the body's end is still a cut.
    Outcome<> rest() {
        if (archive_write_close(disk_.get()) < ARCHIVE_WARN) return failure("the directories");
        for (;;) {
            const Outcome<std::string> next = source_();
            if (!next) return next.error();
            if (next->empty()) return {};
        }
    }

    [[nodiscard]] Failure failure(std::string_view what) const {
        if (source_failed_) return *source_failed_;
        const char* why = archive_error_string(in_.get());
        if (why == nullptr) why = archive_error_string(disk_.get());
        return Failure(
            fmt::format("cannot unpack '{}': {}", what, why != nullptr ? why : "no reason"));
    }

    const ArchiveSource& source_;
    ArchiveReader in_;
    ArchiveWriter disk_;
    std::string piece_;
    std::optional<Failure> source_failed_;
};

} // namespace

Outcome<> unpack_files(const std::filesystem::path& directory, Owner owner,
                       const ArchiveSource& source) {
    // Names in the archive are below the working directory, whatever links lead to it.
    if (::chdir(directory.c_str()) != 0) return file_failure("enter", directory);
    return Unpacker(owner, source).run();
}

} // namespace rouse::host
