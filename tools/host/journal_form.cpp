#include "proto/text.hpp"
#include "tools/host/files.hpp"
#include "tools/host/record_form.hpp"

#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace rouse::host {
namespace {

using WallClock = std::chrono::system_clock;

constexpr std::string_view last_field = "ROUSE_NEXT=";
constexpr std::string_view entry_end = "\n\n";

/// Of this machine: whose clock the timestamps are of. Zeros where the kernel does not say.
const std::string& host_boot_id() {
    static const std::string id = [] {
        const auto file = read_file("/proc/sys/kernel/random/boot_id");
        std::string text = file ? *file : std::string();
        std::erase_if(text, [](char c) { return c == '-' || c == '\n'; });
        return text.size() == 32 ? text : std::string(32, '0');
    }();
    return id;
}

std::int64_t monotonic_us() {
    using namespace std::chrono;
    return duration_cast<microseconds>(steady_clock::now().time_since_epoch()).count();
}

/// A field as text where that is allowed, else with its length in 8 bytes, lowest first. The values
/// of a stream's records never hold a line feed: a message is one line without its end.
void add_field(std::string& entry, std::string_view name, std::string_view value) {
    const bool printable = std::none_of(value.begin(), value.end(), [](char c) {
        return (static_cast<unsigned char>(c) < ' ' && c != '\t') || c == '\x7f';
    });
    entry += name;
    if (printable && proto::is_utf8(value)) {
        entry += '=';
    } else {
        entry += '\n';
        for (unsigned byte = 0; byte < 8; ++byte)
            entry += static_cast<char>((value.size() >> (8 * byte)) & 0xffU);
    }
    entry += value;
    entry += '\n';
}

/// The fields that every entry begins with.
std::string entry_of(const std::string& vm, WallClock::time_point when) {
    const auto time =
        std::chrono::duration_cast<std::chrono::microseconds>(when.time_since_epoch());
    std::string entry =
        fmt::format("__REALTIME_TIMESTAMP={}\n__MONOTONIC_TIMESTAMP={}\n_BOOT_ID={}\n",
                    time.count(), monotonic_us(), host_boot_id());
    add_field(entry, "SYSLOG_IDENTIFIER", vm);
    add_field(entry, "ROUSE_VM", vm);
    return entry;
}

std::string message_of(const StreamIdentity& identity, const Record& record) {
    switch (record.kind) {
    case Record::Kind::opened:
        if (identity.parent)
            return fmt::format("{} begins at byte {}, restored from generation {}", identity.stream,
                               record.offset, *identity.parent);
        return fmt::format("{} begins at byte {}", identity.stream, record.offset);
    case Record::Kind::gap:
        return fmt::format("{} bytes of {} are lost", record.count, identity.stream);
    case Record::Kind::end:
        return fmt::format("{} has ended: {}", identity.stream, record.bytes);
    case Record::Kind::data:
        break;
    }
    return std::string(record.bytes.substr(0, record.bytes.find('\n')));
}

void add_details(std::string& entry, const StreamIdentity& identity, const Record& record) {
    switch (record.kind) {
    case Record::Kind::opened:
        add_field(entry, "ROUSE_BOOT_ID", identity.boot_id);
        if (identity.parent) add_field(entry, "ROUSE_PARENT_GENERATION", *identity.parent);
        break;
    case Record::Kind::data:
        // The line goes on in the next record.
        if (!record.bytes.ends_with('\n')) add_field(entry, "ROUSE_PARTIAL", "1");
        break;
    case Record::Kind::gap:
        add_field(entry, "ROUSE_DROPPED", fmt::to_string(record.count));
        break;
    case Record::Kind::end:
        add_field(entry, "ROUSE_EOS", record.bytes);
        break;
    }
}

std::string_view field(std::string_view entry, std::string_view name) {
    const std::string start = fmt::format("\n{}=", name);
    const std::size_t at = entry.find(start);
    if (at == std::string_view::npos) return {};
    const std::size_t value = at + start.size();
    return entry.substr(value, entry.find('\n', value) - value);
}

std::optional<std::uint64_t> number(std::string_view text) {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return value;
}

/// systemd.io/JOURNAL_EXPORT_FORMATS: fields, then an empty line. ROUSE_NEXT is the last field of
/// each entry, and no line of an entry but that field can begin with its name.
class JournalForm : public RecordForm {
public:
    [[nodiscard]] std::string_view suffix() const override { return ".export"; }

    [[nodiscard]] std::string encode(const StreamIdentity& identity,
                                     const Record& record) const override {
        std::string entry = entry_of(identity.vm, record.time);
        add_field(entry, "ROUSE_GENERATION", identity.generation);
        add_field(entry, "ROUSE_STREAM", identity.stream);
        // As other tools have it: standard error is an error, standard output information.
        const bool is_err = identity.stream == "stderr" && record.kind == Record::Kind::data;
        add_field(entry, "PRIORITY", is_err ? "3" : "6");
        add_field(entry, "ROUSE_OFFSET", fmt::to_string(record.offset));
        add_field(entry, "MESSAGE", message_of(identity, record));
        add_details(entry, identity, record);
        entry += fmt::format("{}{}\n\n", last_field, record.offset + record.count);
        return entry;
    }

    [[nodiscard]] std::string encode_event(const std::string& vm,
                                           const boost::json::object& event) const override {
        const boost::json::value* type = event.if_contains("type");
        std::string entry = entry_of(vm, WallClock::now());
        add_field(entry, "PRIORITY", "6");
        if (type != nullptr && type->is_string()) add_field(entry, "MESSAGE", type->get_string());
        add_field(entry, "ROUSE_EVENT", boost::json::serialize(event));
        return entry + "\n";
    }

    [[nodiscard]] std::size_t last_end(std::string_view text) const override {
        for (std::size_t at = text.rfind(entry_end); at != std::string_view::npos && at > 0;
             at = text.rfind(entry_end, at - 1)) {
            // Also the length of a message may look like the end of an entry.
            const std::size_t line = text.rfind('\n', at - 1);
            const std::size_t begin = line == std::string_view::npos ? 0 : line + 1;
            if (text.substr(begin, at - begin).starts_with(last_field)) return at + 2;
        }
        return 0;
    }

    [[nodiscard]] std::optional<Recalled> recall(std::string_view record) const override {
        const std::size_t end = first_end(record);
        if (end == 0) return std::nullopt;
        const std::string_view entry = record.substr(0, end);
        const auto offset = number(field(entry, "ROUSE_OFFSET"));
        // The details stand behind the message, whatever that is.
        const std::size_t tail = entry.rfind(last_field);
        const auto next = number(
            entry.substr(tail + last_field.size(), entry.size() - tail - last_field.size() - 2));
        if (!offset || !next) return std::nullopt;
        Recalled recalled;
        recalled.offset = *offset;
        recalled.next = *next;
        recalled.boot_id = field(entry, "ROUSE_BOOT_ID");
        if (const std::string_view eos = field(entry, "ROUSE_EOS"); !eos.empty())
            recalled.eos = std::string(eos);
        return recalled;
    }

private:
    /// Where the first entry of a text ends; 0 when it has no whole one.
    static std::size_t first_end(std::string_view text) {
        const std::size_t at = text.find(fmt::format("\n{}", last_field));
        if (at == std::string_view::npos) return 0;
        const std::size_t end = text.find(entry_end, at + 1);
        return end == std::string_view::npos ? 0 : end + 2;
    }
};

} // namespace

const RecordForm& journal_form() {
    static const JournalForm form;
    return form;
}

} // namespace rouse::host
