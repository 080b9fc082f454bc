// The frame decoder: whole frames come out as they were, however the bytes were cut.

#include "proto/frame_decoder.hpp"
#include "tests/fuzz/fuzz.hpp"

#include <algorithm>
#include <string>
#include <vector>

using namespace rouse;

namespace {

/// The frames of a stream that comes `step` bytes at a time, written again, and whether it ended
/// with a problem.
std::pair<std::string, bool> decode(std::string_view bytes, std::size_t step) {
    proto::FrameDecoder decoder;
    std::string again;
    while (!bytes.empty()) {
        decoder.append(bytes.substr(0, step));
        bytes.remove_prefix(std::min(step, bytes.size()));
        for (;;) {
            const auto next = decoder.next();
            if (!next) return {again, true};
            if (!*next) break;
            fuzz::require((*next)->header.length == (*next)->payload.size(), "a frame is whole");
            again += proto::encode((*next)->header, (*next)->payload);
        }
        fuzz::require(decoder.pending() <= proto::limits::control_frame + 16 + step,
                      "at most one frame is held");
    }
    return {again, false};
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fuzz::Choices choices(fuzz::text_of(data, size));
    const std::size_t step = 1 + choices.below(255);
    const std::string_view bytes = choices.rest();
    const auto whole = decode(bytes, bytes.size() + 1);
    fuzz::require(bytes.starts_with(whole.first), "what was read is what was sent");
    fuzz::require(decode(bytes, step) == whole, "where a stream is cut says nothing");
    return 0;
}
