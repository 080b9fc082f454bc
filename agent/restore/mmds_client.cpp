#include "agent/restore/mmds_client.hpp"

#include "agent/io/race.hpp"
#include "proto/limits.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace rouse::restore {

namespace limits = proto::limits;

using namespace std::string_view_literals;

using proto::MmdsVersion;

namespace {

constexpr std::string_view token_path = "/latest/api/token";

MmdsReading no_document(MmdsOutcome outcome, std::string why) {
    return {.outcome = outcome, .why = std::move(why)};
}

/// An answer came, but none that can be used: no HTTP, too long, no token.
bool is_nonsense(const sys::error_code& error) {
    return error == sys::error_from(EBADMSG) || error.category().name() == "beast.http"sv;
}

/// The reading that an answer without a document makes; nothing for one that has a body to look at.
std::optional<MmdsReading> failure(const sys::Result<io::HttpAnswer>& answer) {
    if (!answer)
        return no_document(is_nonsense(answer.error()) ? MmdsOutcome::unreadable
                                                       : MmdsOutcome::unreachable,
                           answer.error().message());
    if (answer->status == 200) return std::nullopt;
    if (answer->status == 404) return no_document(MmdsOutcome::nothing, "it has no document");
    return no_document(MmdsOutcome::unreadable, fmt::format("it answers {}", answer->status));
}

/// Whether the answer to a PUT says that this service knows no tokens.
bool is_version_one(const sys::Result<io::HttpAnswer>& answer) {
    return answer && (answer->status == 400 || answer->status == 404 || answer->status == 405 ||
                      answer->status == 501);
}

} // namespace

std::chrono::milliseconds mmds_pause(std::chrono::milliseconds before,
                                     std::chrono::milliseconds poll, MmdsOutcome outcome) {
    if (outcome != MmdsOutcome::unreachable) return poll;
    return std::min(before * 2, std::max(poll, proto::limits::mmds_poll_most));
}

MmdsClient::MmdsClient(io::Executor executor, proto::MmdsConfig config,
                       std::chrono::seconds token_life)
    : executor_(std::move(executor)), config_(std::move(config)), token_life_(token_life),
      version_(config_.version) {
    while (config_.path.size() > 1 && config_.path.ends_with('/'))
        config_.path.pop_back();
}

std::string_view MmdsClient::version() const {
    return proto::name(version_);
}

io::Awaitable<MmdsReading> MmdsClient::read() {
    bytes_left_ = limits::mmds_bytes;
    io::Awaitable<std::optional<MmdsReading>> timed =
        io::with_deadline(read_document(), limits::mmds_document);
    std::optional<MmdsReading> reading = co_await std::move(timed);
    if (!reading) co_return no_document(MmdsOutcome::unreachable, "it takes too long");
    co_return std::move(*reading);
}

io::Awaitable<MmdsReading> MmdsClient::read_document() {
    io::Awaitable<Answer> getting = get(config_.path);
    const Answer answer = co_await std::move(getting);
    if (std::optional<MmdsReading> failed = failure(answer)) co_return std::move(*failed);
    MmdsText text = read_mmds_text(answer->body);
    if (auto* document = std::get_if<proto::RestoreDocument>(&text))
        co_return MmdsReading{.outcome = MmdsOutcome::document, .document = std::move(*document)};
    if (const auto* problem = std::get_if<proto::Problem>(&text))
        co_return no_document(MmdsOutcome::unreadable, problem->message());
    io::Awaitable<MmdsReading> reading = read_members(std::get<MmdsKeys>(std::move(text)));
    co_return co_await std::move(reading);
}

/// One answer a member. The host may change the store in between, so the generation is asked for
/// again at the end.
io::Awaitable<MmdsReading> MmdsClient::read_members(MmdsKeys keys) {
    constexpr std::string_view generation = "generation";
    std::map<std::string, std::string> members;
    for (const std::string& key : keys) {
        io::Awaitable<Answer> getting = get(config_.path + "/" + key);
        Answer answer = co_await std::move(getting);
        if (std::optional<MmdsReading> failed = failure(answer)) {
            failed->why = fmt::format("\"{}\": {}", key, failed->why);
            if (failed->outcome == MmdsOutcome::nothing) failed->outcome = MmdsOutcome::unreadable;
            co_return std::move(*failed);
        }
        members.emplace(key, std::move(answer->body));
    }
    if (const auto first = members.find(std::string(generation)); first != members.end()) {
        io::Awaitable<Answer> getting = get(config_.path + "/" + std::string(generation));
        const Answer again = co_await std::move(getting);
        if (!again || again->body != first->second)
            co_return no_document(MmdsOutcome::unreadable, "the host is changing it");
    }
    proto::Parsed<proto::RestoreDocument> document = read_mmds_members(members);
    if (!document) co_return no_document(MmdsOutcome::unreadable, document.error().message());
    co_return MmdsReading{.outcome = MmdsOutcome::document, .document = std::move(*document)};
}

bool MmdsClient::needs_token() const {
    if (version_ == MmdsVersion::v1) return false;
    return token_.empty() || std::chrono::steady_clock::now() >= renew_at_;
}

io::Awaitable<MmdsClient::Answer> MmdsClient::get(std::string target) {
    for (int attempt = 0;; ++attempt) {
        if (needs_token()) {
            io::Awaitable<std::optional<Answer>> renewing = renew_token();
            std::optional<Answer> failed = co_await std::move(renewing);
            if (failed) co_return std::move(*failed);
        }
        io::HttpQuestion question{.target = target, .host = config_.address};
        question.headers.emplace("Accept", "application/json");
        if (!token_.empty()) question.headers.emplace("X-metadata-token", token_);
        io::Awaitable<Answer> asking = ask(std::move(question));
        Answer answer = co_await std::move(asking);
        if (!answer || answer->status != 401 || attempt > 0) co_return answer;
        // The token is none that this service has given out, or it wants one.
        token_.clear();
        if (config_.version == MmdsVersion::automatic) version_ = MmdsVersion::v2;
    }
}

/// Nothing, or the answer that ends the reading.
io::Awaitable<std::optional<MmdsClient::Answer>> MmdsClient::renew_token() {
    io::HttpQuestion question{
        .method = "PUT", .target = std::string(token_path), .host = config_.address};
    question.headers.emplace("X-metadata-token-ttl-seconds", std::to_string(token_life_.count()));
    const auto asked = std::chrono::steady_clock::now();
    io::Awaitable<Answer> asking = ask(std::move(question));
    Answer answer = co_await std::move(asking);
    token_.clear();
    if (config_.version == MmdsVersion::automatic && is_version_one(answer)) {
        version_ = MmdsVersion::v1;
        co_return std::nullopt;
    }
    if (!answer || answer->status != 200) co_return answer;
    if (!is_mmds_token(answer->body)) co_return sys::error_from(EBADMSG);
    if (config_.version == MmdsVersion::automatic) version_ = MmdsVersion::v2;
    token_ = std::move(answer->body);
    renew_at_ = asked + std::chrono::duration_cast<std::chrono::milliseconds>(token_life_) / 2;
    co_return std::nullopt;
}

io::Awaitable<MmdsClient::Answer> MmdsClient::ask(io::HttpQuestion question) {
    const io::InternetAddress address{config_.address, static_cast<std::uint16_t>(config_.port)};
    io::Awaitable<Answer> asking =
        io::ask(executor_, address, std::move(question),
                {.deadline = limits::mmds_answer, .body_limit = bytes_left_});
    Answer answer = co_await std::move(asking);
    if (answer) bytes_left_ -= answer->body.size();
    co_return answer;
}

} // namespace rouse::restore
