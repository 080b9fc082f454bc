#include "tools/host/raw_store.hpp"

#include "tools/host/arrivals.hpp"
#include "tools/host/files.hpp"

#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include <fcntl.h>
#include <unistd.h>

namespace rouse::host {
namespace {

namespace json = boost::json;

void read_gaps(proto::Fields& fields, RawRecord& record, proto::Problems& problems) {
    const json::value* gaps = fields.raw("gaps");
    if (gaps == nullptr) return;
    if (!gaps->is_array()) return fields.fail("gaps", "must be an array");
    for (const json::value& element : gaps->get_array()) {
        Gap gap;
        proto::Fields members(element, fields.path_of("gaps"), problems);
        members.read("offset", gap.offset);
        members.read("count", gap.count);
        record.gaps.push_back(gap);
    }
}

std::uint64_t sum_of(const std::vector<Gap>& gaps) {
    return std::accumulate(gaps.begin(), gaps.end(), std::uint64_t{0},
                           [](std::uint64_t sum, const Gap& gap) { return sum + gap.count; });
}

/// Whether a file of this size can be what the record speaks of.
std::string contradiction(const RawRecord& record, std::uint64_t size) {
    std::uint64_t lost = 0;
    for (const Gap& gap : record.gaps) {
        if (gap.offset < record.extent.start + lost ||
            gap.offset - record.extent.start - lost > size)
            return fmt::format("it has {} bytes, and a gap at offset {}", size, gap.offset);
        lost += gap.count;
    }
    const std::uint64_t end = record.extent.start + size + lost;
    if (record.extent.eos && end != record.extent.end)
        return fmt::format("it ends at offset {}, the record says {}", end, record.extent.end);
    return {};
}

Descriptor open_stream(const std::filesystem::path& path) {
    return Descriptor(::open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, file_mode));
}

} // namespace

json::value to_json(const RawRecord& record) {
    const auto nullable = [](const std::optional<std::string>& text) {
        return text ? json::value(*text) : json::value(nullptr);
    };
    json::array gaps;
    for (const Gap& gap : record.gaps)
        gaps.push_back(json::object{{"offset", gap.offset}, {"count", gap.count}});
    return json::object{{"boot_id", record.boot_id},
                        {"generation", record.generation},
                        {"parent_generation", nullable(record.parent)},
                        {"start", record.extent.start},
                        {"end", record.extent.end},
                        {"eos", nullable(record.extent.eos)},
                        {"gaps", std::move(gaps)}};
}

proto::Parsed<RawRecord> parse_raw_record(std::string_view text) {
    proto::Parsed<json::value> value = proto::parse_json(text);
    if (!value) return value.error();
    RawRecord record;
    proto::Problems problems;
    proto::Fields fields(*value, "$", problems);
    fields.require("start");
    fields.require("end");
    fields.read("boot_id", record.boot_id);
    fields.read("generation", record.generation);
    fields.read("parent_generation", record.parent);
    fields.read("start", record.extent.start);
    fields.read("end", record.extent.end);
    fields.read("eos", record.extent.eos);
    read_gaps(fields, record, problems);
    if (record.extent.end < record.extent.start) fields.fail("end", "is before start");
    return proto::value_or_first(std::move(record), problems);
}

std::uint64_t position_of(const RawRecord& record, std::uint64_t offset) {
    std::uint64_t position = offset - record.extent.start;
    for (const Gap& gap : record.gaps)
        if (gap.offset < offset) position -= std::min(gap.count, offset - gap.offset);
    return position;
}

const std::vector<std::string>& RawStore::suffixes() {
    static const std::vector<std::string> both{"", ".json"};
    return both;
}

Outcome<std::unique_ptr<StreamStore>> RawStore::open(const StorePlace& place, std::string& damage) {
    const std::filesystem::path path = place.directory / place.identity.stream;
    Descriptor file = open_stream(path);
    if (!file.valid()) return file_failure("open", path);
    auto store = std::make_unique<RawStore>(place, std::move(file));
    if (const Outcome<> loaded = store->load(damage); !loaded) return loaded.error();
    if (!damage.empty()) return std::unique_ptr<StreamStore>();
    return std::unique_ptr<StreamStore>(std::move(store));
}

