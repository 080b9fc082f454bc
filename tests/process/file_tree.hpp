#pragma once
// A tree with one of every kind of file, and what there is to say about a tree.

#include <filesystem>
#include <map>
#include <string>

namespace rouse::test {

/// Makes the tree: files with odd modes, owners and times, links of both kinds, a fifo, a sparse
/// file of 32 MiB and long names. Removed by whoever owns the directory around it.
class FileTree {
public:
    explicit FileTree(std::filesystem::path root);
    [[nodiscard]] const std::filesystem::path& root() const { return root_; }

private:
    std::filesystem::path root_;
};

/// A directory "top" below `around`, with directories in directories that no path reaches at once.
class DeepDirectory {
public:
    DeepDirectory(const std::filesystem::path& around, int levels);
};

/// All of a file.
[[nodiscard]] std::string read_bytes(const std::filesystem::path& path);

enum class Times { exact, seconds };

/// Of each file below `root`: type, mode, owner, time, size, links, target or a hash of its bytes.
[[nodiscard]] std::map<std::string, std::string> describe(const std::filesystem::path& root,
                                                          Times times = Times::exact);

/// Blocks of 512 bytes that a file takes.
[[nodiscard]] long blocks_of(const std::filesystem::path& file);

} // namespace rouse::test
