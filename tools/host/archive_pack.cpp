// Files of this machine into an archive.
#include "tools/host/archive.hpp"
#include "tools/host/archive_handles.hpp"

#include <fmt/format.h>

#include <new>

#include <sys/stat.h>

namespace rouse::host {
namespace {

constexpr int last_block = 1; // no padding beyond what tar needs

Failure pack_failure(std::string_view what, archive* from) {
    const char* why = archive_error_string(from);
    return Failure(fmt::format("cannot pack '{}': {}", what, why != nullptr ? why : "no reason"));
}

/// One run of pack_files().
class Packer {
public:
    Packer(std::string root, const PackOptions& options, const ArchiveSink& sink)
        : root_(std::move(root)), options_(options), sink_(sink), disk_(archive_read_disk_new()),
          out_(archive_write_new()), links_(archive_entry_linkresolver_new()) {
        if (!disk_ || !out_ || !links_) throw std::bad_alloc();
    }

    Outcome<> run() {
        if (options_.follow_path)
            archive_read_disk_set_symlink_hybrid(disk_.get());
        else
            archive_read_disk_set_symlink_physical(disk_.get());
        // Of what else a file has, the guest takes nothing.
        archive_read_disk_set_behavior(disk_.get(), ARCHIVE_READDISK_NO_XATTR |
                                                        ARCHIVE_READDISK_NO_ACL |
                                                        ARCHIVE_READDISK_NO_FFLAGS);
        archive_write_set_format_pax(out_.get()); // "restricted" rounds times to seconds
        archive_write_set_bytes_in_last_block(out_.get(), last_block);
        archive_entry_linkresolver_set_strategy(links_.get(), archive_format(out_.get()));
        if (archive_write_open(out_.get(), this, nullptr, take, nullptr) != ARCHIVE_OK)
            return pack_failure(root_, out_.get());
        if (archive_read_disk_open(disk_.get(), root_.c_str()) != ARCHIVE_OK)
            return pack_failure(root_, disk_.get());
        Outcome<> packed = pack_all();
        if (packed && archive_write_close(out_.get()) != ARCHIVE_OK && !unwanted_)
            packed = pack_failure(root_, out_.get());
        return unwanted_ ? Outcome<>() : packed;
    }

private:
    static la_ssize_t take(archive*, void* self, const void* bytes, std::size_t size) {
        Packer& packer = *static_cast<Packer*>(self);
        const bool taken =
            !packer.unwanted_ && packer.sink_({static_cast<const char*>(bytes), size});
        packer.unwanted_ = !taken;
        return taken ? static_cast<la_ssize_t>(size) : -1;
    }

    Outcome<> pack_all() {
        for (;;) {
            ArchiveEntry entry(archive_entry_new());
            if (!entry) throw std::bad_alloc();
            const int read = archive_read_next_header2(disk_.get(), entry.get());
            if (read == ARCHIVE_EOF) return {};
            if (read < ARCHIVE_WARN) return pack_failure(root_, disk_.get());
            (void)archive_read_disk_descend(disk_.get()); // only a directory has anything below
            const std::string path = archive_entry_pathname(entry.get());
            if (archive_entry_filetype(entry.get()) == AE_IFSOCK) continue;
            Outcome<> packed = pack_one(entry, path);
            if (!packed || unwanted_) return packed;
        }
    }

    Outcome<> pack_one(ArchiveEntry& entry, const std::string& path) {
        const std::string name = options_.name + path.substr(root_.size());
        archive_entry_set_pathname(entry.get(), name.c_str());
        if (!options_.keep_owner) {
            archive_entry_set_uid(entry.get(), 0);
            archive_entry_set_gid(entry.get(), 0);
        }
        archive_entry_unset_atime(entry.get());
        archive_entry_unset_ctime(entry.get());
        archive_entry_unset_birthtime(entry.get());
        // Another machine's names mean nothing in the guest.
        archive_entry_set_uname(entry.get(), nullptr);
        archive_entry_set_gname(entry.get(), nullptr);
        archive_entry* linked = entry.release();
        archive_entry* later = nullptr;
        archive_entry_linkify(links_.get(), &linked, &later);
        const ArchiveEntry now(linked);
        const ArchiveEntry deferred(later); // tar defers nothing
        if (!now) return {};
        if (archive_write_header(out_.get(), now.get()) < ARCHIVE_WARN)
            return pack_failure(path, out_.get());
        if (archive_entry_size(now.get()) == 0) return {};
        return pack_data(path);
    }

    Outcome<> pack_data(const std::string& path) {
        const void* bytes = nullptr;
        std::size_t size = 0;
        la_int64_t at = 0;
        la_int64_t written = 0;
        for (;;) {
            const int read = archive_read_data_block(disk_.get(), &bytes, &size, &at);
            if (read == ARCHIVE_EOF) return {};
            if (read < ARCHIVE_WARN) return pack_failure(path, disk_.get());
            if (!fill(at - written) || !write(bytes, size)) return pack_failure(path, out_.get());
            written = at + static_cast<la_int64_t>(size);
        }
    }

    /// Zeros of a hole that the archive does not know as one.
    bool fill(la_int64_t zeros) {
        static constexpr std::size_t piece = 64 * 1024;
        const std::string nothing(piece, '\0');
        while (zeros > 0) {
            const std::size_t now = std::min<std::size_t>(piece, static_cast<std::size_t>(zeros));
            if (!write(nothing.data(), now)) return false;
            zeros -= static_cast<la_int64_t>(now);
        }
        return true;
    }

    bool write(const void* bytes, std::size_t size) {
        return archive_write_data(out_.get(), bytes, size) >= 0;
    }

    std::string root_;
    const PackOptions& options_;
    const ArchiveSink& sink_;
    ArchiveReader disk_;
    ArchiveWriter out_;
    LinkResolver links_;
    bool unwanted_ = false;
};

} // namespace

Outcome<> pack_files(const std::filesystem::path& path, const PackOptions& options,
                     const ArchiveSink& sink) {
    std::string root = path.string();
    while (root.size() > 1 && root.ends_with('/'))
        root.pop_back();
    return Packer(std::move(root), options, sink).run();
}

} // namespace rouse::host
