#include "tools/host/collector.hpp"

#include "proto/text.hpp"
#include "tools/host/link_session.hpp"
#include "tools/host/output_session.hpp"
#include "tools/host/timestamp.hpp"

#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace rouse::host {
namespace {

/// Without what would move the cursor of a person's terminal: some of it is the guest's words.
std::string printable(std::string line) {
    std::replace_if(
        line.begin(), line.end(),
        [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; }, '?');
    return line;
}

} // namespace

Collector::Collector(Executor executor, Target target, CollectorOptions options, Disk& disk)
    : dialer_(executor, std::move(target)), options_(std::move(options)), disk_(disk),
      directory_(options_.output / options_.name),
      events_(std::make_shared<EventLog>(directory_, options_.events_limit)),
      seats_(std::move(executor)) {}

Awaitable<> Collector::serve_link(Socket socket) {
    LinkSession session(*this, std::move(socket));
    co_await session.run();
}

Awaitable<> Collector::serve_output(Socket socket) {
    OutputSession session(*this, std::move(socket));
    co_await session.run();
}

Collector::Served::Served(Collector& collector, FrameStream& stream)
    : collector_(collector), stream_(stream) {
    collector_.streams_.insert(&stream_);
    if (collector_.stopping_) stream_.close();
}

void Collector::stop() {
    stopping_ = true;
    for (FrameStream* stream : streams_)
        stream->close();
}

Awaitable<Outcome<>> Collector::believe(Claim claim, std::string nonce) {
    const bool known = proven_ && proven_->boot_id == claim.boot_id &&
                       proven_->epoch == claim.epoch &&
                       proto::equal_constant_time(proven_->link_key, claim.link_key);
    // A link's hello asks for a probe with its nonce; output is believed on what the probe said.
    if (known && nonce.empty()) co_return Outcome<>();
    if (nonce.empty()) nonce = random_nonce();
    auto ready = co_await probe(dialer_, nonce, Clock::now() + proto::limits::confirm);
    if (!ready) co_return ready.error();
    const Outcome<> verified = verify(*ready, claim);
    if (!verified)
        co_return Failure(fmt::format("'{}': {}", target().text(), verified.error().message));
    proven_ = std::move(claim);
    co_return Outcome<>();
}

bool Collector::finished() const {
    return std::includes(ended_.begin(), ended_.end(), expected_.begin(), expected_.end()) &&
           (workload_ended_ || !seats_.taken("link"));
}

Awaitable<Outcome<>> Collector::log(std::string type, boost::json::object body) {
    body["time"] = timestamp(std::chrono::system_clock::now());
    body["type"] = type;
    Disk::Work work;
    if (options_.pipe)
        work = [pipe = options_.pipe,
                record = form_of(options_.format).encode_event(options_.name, body)] {
            return pipe->write(record);
        };
    else
        work = [events = events_, line = boost::json::serialize(body) + "\n"] {
            return events->append(line);
        };
    const Outcome<> written = co_await disk_.run(std::move(work));
    if (!written) notice(written.error().message);
    co_return written;
}

Awaitable<> Collector::log_refusal(std::string type, std::string message) {
    const std::uint64_t count = reception_.count_refusal(Clock::now());
    if (count == 0) co_return;
    const std::string text =
        count == 1 ? message : fmt::format("{} (the last of {})", message, count);
    notice(text);
    boost::json::object body{{"message", message}, {"count", count}};
    (void)co_await log(std::move(type), std::move(body)); // a failure was said
}

Awaitable<Outcome<proto::RestoreDocument>> Collector::document_for(std::string generation) {
    struct Found {
        proto::RestoreDocument document;
        bool known = false;
    };
    const auto found = std::make_shared<Found>();
    const Disk::Work work = [found, place = options_.restore_document, name = options_.name,
                             directory = directory_]() -> Outcome<> {
        auto document = read_restore_document(place, name);
        if (!document) return document.error();
        std::error_code ignored; // what cannot be seen cannot be continued either
        if (document->generation)
            found->known = std::filesystem::exists(directory / *document->generation, ignored);
        found->document = std::move(*document);
        return {};
    };
    const Outcome<> done = co_await disk_.run(work);
    if (!done) co_return done.error();
    const bool written = found->document.generation.has_value();
    auto answer =
        ledger_.hand_out(std::move(found->document), generation, found->known && !options_.pipe);
    if (answer && written && !answer->generation)
        notice("the restore document names a generation that was given away before: ignored");
    co_return answer;
}

Awaitable<Outcome<OpenedStore>> Collector::open_stream(StreamIdentity identity,
                                                       std::uint64_t next) {
    if (options_.pipe) {
        OpenedStore opened;
        opened.store = std::make_unique<PipeStore>(options_.pipe, options_.format, identity);
        co_return opened;
    }
    StorePlace place;
    place.directory = directory_ / identity.generation;
    place.next = next;
    place.format = options_.format;
    place.durable = options_.durable;
    if (options_.format == Format::raw) {
        std::erase_if(arrivals_, [](const auto& entry) { return entry.second.expired(); });
        std::weak_ptr<Arrivals>& shared = arrivals_[identity.generation];
        place.arrivals = shared.lock();
        if (!place.arrivals) place.arrivals = std::make_shared<Arrivals>(place.directory);
        shared = place.arrivals;
    }
    place.identity = std::move(identity);
    auto opened = std::make_shared<OpenedStore>();
    const Disk::Work work = [place, opened]() -> Outcome<> {
        auto result = open_store(place);
        if (!result) return result.error();
        *opened = std::move(*result);
        return {};
    };
    const Outcome<> done = co_await disk_.run(work);
    if (!done) co_return done.error();
    co_return std::move(*opened);
}

void Collector::notice(const std::string& line) const {
    if (options_.on_notice)
        options_.on_notice(printable(fmt::format("{}: {}", options_.name, line)));
}

void Collector::progress() const {
    if (on_progress_) on_progress_();
}

} // namespace rouse::host
