#include "tests/process/file_tree.hpp"

#include "tools/lab/descriptor.hpp"

#include <fmt/format.h>

#include <array>
#include <fstream>
#include <functional>
#include <stdexcept>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace rouse::test {
namespace {

namespace fs = std::filesystem;

void check(int result, const fs::path& path) {
    if (result != 0) throw std::system_error(errno, std::generic_category(), path.string());
}

struct stat look_at(const fs::path& path) {
    struct stat status {};
    check(::lstat(path.c_str(), &status), path);
    return status;
}

std::string tell_content(const fs::path& path, const struct stat& status) {
    if (S_ISLNK(status.st_mode)) return fs::read_symlink(path).string();
    if (!S_ISREG(status.st_mode)) return "";
    const std::string bytes = read_bytes(path);
    return fmt::format("{} bytes, {:x}", bytes.size(), std::hash<std::string>()(bytes));
}

} // namespace

std::string read_bytes(const fs::path& path) {
    std::string bytes(fs::file_size(path), '\0');
    std::ifstream file(path, std::ios::binary);
    file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    if (!file) throw std::runtime_error("cannot read " + path.string());
    return bytes;
}

DeepDirectory::DeepDirectory(const fs::path& around, int levels) {
    lab::Descriptor directory(::open(around.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    for (int level = 0; level < levels; ++level) {
        const std::string name = level == 0 ? "top" : fmt::format("level-{}", level);
        check(::mkdirat(directory.get(), name.c_str(), 0755), name);
        directory.reset(::openat(directory.get(), name.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
        check(directory.get() < 0 ? -1 : 0, name);
    }
}

FileTree::FileTree(fs::path root) : root_(std::move(root)) {
    fs::create_directories(root_ / "sub" / std::string(120, 'd') / std::string(120, 'e'));
    std::ofstream(root_ / "file") << "some text\n";
    std::ofstream(root_ / "sub" / std::string(120, 'd') / std::string(120, 'f')) << "long";
    const std::ofstream empty(root_ / "empty");
    std::ofstream(root_ / "large") << std::string(3'000'000, 'x');
    std::ofstream sparse(root_ / "sparse", std::ios::binary);
    sparse.seekp(16 << 20);
    sparse << "middle";
    sparse.close();
    fs::resize_file(root_ / "sparse", 32 << 20);
    fs::create_hard_link(root_ / "file", root_ / "sub/same");
    fs::create_symlink("../file", root_ / "sub/link");
    fs::create_symlink(std::string(150, 't'), root_ / "long link");
    check(::mkfifo((root_ / "fifo").c_str(), 0600), root_);
    if (::geteuid() == 0) check(::chown((root_ / "large").c_str(), 1234, 3'000'000'000), root_);
    check(::chmod((root_ / "large").c_str(), 06711), root_);
    check(::chmod((root_ / "sub").c_str(), 01777), root_);
    const std::array<timespec, 2> times{timespec{1, 2}, timespec{1'500'000'000, 987'654'321}};
    for (const char* name : {"large", "sub", "fifo", "long link"})
        check(::utimensat(AT_FDCWD, (root_ / name).c_str(), times.data(), AT_SYMLINK_NOFOLLOW),
              root_ / name);
}

std::map<std::string, std::string> describe(const fs::path& root, Times times) {
    std::map<std::string, std::string> files;
    const auto tell = [&](const fs::path& path) {
        const struct stat status = look_at(path);
        files[path.lexically_relative(root).string()] = fmt::format(
            "{:o} {}:{} {}.{} links {} {}", status.st_mode, status.st_uid, status.st_gid,
            status.st_mtim.tv_sec, times == Times::exact ? status.st_mtim.tv_nsec : 0,
            S_ISDIR(status.st_mode) ? 0 : status.st_nlink, tell_content(path, status));
    };
    tell(root);
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(root))
        tell(entry.path());
    return files;
}

long blocks_of(const fs::path& file) {
    return look_at(file).st_blocks;
}

} // namespace rouse::test
