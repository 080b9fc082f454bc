// rousectl status: what the agent says about itself.
#include "proto/fields.hpp"
#include "tools/host/http_client.hpp"
#include "tools/rousectl/session.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <memory>

namespace rouse::ctl {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;

std::string plain(const json::value& value) {
    return value.is_string() ? std::string(value.get_string()) : json::serialize(value);
}

/// "workload.state   running", one line for each value.
void flatten(const std::string& path, const json::value& value, std::string& text) {
    if (value.is_object() && !value.get_object().empty()) {
        for (const auto& member : value.get_object()) {
            const std::string key(member.key());
            flatten(path.empty() ? key : path + "." + key, member.value(), text);
        }
    } else if (value.is_array() && !value.get_array().empty()) {
        std::size_t index = 0;
        for (const json::value& element : value.get_array())
            flatten(fmt::format("{}[{}]", path, index++), element, text);
    } else {
        text += fmt::format("{:<32} {}\n", path, plain(value));
    }
}

int status(const host::Target& target, bool as_json) {
    boost::asio::io_context io{1};
    host::Dialer dialer(io.get_executor(), target);
    const host::HttpQuestion question{
        .method = "GET", .path = "/v1/status", .body = {}, .upgrade = {}};
    const auto answer =
        run_to_end(io, host::http_ask(dialer, question, host::Clock::now() + answer_limit));
    if (!answer) {
        complain(answer.error().message);
        return own_error;
    }
    const auto document = proto::parse_json(answer->body);
    if (answer->status != 200 || !document) {
        complain(fmt::format("'{}': status: {}", target.text(), describe_answer(*answer)));
        return own_error;
    }
    std::string text = answer->body + "\n";
    if (!as_json) {
        text.clear();
        flatten("", *document, text);
    }
    (void)print(1, text); // a reader that has gone wants no more
    return 0;
}

} // namespace

void add_status(CLI::App& app, const Common& common, Command& chosen) {
    auto* command =
        app.add_subcommand("status", "Prints what the guest's agent says about itself.");
    const auto as_json = std::make_shared<bool>(false);
    command->add_flag("--json", *as_json, "As the agent sent it");
    command->callback([&common, &chosen, as_json] {
        chosen = [&common, as_json] { return status(target_of(common), *as_json); };
    });
}

} // namespace rouse::ctl
