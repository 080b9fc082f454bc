// rouse-payload VERB [ARGUMENT…]: see verbs.hpp.
#include "tests/payload/verbs.hpp"

#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

namespace rouse::payload {
namespace {

struct Verb {
    std::string_view name;
    int (*perform)(Words);
};

constexpr std::array verbs = {
    Verb{"exit", end_with},
    Verb{"kill-self", kill_self},
    Verb{"say", say},
    Verb{"tell-signals", tell_signals},
    Verb{"after-usr1", after_usr1},
    Verb{"orphans", orphans},
    Verb{"traced", traced},
    Verb{"children", children},
    Verb{"zombies", zombies},
    Verb{"sequence", sequence},
    Verb{"sip", sip},
    Verb{"trickle", trickle},
    Verb{"relentless", relentless},
    Verb{"writes", writes},
    Verb{"lines", lines},
    Verb{"nonblocking", nonblocking},
    Verb{"close-early", close_early},
    Verb{"keep-pipe", keep_pipe},
    Verb{"die-writing", die_writing},
    Verb{"clock", clock},
    Verb{"stamps", stamps},
    Verb{"facts", facts},
    Verb{"take-memory", take_memory},
    Verb{"burn-cpu", burn_cpu},
    Verb{"limit-files", limit_files},
    Verb{"fork-bomb", fork_bomb},
    Verb{"say-hello", say_hello},

    Verb{"connect-loopback", loopback},
};

} // namespace

unsigned long long number(std::string_view word) {
    unsigned long long value = 0;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
    const std::string_view unit(end, static_cast<std::size_t>(word.data() + word.size() - end));
    if (error == std::errc() && unit.empty()) return value;
    if (error == std::errc() && unit == "K") return value << 10U;
    if (error == std::errc() && unit == "M") return value << 20U;
    (void)std::fprintf(stderr, "rouse-payload: '%.*s' is not a number\n",
                       static_cast<int>(word.size()), word.data()); // we end anyway
    std::exit(unable);
}

int failed(const char* what) {
    (void)std::fprintf(stderr, "rouse-payload: %s: %s\n", what, std::strerror(errno)); // as above
    return unable;
}

int perform(Words words) {
    for (const Verb& verb : verbs)
        if (!words.empty() && verb.name == words[0]) return verb.perform(words.subspan(1));
    (void)std::fputs("rouse-payload: unknown verb\n", stderr); // nowhere else to say it
    return unable;
}

} // namespace rouse::payload

int main(int argc, char** argv) {
    const std::vector<std::string_view> words(argv + 1, argv + argc);
    return rouse::payload::perform(words);
}
