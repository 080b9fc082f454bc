// A spawner with cgroups, as the agent has them, for tests that need a cgroup v2 to change.
#pragma once

#include "agent/io/blocking.hpp"
#include "agent/supervise/cgroups.hpp"
#include "agent/sys/proc.hpp"
#include "tests/unit/supervise_rig.hpp"

#include <catch2/catch_test_macros.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include <sys/prctl.h>
#include <unistd.h>

namespace rouse::test {

inline proto::Command shell_command(const std::string& script) {
    return {.argv = {"/bin/sh", "-c", script}, .env = {}, .cwd = "/", .user = ""};
}

inline supervise::BlockingAccess access_to(io::Blocking& blocking) {
    return {.run =
                [&blocking](std::string name, std::chrono::milliseconds deadline,
                            std::function<void()> call) {
                    return blocking.run(std::move(name), deadline, std::move(call));
                },
            .post = [&blocking](std::function<void()> call) { blocking.post(std::move(call)); }};
}

/// A spawner with cgroups, as the agent has them; orphans come to this process, as to PID 1.
struct CgroupRig : SuperviseRig {
    CgroupRig() {
        REQUIRE(::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0);
        if (const auto opened = cgroups.open(fmt::format("rouse-unit-{}", ::getpid())); !opened)
            SKIP("there is no cgroup v2 that this test may change: " << opened.error().message());
    }
    ~CgroupRig() { (void)::prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0); }
    CgroupRig(const CgroupRig&) = delete;
    CgroupRig& operator=(const CgroupRig&) = delete;

    void begin(const std::string& script, const std::string& session,
               std::optional<supervise::StartResult>& result, proto::CgroupLimits limits = {}) {
        proto::Command command = shell_command(script);
        command.attributes.cgroup = limits;
        boost::asio::co_spawn(io, grouped.start(command, {}, session),
                              [&](const std::exception_ptr&, supervise::StartResult started) {
                                  result.emplace(std::move(started));
                              });
    }

    supervise::StartResult start_grouped(const std::string& script, const std::string& session,
                                         proto::CgroupLimits limits = {}) {
        std::optional<supervise::StartResult> result;
        begin(script, session, result, limits);
        REQUIRE(run_until(io, [&] { return result.has_value(); }));
        return std::move(*result);
    }

    supervise::Child child_of(const std::string& script, const std::string& session) {
        auto started = start_grouped(script, session);
        if (const auto* const failure = std::get_if<proto::SpawnFailure>(&started))
            FAIL(failure->stage << ": " << failure->message);
        return std::get<supervise::Child>(std::move(started));
    }

    [[nodiscard]] std::vector<std::string> groups() const {
        std::vector<std::string> names;
        for (const auto& entry : std::filesystem::directory_iterator(cgroups.directory()))
            if (entry.is_directory()) names.push_back(entry.path().filename());
        return names;
    }

    [[nodiscard]] std::size_t members(const std::string& group) const {
        const auto text =
            sys::read_file(fmt::format("{}/{}/cgroup.procs", cgroups.directory(), group));
        return text ? static_cast<std::size_t>(std::count(text->begin(), text->end(), '\n')) : 0;
    }

    bool run(const std::function<bool()>& until) { return watch_until(io, until); }

    sys::BlockingCalls calls;
    io::Blocking blocking{io.get_executor(), calls};
    supervise::Cgroups cgroups{io.get_executor(), access_to(blocking)};
    supervise::Spawner grouped{reaper, io.get_executor(), &cgroups};
};

} // namespace rouse::test
