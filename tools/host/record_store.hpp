#pragma once
// A stream as a file of records (record_form.hpp): DIR/stdout.jsonl, DIR/stdout.export.
//
// The first record says which stream it is, the last whole one how far it is held. What a crash
// left of a record behind that is cut off when the file is opened again.

#include "tools/host/descriptor.hpp"
#include "tools/host/record_form.hpp"

namespace rouse::host {

/// Turns pieces into records. `next` is how much of the stream is in records already; it is moved.
/// A line that has not ended is left for later with Partial::hold, unless it is longer than a
/// record may be or the stream has a gap or its end behind it.
std::string to_records(const RecordForm& form, const StreamIdentity& identity,
                       const std::vector<Piece>& pieces, StreamStore::Partial partial,
                       std::uint64_t& next);

class RecordStore : public StreamStore {
public:
    /// Fills `damage` with the reason, and returns nothing, when what is there cannot be continued.
    static Outcome<std::unique_ptr<StreamStore>> open(const StorePlace& place, std::string& damage);

    RecordStore(StorePlace place, std::filesystem::path path, Descriptor file)
        : place_(std::move(place)), path_(std::move(path)), file_(std::move(file)),
          form_(form_of(place_.format)) {}

    [[nodiscard]] const std::optional<Extent>& extent() const override { return extent_; }
    Outcome<> begin(std::uint64_t offset) override;
    Outcome<> write(const std::vector<Piece>& pieces, Partial partial) override;
    Outcome<> sync() override;

private:
    /// Takes what the file says; the reason when it cannot be continued.
    Outcome<> load(std::string& damage);
    /// Finds the last whole record, cuts off what is behind it, and gives its text.
    Outcome<std::string> last_record();
    /// Adds all of it, or nothing.
    Outcome<> append(std::string_view records);

    StorePlace place_;
    std::filesystem::path path_;
    Descriptor file_;
    const RecordForm& form_;
    std::optional<Extent> extent_;
    std::uint64_t size_ = 0; ///< of the file, whole records only
};

} // namespace rouse::host