Outcome<> RawStore::load(std::string& damage) {
    const off_t size = ::lseek(file_.get(), 0, SEEK_END);
    if (size < 0) return file_failure("measure", path());
    size_ = static_cast<std::uint64_t>(size);
    const std::filesystem::path record_path = path().string() + ".json";
    if (!std::filesystem::exists(record_path)) {
        if (size_ != 0) damage = "there is no record beside it";
        return {};
    }
    const auto text = read_file(record_path);
    if (!text) return text.error();
    const auto record = parse_raw_record(*text);
    if (!record)
        damage = "its record: " + record.error().message();
    else if (record->boot_id != place_.identity.boot_id)
        damage = "it is of another boot of the machine";
    else
        damage = contradiction(*record, size_);
    if (!damage.empty()) return {};
    extent_ = record->extent;
    gaps_ = record->gaps;
    extent_->end = extent_->start + size_ + sum_of(gaps_);
    return {};
}

Outcome<> RawStore::begin(std::uint64_t offset) {
    extent_ = Extent{.start = offset, .end = offset, .eos = std::nullopt};
    gaps_.clear();
    Outcome<> saved = save();
    if (!saved) extent_.reset();
    return saved;
}

Outcome<> RawStore::write(const std::vector<Piece>& pieces, Partial /*lines do not matter*/) {
    for (const Piece& piece : pieces) {
        Outcome<> done;
        if (piece.kind == Piece::Kind::end && !extent_->eos) {
            extent_->eos = piece.bytes;
            done = save();
            if (!done) extent_->eos.reset();
        } else if (piece.kind == Piece::Kind::gap && piece.next() > extent_->end) {
            done = lose(extent_->end, piece.next() - extent_->end);
        } else if (piece.kind == Piece::Kind::data && piece.next() > extent_->end) {
            const std::string_view fresh(piece.bytes);
            done = append(fresh.substr(extent_->end - piece.offset), piece);
        }
        if (!done) return done;
    }
    return {};
}

Outcome<> RawStore::append(std::string_view bytes, const Piece& piece) {
    if (!file_.valid()) file_ = open_stream(path()); // where roll() could not
    if (place_.arrivals) place_.arrivals->note(place_.identity.stream, size_, piece.time);
    const bool written = write_all(file_.get(), bytes);
    const Outcome<> outcome = written ? Outcome<>() : file_failure("write", path());
    const off_t size = ::lseek(file_.get(), 0, SEEK_END);
    if (size < 0) return file_failure("measure", path());
    // Also a part that was written before the disk was full is the stream's.
    extent_->end += static_cast<std::uint64_t>(size) - size_;
    size_ = static_cast<std::uint64_t>(size);
    return outcome;
}

Outcome<> RawStore::lose(std::uint64_t offset, std::uint64_t count) {
    if (!gaps_.empty() && gaps_.back().offset + gaps_.back().count == offset) {
        gaps_.back().count += count;
    } else {
        if (gaps_.size() == most_gaps)
            if (const Outcome<> rolled = roll(); !rolled) return rolled;
        gaps_.push_back({.offset = offset, .count = count});
    }
    extent_->end += count;
    Outcome<> saved = save();
    if (saved) return saved;
    extent_->end -= count;
    gaps_.back().count -= count;
    if (gaps_.back().count == 0) gaps_.pop_back();
    return saved;
}

Outcome<> RawStore::roll() {
    // The old record says for good where the old file ends.
    if (const Outcome<> saved = save(); !saved) return saved;
    if (const Outcome<> aside = set_aside(path(), suffixes()); !aside) return aside;
    extent_ = Extent{.start = extent_->end, .end = extent_->end, .eos = std::nullopt};
    gaps_.clear();
    size_ = 0;
    file_ = open_stream(path());
    if (!file_.valid()) return file_failure("open", path());
    return save();
}

Outcome<> RawStore::sync() {
    if (::fdatasync(file_.get()) != 0) return file_failure("sync", path());
    return {};
}

Outcome<> RawStore::save() {
    const RawRecord record{.boot_id = place_.identity.boot_id,
                           .generation = place_.identity.generation,
                           .parent = place_.identity.parent,
                           .extent = *extent_,
                           .gaps = gaps_};
    // What the record speaks of must not be younger than the record, also after a power cut.
    if (place_.durable == Durable::yes)
        if (const Outcome<> synced = sync(); !synced) return synced;
    return replace_file(path().string() + ".json", json::serialize(to_json(record)) + "\n",
                        place_.durable);
}

} // namespace rouse::host
