#include "agent/boot/load_config.hpp"

#include "agent/sys/proc.hpp"
#include "agent/sys/random.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cstdint>

namespace rouse::boot {

namespace {

void take_problems(const proto::Problems& problems, const std::string& source,
                   LoadedConfig& loaded) {
    for (const proto::Problem& problem : problems.errors)
        loaded.errors.push_back(source + ": " + problem.message());
    for (const proto::Problem& problem : problems.unknown)
        loaded.warnings.push_back(source + ": " + problem.message());
}

/// Whether it could be used, or was not there.
bool read_file_on_top(const std::string& file, LoadedConfig& loaded) {
    const sys::Result<std::string> text = sys::read_file(file);
    if (!text) {
        if (text.error() == sys::error_from(ENOENT)) return true;
        loaded.errors.push_back(file + ": " + text.error().message());
        return false;
    }
    proto::ReadConfig read = proto::read_config(*text, loaded.config);
    take_problems(read.problems, file, loaded);
    if (read.problems.errors.empty()) loaded.config = std::move(read.config);
    return read.problems.errors.empty();
}

constexpr std::size_t shortest_token = 16;

std::string secret_of_nobody() {
    std::array<std::uint8_t, 32> random{};
    // Without randomness nobody may get in: the caller then has no token at all to compare with.
    if (!sys::fill_random(random)) return std::string(random.size(), '\0');
    return fmt::format("{:02x}", fmt::join(random, ""));
}

void read_token(LoadedConfig& loaded) {
    const std::string& file = loaded.config.token_file;
    if (file.empty()) return;
    const sys::Result<std::string> text = sys::read_file(file, 4096);
    if (text) loaded.token = text->substr(0, text->find_first_of("\r\n"));
    if (loaded.token.size() >= shortest_token) return;
    const std::string why =
        text ? fmt::format("its first line has less than {} bytes", shortest_token)
             : text.error().message();
    loaded.errors.push_back(
        fmt::format("token_file '{}': {}; the exec port refuses every request", file, why));
    loaded.token = secret_of_nobody();
    loaded.token_refused = true;
}

void put_before(std::vector<std::string> earlier, std::vector<std::string>& later) {
    std::erase_if(earlier, [&](const std::string& line) {
        return std::find(later.begin(), later.end(), line) != later.end();
    });
    later.insert(later.begin(), earlier.begin(), earlier.end());
}

} // namespace

std::vector<std::string> lasting_errors(const LoadedConfig& loaded) {
    std::vector<std::string> errors = loaded.errors;
    if (loaded.token_refused) errors.pop_back();
    return errors;
}

void add_earlier_problems(const LoadedConfig& earlier, LoadedConfig& loaded) {
    put_before(lasting_errors(earlier), loaded.errors);
    put_before(earlier.warnings, loaded.warnings);
}

LoadedConfig load_config(const ConfigFiles& files, std::string_view command_line,
                         proto::Config base) {
    LoadedConfig loaded;
    loaded.config = base;
    const bool image = files.image.empty() || read_file_on_top(files.image, loaded);
    if (!read_file_on_top(files.config, loaded) || !image) {
        loaded.config = std::move(base);
        // Half a configuration could run the right workload as the wrong user.
        loaded.config.workload = {};
    }
    loaded.beneath = loaded.config;
    proto::ReadConfig read = proto::read_kernel_command_line(command_line, loaded.config);
    take_problems(read.problems, "kernel command line", loaded);
    loaded.config = std::move(read.config);
    read_token(loaded);
    return loaded;
}

LoadedConfig add_boot_document(const proto::Config& beneath, std::string_view document,
                               const std::string& source, std::string_view command_line) {
    LoadedConfig loaded;
    loaded.beneath = beneath;
    proto::ReadConfig said = proto::read_boot_document(document, beneath);
    take_problems(said.problems, source, loaded);
    if (!loaded.errors.empty()) return loaded;
    // What is wrong with the command line was said at the boot.
    loaded.config = proto::read_kernel_command_line(command_line, std::move(said.config)).config;
    return loaded;
}

} // namespace rouse::boot
