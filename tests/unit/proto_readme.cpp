// proto/README.md is normative: its table of limits and its examples are what the code does.
#include "proto/exec.hpp"
#include "proto/exec_stream.hpp"
#include "proto/frame_decoder.hpp"
#include "proto/link.hpp"
#include "proto/output.hpp"

#include <catch2/catch_test_macros.hpp>
#include <fmt/format.h>

#include <charconv>
#include <fstream>
#include <iterator>
#include <map>
#include <sstream>

using namespace rouse::proto;
namespace json = boost::json;

namespace {

std::string readme() {
    std::ifstream file(ROUSE_SOURCE_ROOT "/proto/README.md");
    return {std::istreambuf_iterator<char>(file), {}};
}

/// One ```frame block of the page.
struct Example {
    std::string type;
    FrameHeader header;
    std::string payload;
    std::string wire;
};

std::string from_hex(const std::string& digits) {
    std::istringstream in(digits);
    std::string bytes;
    for (std::string pair; in >> pair;) {
        unsigned value = 0;
        const auto [end, error] =
            std::from_chars(pair.data(), pair.data() + pair.size(), value, 16);
        REQUIRE(error == std::errc());
        REQUIRE(end == pair.data() + 2);
        bytes += static_cast<char>(value);
    }
    return bytes;
}

FrameType type_named(const std::string& wanted) {
    for (unsigned type = 1; type < 256; ++type)
        if (name(static_cast<FrameType>(type)) == wanted) return static_cast<FrameType>(type);
    FAIL("no frame type is named " << wanted);
    return FrameType::data;
}

Example parse_example(const std::string& block) {
    std::istringstream in(block);
    Example example;
    std::string fields;
    std::string payload;
    std::getline(in, fields);
    std::getline(in, payload);
    std::istringstream words(fields);
    words >> example.type;
    example.header.type = type_named(example.type);
    std::map<std::string, std::uint64_t> numbers;
    for (std::string word; words >> word;) {
        const std::size_t equals = word.find('=');
        std::uint64_t& number = numbers[word.substr(0, equals)];
        (void)std::from_chars(word.data() + equals + 1, word.data() + word.size(), number);
    }
    example.header.stream = static_cast<std::uint8_t>(numbers.at("stream"));
    example.header.flags = static_cast<std::uint16_t>(numbers.at("flags"));
    example.header.offset = numbers.at("offset");
    example.payload = json::value_to<std::string>(json::parse(payload));
    example.header.length = static_cast<std::uint32_t>(example.payload.size());
    example.wire = from_hex({std::istreambuf_iterator<char>(in), {}});
    return example;
}

std::vector<Example> examples() {
    const std::string page = readme();
    const std::string open = "```frame\n";
    std::vector<Example> found;
    for (std::size_t at = page.find(open); at != std::string::npos; at = page.find(open, at + 1)) {
        const std::size_t start = at + open.size();
        found.push_back(parse_example(page.substr(start, page.find("```", start) - start)));
    }
    return found;
}

/// The payload after it was read into its document and written again.
std::string rewritten(const Example& example) {
    const std::string& text = example.payload;
    const auto again = [](const auto& document) {
        return json::serialize(to_json(document.value()));
    };
    switch (example.header.type) {
    case FrameType::hello:
        if (text.find("\"nonce\"") != std::string::npos) return again(parse_link_hello(text));
        return again(parse_output_hello(text));
    case FrameType::welcome:
        return again(parse_output_welcome(text));
    case FrameType::ack:
        return again(parse_ack(text));
    case FrameType::eos:
        return again(parse_end_of_stream(text));
    case FrameType::dropped:
        return again(parse_dropped(text));
    case FrameType::started:
        return again(parse_started(text));
    case FrameType::resize:
        return again(parse_terminal_size(text));
    case FrameType::signal:
        return again(parse_signal_request(text));
    case FrameType::exit:
        return again(parse_exit_status(json::parse(text)));
    case FrameType::event:
        return again(parse_event(text));
    case FrameType::error:
        if (text.find("\"spawn\"") != std::string::npos)
            return again(parse_spawn_failure(json::parse(text)));
        return again(parse_error_document(text));
    case FrameType::hello_ack:
        return again(parse_link_hello_ack(text));
    case FrameType::confirm:
        return again(parse_restore_report(json::parse(text)));
    default:
        return text;
    }
}

std::string in_milliseconds(std::chrono::milliseconds value) {
    return fmt::format("{} ms", value.count());
}

std::map<std::string, std::string> first_limits_of_the_code() {
    namespace l = limits;
    return {{"write_timeout", in_milliseconds(l::write_timeout)},
            {"stall_redial", in_milliseconds(l::stall_redial)},
            {"drain_deadline_workload", in_milliseconds(l::drain_deadline_workload)},
            {"drain_deadline_exec", in_milliseconds(l::drain_deadline_exec)},
            {"retention_workload", std::to_string(l::retention_workload)},
            {"retention_total", std::to_string(l::retention_total)},
            {"relay_watch", in_milliseconds(l::relay_watch)},
            {"answer_doubt", in_milliseconds(l::answer_doubt)},
            {"redial_quiet", in_milliseconds(l::redial_quiet)},
            {"connect_at_restore", in_milliseconds(l::connect_at_restore)},
            {"connect_else", in_milliseconds(l::connect_else)},
            {"confirm", in_milliseconds(l::confirm)},
            {"spawn_gate", in_milliseconds(l::spawn_gate)},
            {"kill_grace", in_milliseconds(l::kill_grace)},
            {"shutdown_total", in_milliseconds(l::shutdown_total)},
            {"shutdown_kill", in_milliseconds(l::shutdown_kill)},
            {"shutdown_flush", in_milliseconds(l::shutdown_flush)},
            {"shutdown_unmount", in_milliseconds(l::shutdown_unmount)},
            {"device_wait", in_milliseconds(l::device_wait)},
            {"volumes", std::to_string(l::volumes)},
            {"header_read", in_milliseconds(l::header_read)},
            {"body_read", in_milliseconds(l::body_read)},
            {"idle_keep_alive", in_milliseconds(l::idle_keep_alive)},
            {"connections", std::to_string(l::connections)},
            {"http_header", std::to_string(l::http_header)},
            {"http_body", std::to_string(l::http_body)}};
}

std::map<std::string, std::string> restore_limits_of_the_code() {
    namespace l = limits;
    return {{"repair_step", in_milliseconds(l::repair_step)},
            {"network_interfaces", std::to_string(l::network_interfaces)},
            {"network_addresses", std::to_string(l::network_addresses)},
            {"network_routes", std::to_string(l::network_routes)},
            {"dns_names", std::to_string(l::dns_names)},
            {"prepare", in_milliseconds(l::prepare)},
            {"prepare_flush", in_milliseconds(l::prepare_flush)},
            {"prepare_longest", in_milliseconds(l::prepare_longest)},
            {"lease", in_milliseconds(l::lease)},
            {"lease_longest", in_milliseconds(l::lease_longest)},
            {"frozen_filesystems", std::to_string(l::frozen_filesystems)},
            {"interface_wait", in_milliseconds(l::interface_wait)},
            {"hotplug_step", in_milliseconds(l::hotplug_step)},
            {"hosts_entries", std::to_string(l::hosts_entries)},
            {"credential_bytes", std::to_string(l::credential_bytes)},
            {"hook", in_milliseconds(l::hook)},
            {"vmclock_poll", in_milliseconds(l::vmclock_poll)},
            {"mmds_poll", in_milliseconds(l::mmds_poll)},
            {"mmds_poll_least", in_milliseconds(l::mmds_poll_least)},
            {"mmds_poll_most", in_milliseconds(l::mmds_poll_most)},
            {"mmds_answer", in_milliseconds(l::mmds_answer)},
            {"mmds_document", in_milliseconds(l::mmds_document)},
            {"mmds_bytes", std::to_string(l::mmds_bytes)},
            {"mmds_keys", std::to_string(l::mmds_keys)}};
}

std::map<std::string, std::string> other_limits_of_the_code() {
    namespace l = limits;
    return {{"stream_write", in_milliseconds(l::stream_write)},
            {"stream_read", in_milliseconds(l::stream_read)},
            {"files_transfers", std::to_string(l::files_transfers)},
            {"tar_extension", std::to_string(l::tar_extension)},
            {"event_ring", std::to_string(l::event_ring)},
            {"event_ring_bytes", std::to_string(l::event_ring_bytes)},
            {"event_readers", std::to_string(l::event_readers)},
            {"output_readers", std::to_string(l::output_readers)},
            {"data_frame", std::to_string(l::data_frame)},
            {"control_frame", std::to_string(l::control_frame)},
            {"sessions", std::to_string(l::sessions)},
            {"captured_output", std::to_string(l::captured_output)},
            {"exec_window", std::to_string(l::exec_window)},
            {"sessions_remembered", std::to_string(l::sessions_remembered)},
            {"session_memory", in_milliseconds(l::session_memory)},
            {"ids_forgotten", std::to_string(l::ids_forgotten)},
            {"forwards", std::to_string(l::forwards)},
            {"reattach_grace", in_milliseconds(l::reattach_grace)},
            {"ack_bytes", std::to_string(l::ack_bytes)},
            {"ack_delay", in_milliseconds(l::ack_delay)}};
}

std::map<std::string, std::string> workload_limits_of_the_code() {
    namespace l = limits;
    return {{"restart_delay", in_milliseconds(l::restart_delay)},
            {"restart_delay_longest", in_milliseconds(l::restart_delay_longest)},
            {"restart_healthy", in_milliseconds(l::restart_healthy)},
            {"restart_window", in_milliseconds(l::restart_window)},
            {"ready", in_milliseconds(l::ready)},
            {"ready_interval", in_milliseconds(l::ready_interval)},
            {"ready_interval_least", in_milliseconds(l::ready_interval_least)},
            {"ready_probe", in_milliseconds(l::ready_probe)},
            {"notify", in_milliseconds(l::notify)},
            {"exit_report", in_milliseconds(l::exit_report)},
            {"exit_report_longest", in_milliseconds(l::exit_report_longest)},
            {"agent_memory_min", std::to_string(l::agent_memory_min)},
            {"agent_cpu_weight", std::to_string(l::agent_cpu_weight)}};
}

std::map<std::string, std::string> limits_of_the_code() {
    std::map<std::string, std::string> all = first_limits_of_the_code();
    all.merge(restore_limits_of_the_code());
    all.merge(other_limits_of_the_code());
    all.merge(workload_limits_of_the_code());
    return all;
}

std::map<std::string, std::string> limits_of_the_page() {
    std::istringstream in(readme());
    std::map<std::string, std::string> rows;
    bool inside = false;
    for (std::string line; std::getline(in, line);) {
        if (line.starts_with("## ")) inside = line == "## Limits";
        if (!inside || !line.starts_with("| ") || line.starts_with("| name ")) continue;
        const std::size_t second = line.find(" | ");
        const std::size_t third = line.find(" | ", second + 3);
        rows[line.substr(2, second - 2)] = line.substr(second + 3, third - second - 3);
    }
    return rows;
}

} // namespace

