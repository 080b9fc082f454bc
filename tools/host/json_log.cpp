#include "tools/host/json_log.hpp"

#include "proto/base64.hpp"
#include "proto/fields.hpp"
#include "tools/host/descriptor.hpp"

#include <algorithm>

#include <fcntl.h>

namespace rouse::host {
namespace {

/// More than the longest line.
constexpr std::size_t step = 256 * 1024;
constexpr std::size_t most_pieces = 256;

} // namespace

JsonLog::JsonLog(const std::filesystem::path& directory) {
    streams_[0].path = directory / "stdout.jsonl";
    streams_[1].path = directory / "stderr.jsonl";
}

void JsonLog::refill(Stream& stream, bool is_err) {
    const Descriptor file(::open(stream.path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file.valid()) return;
    const auto bytes = read_at(file.get(), stream.read, step);
    if (!bytes) return;
    const std::size_t whole = bytes->rfind('\n') + 1; // npos + 1 is 0
    stream.read += whole;
    for (std::size_t at = 0; at < whole;) {
        const std::size_t end = bytes->find('\n', at);
        const auto value = proto::parse_json(std::string_view(*bytes).substr(at, end - at));
        at = end + 1;
        if (!value) continue; // not of ours
        Line line;
        std::string coded;
        proto::Problems problems;
        proto::Fields fields(*value, "$", problems);
        fields.read("time", line.time);
        fields.read("text", line.piece.bytes);
        fields.read("base64", coded);
        fields.read("dropped", line.piece.lost);
        line.piece.is_err = is_err;
        if (auto decoded = proto::from_base64(coded); decoded && !coded.empty())
            line.piece.bytes = std::move(*decoded);
        if (line.piece.bytes.empty() && line.piece.lost == 0) continue; // a beginning or an end
        stream.lines.push_back(std::move(line));
    }
}

std::vector<LogPiece> JsonLog::next() {
    std::vector<LogPiece> pieces;
    while (pieces.size() < most_pieces) {
        for (Stream& stream : streams_)
            if (stream.lines.empty()) refill(stream, &stream == &streams_[1]);
        auto& [out, err] = streams_;
        if (out.lines.empty() && err.lines.empty()) break;
        const bool is_err = out.lines.empty() ||
                            (!err.lines.empty() && err.lines.front().time < out.lines.front().time);
        std::deque<Line>& lines = (is_err ? err : out).lines;
        pieces.push_back(std::move(lines.front().piece));
        lines.pop_front();
    }
    return pieces;
}

} // namespace rouse::host
