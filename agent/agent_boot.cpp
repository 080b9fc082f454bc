// The boot document: what a host that is only there when the agent runs has to say about the
// workload.

#include "agent/agent.hpp"
#include "agent/io/race.hpp"
#include "agent/restore/mmds_client.hpp"

#include <fmt/format.h>

#include <utility>

namespace rouse {

bool Agent::waits_for_boot() const {
    return !workload_begun_ && options_.add_boot_document && options_.has_host &&
           options_.config.boot != proto::BootSource::file;
}

void Agent::wait_for_boot() {
    const bool mmds = options_.config.boot == proto::BootSource::mmds;
    log_.info(
        fmt::format("waiting for the boot document of the {}", mmds ? "metadata service" : "host"));
    if (mmds) tasks_.keep("boot document", [this] { return read_boot_from_mmds(); });
}

/// One that is wrong is said and waited for anew; one that comes when the workload has begun is
/// that of a link that was lost since, and says nothing new.
void Agent::take_boot_document(const std::string& document, const std::string& source) {
    if (!waits_for_boot() || ending_) return;
    boot::LoadedConfig loaded = options_.add_boot_document(document, source);
    for (const std::string& error : loaded.errors)
        log_.error(error);
    for (const std::string& warning : loaded.warnings)
        log_.warn(warning);
    record(Audience::host, "boot_document",
           {{"source", source},
            {"taken", loaded.errors.empty()},
            {"errors", boost::json::value_from(loaded.errors)},
            {"warnings", boost::json::value_from(loaded.warnings)}});
    if (!loaded.errors.empty()) return;
    const proto::BootSource boot = options_.config.boot;
    options_.config = std::move(loaded.config);
    options_.config.boot = boot;
    workload_.configure();
    workload_begun_ = true;
    // What brought it may be a restore, which has to end before anything runs.
    workload_.begin(options_.is_vm ? "/run/rouse" : "", WorkloadService::FirstRun::when_allowed);
}

io::Awaitable<> Agent::read_boot_from_mmds() {
    const proto::MmdsConfig config = options_.config.restore.mmds;
    restore::MmdsClient client(context_.get_executor(), config);
    std::chrono::milliseconds pause = config.poll;
    std::string refused; // It may lie there for ever; what is wrong with it is told once.
    while (waits_for_boot()) {
        io::Awaitable<restore::MmdsReading> reading = client.read();
        const restore::MmdsReading read = co_await std::move(reading);
        const std::string& document = read.document.config;
        if (!document.empty() && document != refused)
            take_boot_document(document, "boot document of the metadata service");
        if (!waits_for_boot()) co_return;
        if (read.outcome == restore::MmdsOutcome::document) refused = document;
        pause = restore::mmds_pause(pause, config.poll, read.outcome);
        io::Awaitable<> pausing = io::expire(pause);
        co_await std::move(pausing);
    }
}

} // namespace rouse
