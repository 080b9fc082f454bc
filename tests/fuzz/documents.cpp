// Every document that crosses the wire, and the configuration: what is read, and written again, is
// read the same.

#include "proto/base64.hpp"
#include "proto/config.hpp"
#include "proto/exec.hpp"
#include "proto/exec_stream.hpp"
#include "proto/kernel_command_line.hpp"
#include "proto/link.hpp"
#include "proto/output.hpp"
#include "proto/restore.hpp"
#include "proto/session.hpp"
#include "proto/snapshot.hpp"
#include "tests/fuzz/fuzz.hpp"

#include <boost/json/serialize.hpp>

#include <algorithm>
#include <array>
#include <string>

using namespace rouse;
namespace json = boost::json;

namespace {

/// Of all that is passed on as it came, numbers that are not whole are not read exactly
/// (boostorg/json, "imprecise").
bool has_fraction(const json::value& value) {
    if (const json::object* object = value.if_object())
        return std::ranges::any_of(*object,
                                   [](const auto& member) { return has_fraction(member.value()); });
    if (const json::array* array = value.if_array())
        return std::ranges::any_of(*array, has_fraction);
    return value.is_double();
}

/// Reads, writes and reads again.
template <typename Parse>
void again(std::string_view text, Parse parse) {
    const auto first = parse(text);
    if (!first) return;
    const json::value document = to_json(*first);
    const std::string written = json::serialize(document);
    const auto second = parse(written);
    fuzz::require(second.has_value(), "what we write we can read");
    fuzz::require(has_fraction(document) || *second == *first, "a document comes back as it was");
}

void read_config(std::string_view text) {
    (void)proto::read_config(text);
}

void read_command_line(std::string_view text) {
    (void)proto::read_kernel_command_line(text);
}

using Reader = void (*)(std::string_view);

template <auto parse>
void reader(std::string_view text) {
    again(text, parse);
}

constexpr std::array<Reader, 21> readers{
    read_config,
    read_command_line,
    reader<proto::parse_exec_request>,
    reader<proto::parse_exec_result>,
    reader<proto::parse_restore_document>,
    reader<proto::parse_link_hello>,
    reader<proto::parse_link_hello_ack>,
    reader<proto::parse_event>,
    reader<proto::parse_ready>,
    reader<proto::parse_error_document>,
    reader<proto::parse_output_hello>,
    reader<proto::parse_output_welcome>,
    reader<proto::parse_ack>,
    reader<proto::parse_end_of_stream>,
    reader<proto::parse_started>,
    reader<proto::parse_signal_request>,
    reader<proto::parse_dropped>,
    reader<proto::parse_prepare_request>,
    reader<proto::parse_prepared>,
    reader<proto::parse_resume_request>,
    reader<proto::parse_resumed>,
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fuzz::Choices choices(fuzz::text_of(data, size));
    const std::size_t which = choices.below(readers.size());
    readers.at(which)(choices.rest());
    return 0;
}
