#include "agent/files/files_command.hpp"

#include "agent/files/create.hpp"
#include "agent/files/extract.hpp"
#include "agent/files/file_status.hpp"
#include "agent/sys/descriptor.hpp"

#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include <cstdio>
#include <utility>

#include <sys/resource.h>
#include <unistd.h>

namespace rouse::files {

namespace {

namespace json = boost::json;

/// Some programs make records of a MiB; more than this behind the end is no padding.
constexpr std::size_t most_padding = 16 * 1024 * 1024;
constexpr std::size_t written_together = 64 * 1024;

void say(const FilesRequest& request, const char* what, const Failure& failure) {
    const std::string line =
        request.json ? json::serialize(json::object{{what, to_json(failure)}})
                     : fmt::format("rouse files: {}: {}: {}", what, failure.path, failure.message);
    fmt::print(stderr, "{}\n", line);
}

sys::Result<> write_all(int fd, std::string_view bytes) {
    while (!bytes.empty()) {
        const sys::Result<sys::Moved> moved = sys::write_some(fd, bytes);
        if (!moved) return moved.error();
        bytes.remove_prefix(moved->bytes);
    }
    return {};
}

/// Headers are small and data are not: they leave together.
class Output {
public:
    sys::Result<> put(std::string_view bytes) {
        waiting_ += bytes;
        return waiting_.size() < written_together ? sys::Result<>() : flush();
    }
    sys::Result<> flush() { return write_all(STDOUT_FILENO, std::exchange(waiting_, {})); }

private:
    std::string waiting_;
};

sys::Result<std::size_t> read_input(std::span<char> buffer) {
    const sys::Result<sys::Moved> moved = sys::read_some(STDIN_FILENO, buffer);
    if (!moved) return moved.error();
    return moved->bytes;
}

/// One descriptor is open for each level of a tree that is walked through.
void allow_open_files() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return; // what there is has to do
    limit.rlim_cur = limit.rlim_max;
    (void)::setrlimit(RLIMIT_NOFILE, &limit); // as above
}

Outcome<> run_create(const FilesRequest& request, const OnWarning& warn) {
    const Outcome<Source> source = find_source(request.path, request.as);
    if (!source) return source.error();
    Output output;
    TarWriter writer([&output](std::string_view bytes) { return output.put(bytes); });
    const Outcome<Tally> created = create(*source, writer, warn);
    if (!created) return created.error();
    const sys::Result<> flushed = output.flush();
    if (!flushed) return Failure(request.path, flushed.error());
    return {};
}

/// A writer that still sends would be told of a broken pipe, although all is well.
Outcome<> read_padding() {
    std::vector<char> buffer(written_together);
    for (std::size_t read = 0; read <= most_padding;) {
        const sys::Result<std::size_t> count = read_input(buffer);
        if (!count) return Failure("archive", count.error());
        if (*count == 0) return {};
        read += *count;
    }
    return Failure("bad_archive", "archive", "more than 16 MiB follow its end");
}

Outcome<> run_extract(const FilesRequest& request, const OnWarning& warn) {
    const Outcome<Destination> destination = find_destination(request.path, request.as);
    if (!destination) return destination.error();
    TarReader reader(read_input);
    const Outcome<Tally> extracted = extract(*destination, reader, warn);
    if (!extracted) return extracted.error();
    if (const Outcome<> padding = read_padding(); !padding) return padding;
    if (!request.json) return {};
    const json::object tally{{"entries", extracted->entries}, {"bytes", extracted->bytes}};
    if (const sys::Result<> told = write_all(STDOUT_FILENO, json::serialize(tally) + "\n"); !told)
        return Failure(request.path, told.error());
    return {};
}

Outcome<> run_stat(const FilesRequest& request) {
    const Outcome<json::object> status = file_status(request.path);
    if (!status) return status.error();
    if (const sys::Result<> told = write_all(STDOUT_FILENO, json::serialize(*status) + "\n"); !told)
        return Failure(request.path, told.error());
    return {};
}

Outcome<> run_verb(const FilesRequest& request, const OnWarning& warn) {
    switch (request.verb) {
    case FilesRequest::Verb::create:
        return run_create(request, warn);
    case FilesRequest::Verb::extract:
        return run_extract(request, warn);
    case FilesRequest::Verb::stat:
        break;
    }
    return run_stat(request);
}

ParsedFiles wrong(std::string what) {
    ParsedFiles parsed;
    parsed.wrong = fmt::format("files: {}", std::move(what));
    return parsed;
}

/// Whether there is such a verb.
bool read_verb(const std::vector<std::string>& words, FilesRequest& request) {
    const std::string verb = words.empty() ? "" : words.front();
    if (verb == "extract")
        request.verb = FilesRequest::Verb::extract;
    else if (verb == "stat")
        request.verb = FilesRequest::Verb::stat;
    else
        return verb == "create";
    return true;
}

} // namespace

ParsedFiles parse_files_arguments(const std::vector<std::string>& words) {
    ParsedFiles parsed;
    FilesRequest& request = parsed.request;
    if (!read_verb(words, request))
        return wrong("say what to do: create|extract|stat [--as NAME] [--json] PATH");
    bool options = true;
    for (std::size_t i = 1; i < words.size(); ++i) {
        const std::string& word = words[i];
        if (options && word == "--") {
            options = false;
        } else if (options && word == "--json") {
            request.json = true;
        } else if (options && word == "--as" && i + 1 < words.size()) {
            request.as = words[++i];
            if (!is_leaf(request.as)) return wrong("--as takes a name without a slash");
        } else if (!request.path.empty() || (options && word.starts_with("-"))) {
            return wrong(fmt::format("unknown or one too many: '{}'", word));
        } else {
            request.path = word;
        }
    }
    return request.path.empty() ? wrong("a path is needed") : parsed;
}

int files_command(const FilesRequest& request) {
    allow_open_files();
    const OnWarning warn = [&request](const std::string& path, const std::string& message) {
        say(request, "warning", Failure("left_out", path, message));
    };
    const Outcome<> done = run_verb(request, warn);
    if (done) return 0;
    say(request, "error", done.error());
    return 1;
}

} // namespace rouse::files
