// Packing and unpacking trees in the test's own process, and what there is to say about them.
#pragma once

#include "agent/files/extract.hpp"
#include "tests/unit/files_archive.hpp"

#include <catch2/catch_test_macros.hpp>
#include <fmt/format.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <stdexcept>
#include <string>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace rouse::test {

inline void ignore_warning(const std::string&, const std::string&) {}

inline files::Outcome<files::Tally> unpack(const std::filesystem::path& path,
                                           std::string_view archive, const std::string& as = "") {
    const files::Outcome<files::Destination> place = files::find_destination(path.string(), as);
    if (!place) return place.error();
    files::TarReader reader(test::source_of(archive));
    return files::extract(*place, reader, ignore_warning);
}

/// Kind, path and message of a failure.
inline std::string refusal(const files::Outcome<files::Tally>& outcome) {
    if (outcome) return "it was done";
    const files::Failure& failure = outcome.error();
    return fmt::format("{}: {}: {}", failure.kind, failure.path, failure.message);
}

inline std::string pack(const std::filesystem::path& path, const std::string& as = "",
                        const files::OnWarning& warn = ignore_warning) {
    const auto source = files::find_source(path.string(), as);
    std::string bytes;
    files::TarWriter writer([&bytes](std::string_view more) -> sys::Result<> {
        bytes += more;
        return {};
    });
    (void)files::create(source.value(), writer, warn).value();
    return bytes;
}

inline std::string content(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

inline void put(const std::filesystem::path& path, const std::string& text) {
    std::ofstream(path, std::ios::binary) << text;
}

inline struct stat status_of(const std::filesystem::path& path) {
    struct stat status {};
    if (::lstat(path.c_str(), &status) != 0) throw std::runtime_error("lstat " + path.string());
    return status;
}

/// Everything about a tree that an archive keeps.
inline std::map<std::string, std::string> description(const std::filesystem::path& root) {
    std::map<std::string, std::string> files;
    for (const std::filesystem::directory_entry& entry :
         std::filesystem::recursive_directory_iterator(root)) {
        const struct stat status = status_of(entry.path());
        const bool is_link = S_ISLNK(status.st_mode);
        const bool is_file = S_ISREG(status.st_mode);
        files[entry.path().lexically_relative(root).string()] = fmt::format(
            "{:o} {}:{} {}.{} {} links {} {}", status.st_mode, status.st_uid, status.st_gid,
            status.st_mtim.tv_sec, status.st_mtim.tv_nsec, is_file ? status.st_size : 0,
            S_ISDIR(status.st_mode) ? 0 : status.st_nlink,
            is_link ? std::filesystem::read_symlink(entry.path()).string()
                    : (is_file && status.st_size < 100000 ? content(entry.path()) : ""));
    }
    return files;
}

/// A tree with one of everything.
inline void grow(const std::filesystem::path& root) {
    std::filesystem::create_directories(root / "sub/deep");
    put(root / "file", "text");
    put(root / "sub/deep" / std::string(200, 'n'), "a long name");
    put(root / "\xff not utf-8", "x");
    std::filesystem::create_hard_link(root / "file", root / "sub/same");
    std::filesystem::create_symlink("../file", root / "sub/link");
    std::filesystem::create_symlink("/nowhere at all", root / "dangling");
    REQUIRE(::mkfifo((root / "fifo").c_str(), 0640) == 0);
    {
        std::ofstream sparse(root / "sparse", std::ios::binary);
        sparse.seekp(64 << 20);
        sparse << "end";
    }
    if (::geteuid() == 0) REQUIRE(::lchown((root / "sub/link").c_str(), 12, 34) == 0);
    if (::geteuid() == 0) REQUIRE(::chown((root / "file").c_str(), 12, 3'000'000'000) == 0);
    REQUIRE(::chmod((root / "file").c_str(), 06755) == 0);
    REQUIRE(::chmod((root / "sub").c_str(), 01777) == 0);
    const std::array<timespec, 2> times{timespec{1, 2}, timespec{1'600'000'000, 123'456'789}};
    for (const char* name : {"file", "sub/deep", "sub", "fifo", "dangling"})
        REQUIRE(::utimensat(AT_FDCWD, (root / name).c_str(), times.data(), AT_SYMLINK_NOFOLLOW) ==
                0);
}

} // namespace rouse::test
