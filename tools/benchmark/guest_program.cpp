#include "tools/benchmark/guest_program.hpp"

#include "initramfs/command.hpp"
#include "tools/benchmark/libraries.hpp"

namespace rouse::bench {

std::vector<initramfs::ExtraFile> guest_program(const std::filesystem::path& program,
                                                const std::string& destination) {
    std::vector<initramfs::ExtraFile> files{
        {.source = program, .destination = destination, .mode = 0755}};
    for (const auto& library :
         parse_libraries(initramfs::command_output({"ldd", program.string()})))
        files.push_back(
            {.source = library, .destination = library.relative_path().string(), .mode = 0755});
    return files;
}

} // namespace rouse::bench
