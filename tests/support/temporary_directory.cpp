#include "tests/support/temporary_directory.hpp"

#include <cerrno>
#include <cstdlib>
#include <string>
#include <system_error>

namespace rouse::test {

TemporaryDirectory::TemporaryDirectory() {
    std::string name = (std::filesystem::temp_directory_path() / "rouse-test-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr)
        throw std::system_error(errno, std::generic_category(), "mkdtemp " + name);
    path_ = name;
}

TemporaryDirectory::~TemporaryDirectory() {
    // A test that left something unremovable behind has already said what went wrong.
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

} // namespace rouse::test
