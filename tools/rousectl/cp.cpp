// rousectl cp: files between this machine and a guest, as docker cp.
#include "proto/fields.hpp"
#include "tools/host/archive.hpp"
#include "tools/host/files.hpp"
#include "tools/host/http_transfer.hpp"
#include "tools/rousectl/progress.hpp"
#include "tools/rousectl/session.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <filesystem>
#include <memory>

#include <unistd.h>

namespace rouse::ctl {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

constexpr auto open_limit = 15s;
constexpr unsigned copied_status = 200;

struct CopyOptions {
    std::string from;
    std::string to;
    bool archive = false;
    bool follow = false;
    std::string user;
};

/// The connection of one copy, driven from libarchive's callbacks.
class Copy {
public:
    Copy(const host::Target& target, std::string method, std::string path)
        : dialer_(io_.get_executor(), target),
          transfer_(dialer_, std::move(method), std::move(path)) {}

    template <typename T>
    T await(host::Awaitable<T> work) {
        io_.restart();
        return run_to_end(io_, std::move(work));
    }

    host::HttpTransfer& transfer() { return transfer_; }

    void open(host::HttpTransfer::Body body) {
        check(await(transfer_.open(body, host::Clock::now() + open_limit)));
    }

    template <typename T>
    static T check(host::Outcome<T> outcome) {
        if (!outcome) throw std::runtime_error(outcome.error().message);
        if constexpr (!std::is_void_v<T>) return std::move(*outcome);
    }

    /// Throws with the guest's words when it refused.
    static host::HttpAnswer accepted(const std::string& what, host::Outcome<host::HttpAnswer> got) {
        host::HttpAnswer answer = check(std::move(got));
        if (answer.status != copied_status)
            throw std::runtime_error(fmt::format("{}: {}", what, host::describe_answer(answer)));
        return answer;
    }

private:
    boost::asio::io_context io_{1};
    host::Dialer dialer_;
    host::HttpTransfer transfer_;
};

std::string files_path(const CopyOptions& options, const std::string& path,
                       const std::string& more = {}) {
    std::string text = "/v1/files?path=" + host::percent_encode(path);
    if (!options.user.empty()) text += "&user=" + host::percent_encode(options.user);
    return text + more;
}

void warn_of(const host::HttpAnswer& answer) {
    const auto document = proto::parse_json(answer.body);
    const auto* object = document ? document->if_object() : nullptr;
    const auto* warnings = object != nullptr ? object->if_contains("warnings") : nullptr;
    if (warnings == nullptr || !warnings->is_array()) return;
    for (const boost::json::value& one : warnings->get_array()) {
        const auto* members = one.if_object();
        const auto* message = members != nullptr ? members->if_contains("message") : nullptr;
        if (message != nullptr && message->is_string())
            complain(std::string(message->get_string()));
    }
}

/// Sends pieces while the guest takes them.
class Upload {
public:
    Upload(Copy& copy, Progress& progress) : copy_(copy), progress_(progress) {}

    bool send(std::string_view piece) {
        progress_.add(piece.size());
        return copy_.await(copy_.transfer().send(piece));
    }

private:
    Copy& copy_;
    Progress& progress_;
};

void send_input(Upload& upload) {
    std::string buffer(256 * 1024, '\0');
    for (;;) {
        const ssize_t count = ::read(STDIN_FILENO, buffer.data(), buffer.size());
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) throw std::runtime_error("cannot read standard input");
        const std::string_view piece(buffer.data(), static_cast<std::size_t>(count));
        if (count == 0 || !upload.send(piece)) return;
    }
}

void send_files(const CopyOptions& options, Upload& upload) {
    fs::path path(options.from);
    host::PackOptions pack{
        .name = {}, .follow_path = options.follow, .keep_owner = options.archive};
    const bool contents = options.from.ends_with("/.") || options.from == ".";
    while (!path.has_filename() && path.has_relative_path())
        path = path.parent_path(); // without the slashes at its end
    pack.name = contents ? "." : fs::absolute(path).lexically_normal().filename().string();
    if (pack.name.empty()) pack.name = ".";
    Copy::check(host::pack_files(contents ? path.parent_path() / "." : path, pack,
                                 [&](std::string_view piece) { return upload.send(piece); }));
}

int copy_to_guest(const host::Target& target, const CopyOptions& options) {
    const std::string path = options.to.substr(1);
    if (options.from != "-" && !fs::exists(fs::symlink_status(options.from)))
        throw std::runtime_error(fmt::format("there is no '{}'", options.from));
    Copy copy(target, "PUT", files_path(options, path));
    copy.open(host::HttpTransfer::Body::chunked);
    {
        Progress progress("copied");
        Upload upload(copy, progress);
        if (options.from == "-")
            send_input(upload);
        else
            send_files(options, upload);
        progress.finish();
    }
    warn_of(Copy::accepted(fmt::format("'{}': '{}'", target.text(), path),
                           copy.await(copy.transfer().answer())));
    return 0;
}

