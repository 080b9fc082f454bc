#include "agent/boot/credentials.hpp"

#include "agent/sys/descriptor.hpp"
#include "agent/sys/directory.hpp"
#include "agent/sys/mount.hpp"
#include "agent/sys/proc.hpp"
#include "agent/sys/smbios.hpp"
#include "proto/base64.hpp"
#include "proto/kernel_command_line.hpp"
#include "proto/limits.hpp"
#include "proto/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>

namespace rouse::boot {

namespace {

constexpr unsigned long hardened = MS_NOSUID | MS_NODEV | MS_NOEXEC;
constexpr std::size_t longest_name = 255; // NAME_MAX

/// A file name of printable ASCII. Source: systemd.exec(5), LoadCredential=.
bool is_credential_name(std::string_view name) {
    return !name.empty() && name.size() <= longest_name && name != "." && name != ".." &&
           std::all_of(name.begin(), name.end(),
                       [](char c) { return c > ' ' && c < '\x7f' && c != '/' && c != ':'; });
}

/// Chooses one after the other.
class Choosing {
public:
    void take(std::string name, std::string_view value, bool binary) {
        if (!is_credential_name(name))
            return refuse("credential", "its name is not the name of a file");
        if (!binary) return add({std::move(name), std::string(value)});
        proto::Parsed<std::string> bytes = proto::from_base64(value);
        if (!bytes) return refuse(name, "its value is not base64");
        add({std::move(name), std::move(*bytes)});
    }

    void add(Credential credential) {
        if (!is_credential_name(credential.name))
            return refuse("credential", "its name is not the name of a file");
        const bool known =
            std::any_of(chosen_.found.begin(), chosen_.found.end(),
                        [&](const auto& one) { return one.name == credential.name; });
        if (known) return; // of a source that comes first
        if (credential.bytes.size() > proto::limits::credential_bytes - bytes_)
            return refuse(credential.name, "all together are too long");
        bytes_ += credential.bytes.size();
        chosen_.report.add(credential.name, {});
        chosen_.found.push_back(std::move(credential));
    }

    Credentials result() { return std::move(chosen_); }

private:
    void refuse(std::string name, std::string why) {
        chosen_.report.add(
            {.name = std::move(name), .ok = false, .fatal = false, .message = std::move(why)});
    }

    Credentials chosen_;
    std::size_t bytes_ = 0;
};

void take_oem_string(std::string_view text, Choosing& choosing) {
    constexpr std::string_view plain = "io.systemd.credential:";
    constexpr std::string_view binary = "io.systemd.credential.binary:";
    const bool is_binary = text.starts_with(binary);
    if (!is_binary && !text.starts_with(plain)) return;
    text.remove_prefix(is_binary ? binary.size() : plain.size());
    if (text.find('=') == std::string_view::npos) return;
    std::string name(proto::split_off(text, '='));
    choosing.take(std::move(name), text, is_binary);
}

/// As systemd does: `-` and `_` are the same in a key.
std::string with_underscores(std::string key) {
    std::replace(key.begin(), key.end(), '-', '_');
    return key;
}

void take_parameter(const proto::KernelParameter& parameter, Choosing& choosing) {
    const std::string key = with_underscores(parameter.key);
    const bool is_binary = key == "systemd.set_credential_binary";
    if (!is_binary && key != "systemd.set_credential") return;
    std::string_view value = parameter.value;
    if (value.find(':') == std::string_view::npos) return;
    std::string name(proto::split_off(value, ':'));
    choosing.take(std::move(name), value, is_binary);
}

bool is_no(std::string_view text) {
    constexpr std::array<std::string_view, 6> words{"0", "no", "n", "false", "f", "off"};
    return std::find(words.begin(), words.end(), text) != words.end();
}

bool are_wanted(const std::vector<proto::KernelParameter>& parameters) {
    return std::none_of(parameters.begin(), parameters.end(), [](const auto& parameter) {
        return with_underscores(parameter.key) == "systemd.import_credentials" &&
               is_no(parameter.value);
    });
}

/// A missing directory is a machine without any.
std::vector<Credential> firmware_credentials(const std::string& directory) {
    std::vector<Credential> credentials;
    const sys::Result<std::vector<std::string>> names = sys::list_directory(directory);
    if (!names) return credentials;
    for (const std::string& name : *names) {
        sys::Result<std::string> bytes = sys::read_file(fmt::format("{}/{}/raw", directory, name),
                                                        proto::limits::credential_bytes);
        if (bytes) credentials.push_back({name, std::move(*bytes)});
    }
    return credentials;
}

CredentialSources read_sources(const CredentialPlaces& places) {
    CredentialSources sources;
    sources.firmware = firmware_credentials(places.firmware);
    if (sys::Result<std::vector<std::string>> strings = sys::read_oem_strings(places.smbios))
        sources.oem_strings = std::move(*strings);
    if (sys::Result<std::string> line = sys::read_file(places.command_line))
        sources.command_line = std::move(*line);
    return sources;
}

/// What is never swapped out: since Linux 6.4 tmpfs can promise it, ramfs always did.
sys::Result<> mount_memory(const std::string& directory) {
    sys::Mount memory{.source = "credentials",
                      .target = directory,
                      .type = "tmpfs",
                      .flags = hardened,
                      .data = "mode=0500,noswap,nr_inodes=4096,size=32m"};
    const sys::Result<> mounted = sys::mount(memory);
    if (mounted) return mounted;
    memory.type = "ramfs";
    memory.data = "mode=0500";
    return sys::mount(memory);
}

sys::Result<> store(const std::string& path, const std::string& bytes) {
    const sys::Result<sys::UniqueFd> file =
        sys::open_file(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, S_IRUSR);
    if (!file) return file.error();
    return sys::write_all(file->get(), bytes);
}

sys::Result<> make_read_only(const std::string& directory) {
    return sys::mount({.source = "credentials",
                       .target = directory,
                       .type = {},
                       .flags = MS_REMOUNT | MS_BIND | MS_RDONLY | hardened,
                       .data = {}});
}

/// The directory and what it lies in.
sys::Result<> make_place(const std::string& directory) {
    const sys::Result<> above =
        sys::make_directory(directory.substr(0, directory.rfind('/')), 0755);
    return above ? sys::make_directory(directory, 0500) : above;
}

} // namespace

Credentials choose_credentials(const CredentialSources& sources) {
    const std::vector<proto::KernelParameter> parameters =
        proto::split_kernel_command_line(sources.command_line);
    if (!are_wanted(parameters)) return {};
    Choosing choosing;
    for (const Credential& credential : sources.firmware)
        choosing.add(credential);
    for (const std::string& text : sources.oem_strings)
        take_oem_string(text, choosing);
    for (const proto::KernelParameter& parameter : parameters)
        take_parameter(parameter, choosing);
    return choosing.result();
}

Report import_credentials(const CredentialPlaces& places) {
    Credentials credentials = choose_credentials(read_sources(places));
    Report report = std::move(credentials.report);
    if (credentials.found.empty()) return report;
    sys::Result<> ready = make_place(places.directory);
    if (ready) ready = mount_memory(places.directory);
    report.add(places.directory, ready);
    if (!ready) return report;
    for (const Credential& credential : credentials.found)
        if (const auto stored = store(places.directory + "/" + credential.name, credential.bytes);
            !stored)
            report.add(credential.name, stored);
    report.add("making it read-only", make_read_only(places.directory));
    return report;
}

} // namespace rouse::boot
