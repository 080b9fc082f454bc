#include "tests/uml/rig.hpp"

#include "initramfs/file.hpp"
#include "tests/support/wait.hpp"
#include "tools/lab/guest.hpp"
#include "tools/lab/identity.hpp"
#include "tools/lab/places.hpp"

#include <boost/json.hpp>
#include <catch2/reporters/catch_reporter_event_listener.hpp>
#include <catch2/reporters/catch_reporter_registrars.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <exception>
#include <iostream>
#include <memory>

#include <unistd.h>

namespace rouse::uml {
namespace {

/// The rigs that stand, for whoever reports a failure.
std::vector<Rig*>& standing() {
    static std::vector<Rig*> rigs;
    return rigs;
}

std::string_view last_lines(std::string_view text, std::size_t count) {
    std::size_t at = text.size();
    for (std::size_t seen = 0; at > 0; --at)
        if (text[at - 1] == '\n' && seen++ == count) break;
    return text.substr(at);
}

std::unique_ptr<Rig>& shared_rig() {
    static std::unique_ptr<Rig> rig;
    return rig;
}

/// Shows what failed while it can be seen: a CHECK that fails goes on, and an exception has
/// destroyed the test's own rig by the time it is reported.
class Witness : public Catch::EventListenerBase {
public:
    using EventListenerBase::EventListenerBase;
    void assertionEnded(const Catch::AssertionStats& stats) override {
        if (stats.assertionResult.isOk()) return;
        for (Rig* rig : standing())
            rig->print();
    }
    void testCaseEnded(const Catch::TestCaseStats& stats) override {
        if (!stats.totals.assertions.allOk()) shared_rig().reset();
    }
    /// Here, and not somewhere after main.
    void testRunEnded(const Catch::TestRunStats&) override { shared_rig().reset(); }
};

} // namespace

CATCH_REGISTER_LISTENER(Witness)

std::vector<std::string> payload(std::vector<std::string> words) {
    words.insert(words.begin(), "/bin/rouse-payload");
    return words;
}

std::string workload_config(const std::vector<std::string>& words, std::string_view on_exit,
                            std::string_view send) {
    namespace json = boost::json;
    json::object config{{"on_exit", on_exit},
                        {"output", {{"send", send}, {"stdout", {{"policy", "block"}}}}}};
    if (!words.empty()) config["workload"] = {{"argv", json::value_from(payload(words))}};
    return json::serialize(config);
}

Rig::Rig(const RigOptions& options)
    : endpoint_(test::Endpoint::guest("unix:" + (folder_.path() / "v.sock").string())) {
    // An interrupt for a guest that has just ended is a write to a pipe without a reader.
    (void)std::signal(SIGPIPE, SIG_IGN); // cannot fail
    const std::filesystem::path image = folder_.path() / "image";
    write_image(image, options.config);
    vmm_.emplace(loop_.get_executor(), folder_.path(), options.profile);
    vmm_->set_script(options.script);
    thread_ = std::thread([this] { run_loop(); });
    standing().push_back(this);
    try {
        if (options.collect) start_collector(options.generation);
        machine_.emplace(folder_.path(), image);
    } catch (...) {
        // The destructor does not run for what was never made.
        standing().pop_back();
        vmm([](Vmm& vmm) { vmm.stop(); });
        work_.reset();
        thread_.join();
        throw;
    }
}

// NOLINTNEXTLINE(bugprone-exception-escape): what cannot be ended ends the test program.
Rig::~Rig() {
    if (std::uncaught_exceptions() > exceptions_) print();
    std::erase(standing(), this);
    machine_.reset();
    collector_.reset();
    vmm([](Vmm& vmm) { vmm.stop(); });
    work_.reset();
    thread_.join();
}

void Rig::start_collector(const std::string& generation) {
    std::vector<std::string> more;
    if (!generation.empty()) {
        initramfs::write_file(document(),
                              boost::json::serialize(lab::restore_document(generation)));
        more = {"--restore-document", document().string()};
    }
    collector_.emplace(endpoint_.target(), folder_.path() / "collected", std::move(more));
}

Rig& Rig::shared() {
    std::unique_ptr<Rig>& rig = shared_rig();
    if (rig && !rig->machine().alive()) rig.reset();
    if (!rig) {
        rig = std::make_unique<Rig>(RigOptions{});
        rig->wait_ready();
    }
    rig->be_kind();
    return *rig;
}

void Rig::be_kind() {
    vmm([](Vmm& vmm) {
        vmm.set_script({});
        vmm.set_profile(qemu);
        vmm.set_mute(false);
        vmm.release_held();
        for (const std::uint32_t port : {4001U, 4002U})
            vmm.drain(port, Drain::at_once());
    });
}

void Rig::run_loop() {
    for (;;) {
        try {
            loop_.run();
            return;
        } catch (const std::exception& error) {
            // What it threw is in the log; the guest goes on, and the test finds out.
            vmm_->log().happened(fmt::format("escaped from the loop: {}", error.what()));
        }
    }
}

void Rig::wait_ready() {
    const auto describe = [&] { return "the guest is not ready:\n" + machine_->console().tail(); };
    const auto answers = [&] {
        if (!machine_->alive()) throw std::runtime_error(describe());
        const auto status = lab::http_get_status(endpoint_.target(), "/v1/status",
                                                 lab::Deadline(std::chrono::seconds(2)));
        return status == 200;
    };
    test::wait_until(answers, describe, std::chrono::minutes(1));
    if (!collector_) return;
    for (const std::string_view stream : {"stdout", "stderr"})
        (void)collected().wait_event("output_connected", [&](const test::Event& event) {
            return event.at("stream") == boost::json::value(stream);
        });
}

void Rig::set_script(Script script) {
    vmm([&](Vmm& vmm) { vmm.set_script(std::move(script)); });
}

std::vector<LogLine> Rig::log(std::size_t first) {
    return vmm([&](Vmm& vmm) { return vmm.log().since(first); });
}

std::size_t Rig::log_size() {
    return vmm([](Vmm& vmm) { return vmm.log().size(); });
}

std::string Rig::generation() const {
    std::string newest;
    for (const test::Event& event : collected().events())
        if (event.at("type") == boost::json::value("output_connected"))
            newest = boost::json::value_to<std::string>(event.at("generation"));
    if (newest.empty()) throw std::runtime_error("no output was ever connected");
    return newest;
}

void Rig::print() {
    if (printed_) return;
    printed_ = true;
    const auto whole = std::filesystem::temp_directory_path() /
                       fmt::format("rouse-uml-{}.log", static_cast<long>(getpid()));
    const std::string packets = vmm([](Vmm& vmm) { return vmm.log().tail(vmm.log().size()); });
    initramfs::write_file(whole, packets);
    std::cerr << "---- the last packets of the guest, in ms; all of them: " << whole.string()
              << " ----\n"
              << last_lines(packets, 200) << "---- its console ----\n"
              << (machine_ ? machine_->console().tail(40) : "  | it was not started\n");
}

} // namespace rouse::uml
