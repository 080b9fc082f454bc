#include "tools/host/record_store.hpp"

#include "tools/host/files.hpp"

#include <fmt/format.h>

#include <algorithm>

#include <fcntl.h>
#include <unistd.h>

namespace rouse::host {
namespace {

/// Bytes of the stream in one record. A longer line becomes several.
constexpr std::size_t longest_text = 16 * 1024;
/// More than the longest record: JSON writes a control character in six.
constexpr std::size_t tail_step = 128 * 1024;

/// How many bytes from the front of a text that is too long go into one record: not within a
/// character.
std::size_t cut_at(std::string_view text) {
    if (text.size() <= longest_text) return text.size();
    std::size_t at = longest_text;
    constexpr std::size_t longest_character = 4;
    for (std::size_t back = 0; back < longest_character; ++back, --at)
        if ((static_cast<unsigned char>(text[at]) & 0xc0U) != 0x80U) return at;
    return longest_text; // no UTF-8 anyway
}

Record record_of(const Piece& piece, Record::Kind kind) {
    return {.kind = kind,
            .offset = piece.offset,
            .count = piece.count,
            .bytes = piece.bytes,
            .time = piece.time};
}

/// The records of one run of bytes, from `next` on.
std::string lines_of(const RecordForm& form, const StreamIdentity& identity, const Piece& piece,
                     StreamStore::Partial partial, std::uint64_t& next) {
    std::string records;
    std::string_view rest = std::string_view(piece.bytes).substr(next - piece.offset);
    while (!rest.empty()) {
        const std::size_t feed = rest.find('\n');
        const bool whole = feed != std::string_view::npos;
        const std::size_t size = cut_at(rest.substr(0, whole ? feed + 1 : rest.size()));
        const bool ended = whole || size < rest.size();
        if (!ended && partial == StreamStore::Partial::hold) break;
        Record record = record_of(piece, Record::Kind::data);
        record.offset = next;
        record.count = size;
        record.bytes = rest.substr(0, size);
        records += form.encode(identity, record);
        next += size;
        rest.remove_prefix(size);
    }
    return records;
}

} // namespace

std::string to_records(const RecordForm& form, const StreamIdentity& identity,
                       const std::vector<Piece>& pieces, StreamStore::Partial partial,
                       std::uint64_t& next) {
    std::string records;
    for (const Piece& piece : pieces) {
        const bool last = &piece == &pieces.back();
        if (piece.kind == Piece::Kind::end) {
            records += form.encode(identity, record_of(piece, Record::Kind::end));
        } else if (piece.next() <= next) {
            continue;
        } else if (piece.kind == Piece::Kind::gap) {
            Record gap = record_of(piece, Record::Kind::gap);
            gap.offset = next;
            gap.count = piece.next() - next;
            records += form.encode(identity, gap);
            next = piece.next();
        } else {
            records +=
                lines_of(form, identity, piece, last ? partial : StreamStore::Partial::write, next);
        }
    }
    return records;
}

Outcome<std::unique_ptr<StreamStore>> RecordStore::open(const StorePlace& place,
                                                        std::string& damage) {
    const std::string_view suffix = form_of(place.format).suffix();
    const std::filesystem::path path =
        place.directory / fmt::format("{}{}", place.identity.stream, suffix);
    Descriptor file(::open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, file_mode));
    if (!file.valid()) return file_failure("open", path);
    auto store = std::make_unique<RecordStore>(place, path, std::move(file));
    if (const Outcome<> loaded = store->load(damage); !loaded) return loaded.error();
    if (!damage.empty()) return std::unique_ptr<StreamStore>();
    return std::unique_ptr<StreamStore>(std::move(store));
}

Outcome<> RecordStore::load(std::string& damage) {
    const off_t size = ::lseek(file_.get(), 0, SEEK_END);
    if (size < 0) return file_failure("measure", path_);
    size_ = static_cast<std::uint64_t>(size);
    const auto last = last_record();
    if (!last) return last.error();
    if (size_ == 0) return {};
    const auto head = read_at(file_.get(), 0, std::min<std::uint64_t>(size_, tail_step));
    if (!head) return head.error();
    const std::optional<Recalled> opened = form_.recall(*head);
    const std::optional<Recalled> latest = form_.recall(*last);
    if (!opened || !latest || latest->next < opened->offset)
        damage = "it does not hold records of ours";
    else if (opened->boot_id != place_.identity.boot_id)
        damage = "it is of another boot of the machine";
    if (!damage.empty()) return {};
    extent_ = Extent{.start = opened->offset, .end = latest->next, .eos = latest->eos};
    return {};
}

Outcome<std::string> RecordStore::last_record() {
    std::size_t window = 0;
    std::string tail;
    std::size_t end = 0;
    std::size_t begin = 0;
    do { // until the window holds a whole record and the end of the one before it
        window = static_cast<std::size_t>(std::min<std::uint64_t>(size_, window + tail_step));
        auto read = read_at(file_.get(), size_ - window, window);
        if (!read) return read.error();
        tail = std::move(*read);
        end = form_.last_end(tail);
        begin = end == 0 ? 0 : form_.last_end(std::string_view(tail).substr(0, end - 1));
    } while (begin == 0 && window < size_);
    const std::uint64_t whole = size_ - window + end;
    constexpr std::uint64_t longest_first_record = 4096;
    if (whole == 0 && size_ > longest_first_record) return {boost::system::in_place_value, ""};
    if (whole < size_ && ::ftruncate(file_.get(), static_cast<off_t>(whole)) != 0)
        return file_failure("cut", path_);
    size_ = whole;
    // Named: a text alone could be a value or a failure.
    return {boost::system::in_place_value, tail.substr(begin, end - begin)};
}

Outcome<> RecordStore::begin(std::uint64_t offset) {
    const Record opened{.kind = Record::Kind::opened,
                        .offset = offset,
                        .count = 0,
                        .bytes = {},
                        .time = std::chrono::system_clock::now()};
    const Outcome<> written = append(form_.encode(place_.identity, opened));
    if (!written) return written;
    extent_ = Extent{.start = offset, .end = offset, .eos = std::nullopt};
    return place_.durable == Durable::yes ? sync_directory(place_.directory) : Outcome<>();
}

Outcome<> RecordStore::write(const std::vector<Piece>& pieces, Partial partial) {
    if (pieces.empty() || extent_->eos) return {};
    std::uint64_t next = extent_->end;
    const std::string records = to_records(form_, place_.identity, pieces, partial, next);
    if (const Outcome<> written = append(records); !written) return written;
    extent_->end = next;
    if (pieces.back().kind == Piece::Kind::end) extent_->eos = pieces.back().bytes;
    return {};
}

Outcome<> RecordStore::append(std::string_view records) {
    if (!write_all(file_.get(), records)) {
        const Failure failure = file_failure("write", path_);
        // A part of a record must not stay in the middle of the file.
        if (::ftruncate(file_.get(), static_cast<off_t>(size_)) != 0)
            return file_failure("cut", path_);
        return failure;
    }
    size_ += records.size();
    return {};
}

Outcome<> RecordStore::sync() {
    if (::fdatasync(file_.get()) != 0) return file_failure("sync", path_);
    return {};
}

} // namespace rouse::host