/// Where a copy from the guest goes: into a directory, maybe under another name.
struct LocalPlace {
    fs::path directory;
    std::string name; ///< empty: as in the guest
};

LocalPlace local_place(const std::string& to, bool source_is_directory) {
    const fs::path path(to);
    if (fs::is_directory(path)) return {.directory = path, .name = {}};
    if (fs::exists(path) && source_is_directory)
        throw std::runtime_error(fmt::format("'{}' is no directory, and the source is one", to));
    if (!fs::exists(path) && !path.has_filename() && !source_is_directory)
        throw std::runtime_error(fmt::format("there is no directory '{}'", to));
    const fs::path plain = path.has_filename() ? path : path.parent_path();
    LocalPlace place{.directory = plain.parent_path(), .name = plain.filename().string()};
    if (place.directory.empty()) place.directory = ".";
    if (!fs::is_directory(place.directory))
        throw std::runtime_error(
            fmt::format("there is no directory '{}'", place.directory.string()));
    return place;
}

bool is_guest_directory(const host::Target& target, const CopyOptions& options,
                        const std::string& path) {
    Copy asking(target, "GET", files_path(options, path, "&stat=1"));
    asking.open(host::HttpTransfer::Body::none);
    const auto answer = Copy::accepted(fmt::format("'{}': '{}'", target.text(), path),
                                       asking.await(asking.transfer().answer()));
    const auto document = proto::parse_json(answer.body);
    const auto* object = document ? document->if_object() : nullptr;
    const auto* directory = object != nullptr ? object->if_contains("directory") : nullptr;
    const auto* type = object != nullptr ? object->if_contains("type") : nullptr;
    const bool is_link = type != nullptr && type->is_string() && type->get_string() == "symlink";
    const bool leads_to_one = directory != nullptr && directory->is_bool() && directory->get_bool();
    return leads_to_one && (!is_link || options.follow);
}

int print_archive(Copy& copy) {
    for (;;) {
        const std::string piece = Copy::check(copy.await(copy.transfer().read()));
        if (piece.empty()) return 0;
        if (!print(STDOUT_FILENO, piece)) return own_error;
    }
}

int copy_from_guest(const host::Target& target, const CopyOptions& options) {
    std::string path = options.from.substr(1);
    const bool directory = is_guest_directory(target, options, path);
    // A slash at the end is no dot: the directory itself is meant, as docker has it.
    while (path.size() > 1 && path.ends_with('/') && !options.follow)
        path.pop_back();
    LocalPlace place;
    std::string more;
    if (options.to != "-") place = local_place(options.to, directory);
    if (!place.name.empty()) more = "&as=" + host::percent_encode(place.name);
    Copy copy(target, "GET", files_path(options, path, more));
    copy.open(host::HttpTransfer::Body::none);
    (void)Copy::accepted(fmt::format("'{}': '{}'", target.text(), path),
                         copy.await(copy.transfer().head())); // its body comes piece by piece
    if (options.to == "-") return print_archive(copy);
    Progress progress("copied");
    const host::ArchiveSource source = [&copy, &progress] {
        auto piece = copy.await(copy.transfer().read());
        if (piece) progress.add(piece->size());
        return piece;
    };
    Copy::check(host::unpack_files(
        place.directory, options.archive ? host::Owner::of_archive : host::Owner::ours, source));
    progress.finish();
    return 0;
}

int copy(const host::Target& target, const CopyOptions& options) {
    const bool from_guest = options.from.starts_with(':');
    const bool to_guest = options.to.starts_with(':');
    if (from_guest == to_guest)
        throw std::runtime_error(
            "one of SOURCE and DESTINATION is of the guest and begins with ':'");
    const std::string& path = from_guest ? options.from : options.to;
    if (!path.starts_with(":/"))
        throw std::runtime_error(fmt::format("'{}': a path in the guest begins with ':/'", path));
    return from_guest ? copy_from_guest(target, options) : copy_to_guest(target, options);
}

} // namespace

void add_cp(CLI::App& app, const Common& common, Command& chosen) {
    auto* command = app.add_subcommand(
        "cp",
        "Copies files to or from the guest, as docker cp does: a path of the guest begins "
        "with ':'.\n- is a tar archive on standard input or output. DIR/. is what DIR holds.");
    const auto options = std::make_shared<CopyOptions>();
    command->add_option("source", options->from, "PATH, :/PATH or -")->required();
    command->add_option("destination", options->to, "PATH, :/PATH or -")->required();
    command->add_flag("-a,--archive", options->archive, "Keep user and group ids");
    command->add_flag("-L,--follow-link", options->follow,
                      "Where SOURCE is a link, copy what it leads to");
    command->add_option("-u,--user", options->user, "Whose rights in the guest")
        ->type_name("NAME|UID[:GROUP|GID]");
    command->callback([&common, &chosen, options] {
        chosen = [&common, options] { return copy(target_of(common), *options); };
    });
}

} // namespace rouse::ctl