TEST_CASE("each example of the page is what the encoder writes", "[proto][readme]") {
    const std::vector<Example> all = examples();
    REQUIRE(all.size() >= 20);
    for (const Example& example : all) {
        INFO(example.type << " " << example.payload);
        REQUIRE(encode(example.header, example.payload) == example.wire);
    }
}

TEST_CASE("each example of the page is what the decoder reads", "[proto][readme]") {
    for (const Example& example : examples()) {
        INFO(example.type << " " << example.payload);
        FrameDecoder decoder;
        decoder.append(example.wire);
        const auto frame = decoder.next();
        REQUIRE(frame.value().has_value());
        REQUIRE((*frame)->header == example.header);
        REQUIRE((*frame)->payload == example.payload);
    }
}

TEST_CASE("each payload of the page is read and written again unchanged", "[proto][readme]") {
    for (const Example& example : examples()) {
        INFO(example.type << " " << example.payload);
        REQUIRE(rewritten(example) == example.payload);
    }
}

TEST_CASE("the page shows an example of every type of frame", "[proto][readme]") {
    std::map<FrameType, int> seen;
    for (const Example& example : examples())
        ++seen[example.header.type];
    REQUIRE(seen.size() == 17);
}

TEST_CASE("the table of limits of the page is that of the code", "[proto][readme]") {
    REQUIRE(limits_of_the_page() == limits_of_the_code());
}
