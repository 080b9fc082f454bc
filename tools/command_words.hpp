#pragma once
// The words of a command that a person gives to a tool of ours, kept as they are. CLI11 takes a
// word such as `[a,b]` for a list and splits it, also behind `--`.

#include <string>
#include <vector>

namespace rouse {

/// The arguments without the program's name, last one first, as CLI::App::parse() takes them. The
/// words behind `--` are marked, so that CLI11 does not recognise them.
std::vector<std::string> arguments_for_parser(int argc, const char* const* argv);

/// Takes the marks away from the words that the parser has put into a command.
std::vector<std::string> command_words(std::vector<std::string> parsed);

} // namespace rouse
