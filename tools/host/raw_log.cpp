#include "tools/host/raw_log.hpp"

#include <algorithm>

#include <fcntl.h>

namespace rouse::host {
namespace {

constexpr std::size_t read_step = 64 * 1024;

/// New bytes of a file behind `position`.
std::string read_new(const std::filesystem::path& path, std::uint64_t position) {
    const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file.valid()) return {};
    const auto bytes = read_at(file.get(), position, read_step);
    return bytes ? *bytes : std::string();
}

} // namespace

RawLog::RawLog(std::filesystem::path directory)
    : directory_(std::move(directory)), marks_{{.stream = 0}, {.stream = 1}} {
    streams_[0].path = directory_ / "stdout";
    streams_[1].path = directory_ / "stderr";
}

void RawLog::read_arrivals() {
    for (;;) {
        const std::string lines = read_new(directory_ / "arrivals.jsonl", arrivals_read_);
        const std::size_t whole = lines.rfind('\n') + 1; // npos + 1 is 0
        if (whole == 0) return;
        arrivals_read_ += whole;
        for (std::size_t at = 0; at < whole;) {
            const std::size_t end = lines.find('\n', at);
            const auto value = proto::parse_json(std::string_view(lines).substr(at, end - at));
            at = end + 1;
            if (!value) continue; // only the order suffers
            proto::Problems problems;
            proto::Fields fields(*value, "$", problems);
            std::string stream;
            Mark mark;
            fields.read("stream", stream);
            fields.read("position", mark.position);
            mark.stream = stream == "stderr" ? 1 : 0;
            if (problems.errors.empty()) marks_.push_back(mark);
        }
    }
}

void RawLog::refresh(Stream& stream) {
    if (!stream.file.valid()) stream.file.reset(::open(stream.path.c_str(), O_RDONLY | O_CLOEXEC));
    const auto text = read_file(stream.path.string() + ".json");
    if (!text) return;
    if (auto record = parse_raw_record(*text); record) stream.record = std::move(*record);
}

std::uint64_t RawLog::end_of_first() const {
    const Mark& first = marks_.front();
    const auto later = std::find_if(marks_.begin() + 1, marks_.end(),
                                    [&](const Mark& mark) { return mark.stream == first.stream; });
    return later == marks_.end() ? UINT64_MAX : later->position;
}

bool RawLog::advance(std::size_t number, std::uint64_t limit, std::vector<LogPiece>& pieces) {
    Stream& stream = streams_[number];
    const std::vector<Gap>& gaps = stream.record.gaps;
    const bool gap_ahead = stream.gaps_told < gaps.size();
    const std::uint64_t gap_at =
        gap_ahead ? position_of(stream.record, gaps[stream.gaps_told].offset) : UINT64_MAX;
    if (gap_ahead && stream.printed == gap_at && gap_at <= limit) {
        LogPiece piece{.is_err = number == 1, .bytes = {}, .lost = gaps[stream.gaps_told].count};
        pieces.push_back(std::move(piece));
        ++stream.gaps_told;
        return false;
    }
    const std::uint64_t end = std::min(limit, gap_at);
    if (stream.printed >= end) return true;
    auto bytes =
        read_at(stream.file.get(), stream.printed,
                static_cast<std::size_t>(std::min<std::uint64_t>(read_step, end - stream.printed)));
    if (!bytes || bytes->empty()) return true;
    stream.printed += bytes->size();
    pieces.push_back({.is_err = number == 1, .bytes = std::move(*bytes), .lost = 0});
    return false;
}

std::vector<LogPiece> RawLog::next() {
    read_arrivals();
    for (Stream& stream : streams_)
        refresh(stream);
    std::vector<LogPiece> pieces;
    while (pieces.empty()) {
        const bool done = advance(marks_.front().stream, end_of_first(), pieces);
        if (!done) continue;
        if (marks_.size() == 1) break;
        marks_.pop_front();
    }
    // Without arrivals there is no order to keep.
    if (pieces.empty() && arrivals_read_ == 0)
        for (std::size_t number = 0; number < streams_.size(); ++number)
            (void)advance(number, UINT64_MAX, pieces); // what came is in `pieces`
    return pieces;
}

} // namespace rouse::host
