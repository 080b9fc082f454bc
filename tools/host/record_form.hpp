#pragma once
// Forms in which a stream is a sequence of records, one for each line of text, gap and end:
// JSON lines and systemd's journal export. proto/README.md is normative.
//
// A record ends in a way that no content of a record can imitate, so that the end of the last whole
// record is found from the end of the file.

#include "tools/host/stream_store.hpp"

#include <boost/json/object.hpp>

#include <string_view>

namespace rouse::host {

/// One record, before it is written.
struct Record {
    enum class Kind { opened, data, gap, end };

    Kind kind = Kind::data;
    std::uint64_t offset = 0;
    std::uint64_t count = 0; ///< bytes of the stream that it stands for
    /// data: a line with its line feed, or a part of one without; end: how the stream ended.
    std::string_view bytes;
    std::chrono::system_clock::time_point time;
};

/// What a record that was read back says.
struct Recalled {
    std::string boot_id; ///< opened only
    std::uint64_t offset = 0;
    std::uint64_t next = 0;
    std::optional<std::string> eos;
};

class RecordForm {
public:
    RecordForm() = default;
    RecordForm(const RecordForm&) = delete;
    RecordForm& operator=(const RecordForm&) = delete;
    virtual ~RecordForm() = default;

    /// Of the file's name.
    [[nodiscard]] virtual std::string_view suffix() const = 0;
    [[nodiscard]] virtual std::string encode(const StreamIdentity& identity,
                                             const Record& record) const = 0;
    /// Something that happened in the machine, or to its connections: an object with "type".
    [[nodiscard]] virtual std::string encode_event(const std::string& vm,
                                                   const boost::json::object& event) const = 0;
    /// Where the last whole record in `text` ends; 0 when there is none. `text` may begin anywhere.
    [[nodiscard]] virtual std::size_t last_end(std::string_view text) const = 0;
    /// Reads the first record of a text, or one that stands alone. Nothing when it is none of ours.
    [[nodiscard]] virtual std::optional<Recalled> recall(std::string_view record) const = 0;
};

/// Of Format::json or Format::journal.
const RecordForm& form_of(Format format);
const RecordForm& json_form();
const RecordForm& journal_form();

} // namespace rouse::host
