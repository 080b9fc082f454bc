// rousectl attach: comes to a session that runs already.
#include "tools/host/detach_keys.hpp"
#include "tools/host/raw_terminal.hpp"
#include "tools/rousectl/sessions.hpp"
#include "tools/rousectl/stay.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <charconv>
#include <memory>

#include <unistd.h>

namespace rouse::ctl {
namespace {

using namespace std::chrono_literals;

constexpr auto attach_limit = 15s;

struct AttachOptions {
    std::string id;
    bool no_stdin = false;
    bool read_only = false;
    std::string from = "oldest";
    std::string detach_keys = "ctrl-p,ctrl-q";
};

std::uint64_t offset(const AttachOptions& options, std::string_view text) {
    std::uint64_t value = 0;
    const char* end = text.data() + text.size();
    const auto [last, error] = std::from_chars(text.data(), end, value);
    if (text.empty() || error != std::errc() || last != end)
        throw std::runtime_error(
            fmt::format("--from '{}' is neither oldest nor now nor OFFSET[,OFFSET]", options.from));
    return value;
}

/// Where to begin with both outputs.
proto::AttachRequest to_attach_request(const AttachOptions& options,
                                       const proto::SessionDocument& session) {
    proto::AttachRequest request;
    request.control = !options.read_only;
    if (options.from == "now") {
        request.out = session.out.next;
        request.err = session.err.next;
    } else if (options.from != "oldest") {
        const std::size_t comma = options.from.find(',');
        request.out = offset(options, options.from.substr(0, comma));
        if (comma != std::string::npos)
            request.err = offset(options, options.from.substr(comma + 1));
    }
    return request;
}

int attach(const host::Target& target, const AttachOptions& options) {
    const auto keys = host::parse_detach_keys(options.detach_keys);
    if (!keys) throw std::runtime_error(keys.error().message);
    const proto::SessionDocument session = find_session(target, options.id);
    const host::ExecClient::Place place{.id = session.id,
                                        .from = to_attach_request(options, session)};
    StayOptions stay;
    // The workload has no stdin that could take ours.
    stay.interactive = !options.no_stdin && !options.read_only && options.id != "main";
    stay.tty = session.tty;
    stay.forward_signals = !options.read_only;
    stay.detach_keys = options.detach_keys;
    if (stay.tty && stay.interactive && !host::is_terminal(STDIN_FILENO))
        throw std::runtime_error("the input device is not a TTY");
    return stay_with_session(
        target, stay, [&](host::ExecClient& client, host::ExecInput::Source input) {
            const auto size = host::terminal_size(STDOUT_FILENO);
            if (stay.tty && place.from.control && size) client.resize(*size);
            return client.attach(place, std::move(input), host::Clock::now() + attach_limit);
        });
}

} // namespace

void add_attach(CLI::App& app, const Common& common, Command& chosen) {
    auto* command = app.add_subcommand(
        "attach",
        "Comes to a session that runs or has ended: shows its output from where the guest still "
        "has it,\nsends it our standard input and signals. Whoever controlled it before has to "
        "leave.");
    const auto options = std::make_shared<AttachOptions>();
    command->add_option("session", options->id, "Its id")->required();
    command->add_flag("--no-stdin", options->no_stdin, "Leave its standard input alone");
    command->add_flag("--read-only", options->read_only,
                      "Only look: whoever controls it goes on doing so");
    command
        ->add_option("--from", options->from,
                     "Begin with the oldest output that is kept, with what comes now, or at an "
                     "offset of\nstdout[,stderr]")
        ->type_name("oldest|now|OFFSET[,OFFSET]")
        ->capture_default_str();
    command->add_option("--detach-keys", options->detach_keys, "Typed in a row they leave it")
        ->type_name("KEYS")
        ->capture_default_str();
    command->callback([&common, &chosen, options] {
        chosen = [&common, options] { return attach(target_of(common), *options); };
    });
}

} // namespace rouse::ctl
