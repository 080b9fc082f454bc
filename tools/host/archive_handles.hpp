#pragma once
// Owners of libarchive's objects.

#include <memory>

#include <archive.h>
#include <archive_entry.h>

namespace rouse::host {

template <auto Free>
struct ArchiveDeleter {
    template <typename T>
    void operator()(T* object) const {
        (void)Free(object); // what could not be finished was told before
    }
};

using ArchiveReader = std::unique_ptr<archive, ArchiveDeleter<archive_read_free>>;
using ArchiveWriter = std::unique_ptr<archive, ArchiveDeleter<archive_write_free>>;
using ArchiveEntry = std::unique_ptr<archive_entry, ArchiveDeleter<archive_entry_free>>;
using LinkResolver =
    std::unique_ptr<archive_entry_linkresolver, ArchiveDeleter<archive_entry_linkresolver_free>>;

} // namespace rouse::host
