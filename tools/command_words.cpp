#include "tools/command_words.hpp"

#include <algorithm>

namespace rouse {

namespace {

/// No shell and no person begins a word with this control character.
constexpr char mark = '\x1f';

} // namespace

std::vector<std::string> arguments_for_parser(int argc, const char* const* argv) {
    std::vector<std::string> words(argv + (argc > 0 ? 1 : 0), argv + argc);
    const auto separator = std::find(words.begin(), words.end(), "--");
    if (separator != words.end())
        std::for_each(separator + 1, words.end(),
                      [](std::string& word) { word.insert(word.begin(), mark); });
    std::reverse(words.begin(), words.end());
    return words;
}

std::vector<std::string> command_words(std::vector<std::string> parsed) {
    for (std::string& word : parsed)
        if (word.starts_with(mark)) word.erase(word.begin());
    return parsed;
}

} // namespace rouse
