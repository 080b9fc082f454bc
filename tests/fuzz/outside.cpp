// What the machine's surroundings say to the agent: answers of the metadata service over HTTP and
// what is in them, messages of the kernel, the vmclock page.

#include "agent/io/http_answer.hpp"
#include "agent/restore/mmds_answer.hpp"
#include "agent/sys/kmsg.hpp"
#include "agent/sys/vmclock.hpp"
#include "proto/limits.hpp"
#include "tests/fuzz/fuzz.hpp"

#include <algorithm>
#include <array>
#include <span>
#include <string>

using namespace rouse;

namespace {

void read_document(const restore::MmdsText& text) {
    if (const auto* document = std::get_if<proto::RestoreDocument>(&text)) {
        fuzz::require(!restore::mmds_value(*document).empty(), "a document has a value");
        fuzz::require(document->entropy.size() <= 512, "entropy is bounded");
    }
    if (const auto* keys = std::get_if<restore::MmdsKeys>(&text))
        for (const std::string& key : *keys)
            fuzz::require(key.find_first_of("/ \r\n?#%") == std::string::npos,
                          "a key is a part of a path as it is");
}

/// The bytes of an answer, cut into pieces of `step`.
void read_answer(std::string_view bytes, std::size_t step) {
    using State = io::HttpAnswerParser::State;
    constexpr std::size_t limit = 4096;
    io::HttpAnswerParser parser(limit);
    std::string received;
    State state = State::incomplete;
    while (state == State::incomplete && !bytes.empty()) {
        received += bytes.substr(0, step);
        bytes.remove_prefix(std::min(step, bytes.size()));
        state = parser.feed(received);
        fuzz::require(received.size() <= proto::limits::http_header + step,
                      "what is not understood yet is bounded");
    }
    if (state == State::incomplete) state = parser.finish();
    if (state != State::complete) return;
    const io::HttpAnswer answer = parser.take();
    fuzz::require(answer.body.size() <= limit, "a body is bounded");
    read_document(restore::read_mmds_text(answer.body));
}

/// Lines "key=text".
void read_members(std::string_view text) {
    std::map<std::string, std::string> members;
    while (!text.empty()) {
        const std::string_view line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(line.size() + 1, text.size()));
        const std::size_t equals = std::min(line.find('='), line.size());
        members.emplace(line.substr(0, equals), line.substr(std::min(equals + 1, line.size())));
    }
    (void)restore::read_mmds_members(members);
}

void read_page(std::string_view text) {
    const auto page = std::as_bytes(std::span(text.data(), text.size()));
    const auto reading = sys::parse_vmclock(page);
    fuzz::require(!reading || reading->sequence % 2 == 0, "an unfinished page is not read");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fuzz::Choices choices(fuzz::text_of(data, size));
    switch (choices.below(6)) {
    case 0:
        read_answer(choices.rest(), 1);
        break;
    case 1:
        read_answer(choices.rest(), 1000);
        break;
    case 2:
        read_document(restore::read_mmds_text(choices.rest()));
        break;
    case 3:
        read_members(choices.rest());
        break;
    case 4:
        (void)sys::parse_kmsg(choices.rest());
        break;
    default:
        read_page(choices.rest());
        break;
    }
    return 0;
}
