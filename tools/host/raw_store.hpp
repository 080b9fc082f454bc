#pragma once
// A stream as its bytes, and beside them a record that says which bytes they are.
//
//   DIR/stdout        the bytes, without those of gaps
//   DIR/stdout.json   {"boot_id", "generation", "parent_generation": of which this VM is a copy,
//                      or null, "start": offset of the first byte; with a parent: from here on the
//                      parent may have the same bytes, "end", "eos": how it ended or null,
//                      "gaps": [{"offset", "count"}, …]}
//
// end of what is held = start + length of the file + sum of the gaps. The record is replaced, as a
// whole, only when start, gaps or eos change: a gap before the bytes behind it are written, the end
// of the stream after all of its bytes. So whatever the moment of a crash, the sum is right. "end"
// in the record is that of the last replacement, and final once eos is not null.

#include "proto/fields.hpp"
#include "tools/host/descriptor.hpp"
#include "tools/host/stream_store.hpp"

namespace rouse::host {

struct Gap {
    std::uint64_t offset = 0; ///< of the stream, of its first lost byte
    std::uint64_t count = 0;

    friend bool operator==(const Gap&, const Gap&) = default;
};

struct RawRecord {
    std::string boot_id;
    std::string generation;
    std::optional<std::string> parent;
    Extent extent;
    std::vector<Gap> gaps;

    friend bool operator==(const RawRecord&, const RawRecord&) = default;
};

boost::json::value to_json(const RawRecord& record);
proto::Parsed<RawRecord> parse_raw_record(std::string_view text);
/// How many bytes of the stream up to `offset` are in the file; gaps are not.
std::uint64_t position_of(const RawRecord& record, std::uint64_t offset);

class RawStore : public StreamStore {
public:
    /// More gaps than this go into a new pair of files, since the record is written as a whole.
    static constexpr std::size_t most_gaps = 512;

    /// Fills `damage` with the reason, and returns nothing, when what is there cannot be continued.
    static Outcome<std::unique_ptr<StreamStore>> open(const StorePlace& place, std::string& damage);
    /// What belongs to the stream's name in its directory.
    static const std::vector<std::string>& suffixes();

    RawStore(StorePlace place, Descriptor file)
        : place_(std::move(place)), file_(std::move(file)) {}

    [[nodiscard]] const std::optional<Extent>& extent() const override { return extent_; }
    Outcome<> begin(std::uint64_t offset) override;
    Outcome<> write(const std::vector<Piece>& pieces, Partial partial) override;
    Outcome<> sync() override;

private:
    [[nodiscard]] std::filesystem::path path() const {
        return place_.directory / place_.identity.stream;
    }
    /// Takes what the files say; the reason when they cannot be continued.
    Outcome<> load(std::string& damage);
    Outcome<> append(std::string_view bytes, const Piece& piece);
    Outcome<> lose(std::uint64_t offset, std::uint64_t count);
    /// Goes on in a new pair of files.
    Outcome<> roll();
    Outcome<> save();

    StorePlace place_;
    Descriptor file_;
    std::optional<Extent> extent_;
    std::vector<Gap> gaps_;
    std::uint64_t size_ = 0; ///< of the file
};

} // namespace rouse::host
