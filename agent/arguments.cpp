#include "agent/arguments.hpp"

#include "proto/signal_names.hpp"
#include "proto/tables/tables.hpp"

#include <fmt/format.h>

#include <optional>
#include <string_view>

namespace rouse {

namespace {

/// Takes `--name VALUE` or `--name=VALUE` at `index`; says whether it was there.
bool take_option(const std::vector<std::string>& words, std::size_t& index, std::string_view name,
                 Arguments& arguments, std::string& value) {
    const std::string& word = words[index];
    if (word.starts_with(fmt::format("{}=", name))) {
        value = word.substr(name.size() + 1);
        return true;
    }
    if (word != name) return false;
    if (index + 1 == words.size()) {
        arguments.verb = Arguments::Verb::wrong;
        arguments.wrong = fmt::format("{} needs a value", name);
        return true;
    }
    value = words[++index];
    return true;
}

/// The word behind the one at `index`, which then is that; empty when there is none.
std::string next_word(const std::vector<std::string>& words, std::size_t& index) {
    return index + 1 < words.size() ? words[++index] : std::string();
}

void take_signal(const std::string& text, Arguments& arguments) {
    if (const std::optional<int> number = proto::signal_number(text)) {
        arguments.run.parent_death_signal = *number;
        return;
    }
    arguments.verb = Arguments::Verb::wrong;
    arguments.wrong =
        text.empty() ? "run: -p needs a signal" : fmt::format("run: -p: '{}' is no signal", text);
}

Arguments wrong(std::string what) {
    Arguments arguments;
    arguments.wrong = std::move(what);
    return arguments;
}

/// Takes the letters of a word such as `-g`, `-svv`, `-p TERM` or `-gpTERM` at `index`; says
/// whether all of them are known. What is wrong with a value is said in `arguments`.
bool take_flags(const std::vector<std::string>& words, std::size_t& index, Arguments& arguments) {
    const std::string& word = words[index];
    if (word.size() < 2 || word[1] == '-') return false;
    RunFlags& flags = arguments.run;
    for (std::size_t i = 1; i < word.size(); ++i) {
        switch (word[i]) {
        case 'g':
            flags.to_group = true;
            break;
        case 's':
            flags.subreaper = true;
            break;
        case 'v':
            ++flags.verbosity;
            break;
        case 'p':
            take_signal(i + 1 < word.size() ? word.substr(i + 1) : next_word(words, index),
                        arguments);
            return true;
        default:
            return false;
        }
    }
    return true;
}

Arguments parse_run(const std::vector<std::string>& words) {
    Arguments arguments;
    arguments.verb = Arguments::Verb::run;
    for (std::size_t i = 0; i < words.size() && arguments.verb == Arguments::Verb::run; ++i) {
        if (words[i] == "--" || !words[i].starts_with('-')) {
            const auto first = words.begin() + static_cast<std::ptrdiff_t>(i);
            arguments.command.assign(words[i] == "--" ? first + 1 : first, words.end());
            break;
        }
        if (!take_flags(words, i, arguments) &&
            !take_option(words, i, "--socket", arguments, arguments.socket) &&
            !take_option(words, i, "--config", arguments, arguments.config))
            return wrong(fmt::format("run: unknown option '{}'", words[i]));
    }
    if (arguments.verb == Arguments::Verb::run && arguments.command.empty() &&
        arguments.config.empty() && arguments.socket.empty())
        return wrong("run: no command given; usage: rouse run [OPTION…] -- CMD [ARG…]");
    return arguments;
}

std::string topic_names() {
    std::string names;
    for (const proto::tables::Topic& topic : proto::tables::topics())
        names += fmt::format("{}{}", names.empty() ? "" : "|", topic.name);
    return names;
}

Arguments parse_debug(const std::vector<std::string>& words) {
    Arguments arguments;
    if (words.empty() || proto::tables::find_topic(words[0]) == nullptr)
        return wrong(fmt::format("debug: say what to show: {}", topic_names()));
    arguments.verb = Arguments::Verb::debug;
    arguments.topic = words[0];
    for (std::size_t i = 1; i < words.size(); ++i) {
        if (words[i] == "--json")
            arguments.json = true;
        else if (arguments.topic == "events" && (words[i] == "--follow" || words[i] == "-f"))
            arguments.follow = true;
        else if (!take_option(words, i, "--socket", arguments, arguments.socket))
            return wrong(fmt::format("debug {}: unknown option '{}'", words[0], words[i]));
    }
    return arguments;
}

Arguments parse_files(const std::vector<std::string>& words) {
    files::ParsedFiles parsed = files::parse_files_arguments(words);
    if (!parsed.wrong.empty()) return wrong(std::move(parsed.wrong));
    Arguments arguments;
    arguments.verb = Arguments::Verb::files;
    arguments.files = std::move(parsed.request);
    return arguments;
}

} // namespace

Arguments parse_arguments(int argc, char** argv, bool is_pid1) {
    const std::vector<std::string> words(argv + (argc > 0 ? 1 : 0), argv + argc);
    const std::string verb = words.empty() ? "" : words[0];
    const std::vector<std::string> rest(words.begin() + (words.empty() ? 0 : 1), words.end());
    Arguments arguments;
    if (verb == "run")
        arguments = parse_run(rest);
    else if (verb == "debug")
        arguments = parse_debug(rest);
    else if (verb == "files" && !is_pid1)
        arguments = parse_files(rest);
    else if (is_pid1)
        arguments.verb = Arguments::Verb::init;
    else if (verb == "--version" || verb == "version")
        arguments.verb = Arguments::Verb::version;
    else if (verb == "--help" || verb == "-h" || verb == "help" || verb.empty())
        arguments.verb = Arguments::Verb::help;
    else
        arguments = wrong(fmt::format("unknown command '{}'", verb));
    arguments.is_pid1 = is_pid1;
    return arguments;
}

std::string usage() {
    std::string text =
        "rouse " ROUSE_VERSION ": an init that survives being frozen, cloned and thawed\n"
        "\n"
        "  rouse run [-gsv] [-p SIGNAL] [--socket PATH] [--config FILE] -- CMD [ARG…]\n"
        "      run CMD, pass signals on to it, and reap everything below it; ends with CMD's\n"
        "      exit status, 128 and more when a signal ended it.\n"
        "      -g             signals go to the process group of CMD, not to CMD alone\n"
        "      -p SIGNAL      get SIGNAL when the parent of rouse ends\n"
        "      -s             fail where orphans cannot be adopted (a subreaper)\n"
        "      -v             say what happens to CMD; -vv, whatever happens\n"
        "      --socket PATH  serve the exec API on PATH and send the output to the\n"
        "                     listeners at PATH_4001 and PATH_4002\n"
        "      --config FILE  configuration as in /etc/rouse/config.json\n"
        "  rouse debug WHAT [--json] [--socket PATH]\n"
        "      what the running agent is doing (root only); `events` takes --follow\n";
    for (const proto::tables::Topic& topic : proto::tables::topics())
        text += fmt::format("      {:<8} {}\n", topic.name, topic.about);
    text += "  rouse files create|extract|stat [--as NAME] PATH\n"
            "      packs PATH into a tar archive on standard output, unpacks the one on standard\n"
            "      input, with the rules of `docker cp`, or shows what PATH is\n";
    return text + "\nAs PID 1 of a VM it boots the guest; see /etc/rouse/config.json.\n";
}

} // namespace rouse
