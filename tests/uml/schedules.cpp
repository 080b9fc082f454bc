// Random schedules of faults while output flows, each under the behaviour of a random VMM: whatever
// comes in whatever order, the host has exactly what was written.
//
// A schedule follows from its seed; ROUSE_SEED=N runs that one alone.
#include "tests/support/wait.hpp"
#include "tests/uml/exactly_once.hpp"
#include "tests/uml/frame_tracker.hpp"
#include "tests/uml/recovery.hpp"

#include <catch2/catch_test_macros.hpp>
#include <fmt/format.h>

#include <atomic>
#include <charconv>
#include <cstdlib>
#include <memory>
#include <optional>
#include <random>

using namespace rouse;
using std::chrono::milliseconds;
using uml::Direction;
using uml::Drain;
using uml::Packet;
using uml::Rig;
using uml::Verdict;
using uml::Vmm;

namespace {

/// What a script has done so far; shared with the VMM's thread, which alone writes it.
struct Progress {
    std::atomic<unsigned> in_frame{0}; ///< restores that cut a frame in two
};

class Schedule {
public:
    Schedule(Rig& rig, unsigned seed, std::shared_ptr<Progress> progress)
        : rig_(rig), random_(seed), progress_(std::move(progress)) {}

    void run() {
        const uml::Profile profile = uml::profiles.at(pick(0, uml::profiles.size() - 1));
        tell(std::string(profile.name));
        rig_.vmm([&](Vmm& vmm) { vmm.set_profile(profile); });
        restore_in_frame();
        for (unsigned fault = 0; fault < 2; ++fault) {
            one_fault();
            uml::wait_growth(rig_.collected(), rig_.generation(), pick(1, 100000),
                             uml::recovery_deadline);
        }
        rig_.be_kind();
    }

private:
    unsigned pick(std::size_t low, std::size_t high) {
        return static_cast<unsigned>(low + random_() % (high - low + 1));
    }
    milliseconds pick_time() { return milliseconds(pick(10, 250)); }

    void one_fault() {
        switch (pick(0, 6)) {
        case 0:
        case 1:
            return restore_in_frame();
        case 2:
            return abort_output();
        case 3:
            return mute();
        case 4:
            return read_slowly();
        case 5:
            return answer_late();
        default:
            return move();
        }
    }

    /// Restores behind a packet that leaves a frame unfinished; the packet arrives, or is lost too.
    void restore_in_frame() {
        unsigned packets = pick(1, 60);
        const Verdict last = pick(0, 1) == 0 ? Verdict::deliver : Verdict::swallow;
        tell(fmt::format("restore in a frame after {} packets", packets));
        auto tracker = std::make_shared<uml::FrameTracker>(uml::output_port);
        const unsigned before = progress_->in_frame;
        rig_.set_script([tracker, packets, last, progress = progress_](
                            Vmm& vmm, Direction direction, const Packet& packet) mutable {
            if (direction == Direction::to_guest || packets == 0) return Verdict::deliver;
            if (!tracker->unfinished_behind(packet) || --packets > 0) return Verdict::deliver;
            // On the spot, the packet and all that follows it belong to a connection of the past.
            const auto cut = [&vmm, progress] {
                vmm.restore();
                ++progress->in_frame;
            };
            if (last == Verdict::swallow)
                cut();
            else
                vmm.after(milliseconds(0), cut);
            return last;
        });
        test::wait_until([&] { return progress_->in_frame > before; },
                         [] { return std::string("no frame was cut"); }, uml::recovery_deadline);
    }

    void abort_output() {
        tell("RST");
        rig_.vmm([](Vmm& vmm) { vmm.abort_connections(uml::output_port); });
    }

    void mute() {
        const auto time = pick_time();
        tell(fmt::format("mute for {} ms", time.count()));
        rig_.vmm([&](Vmm& vmm) { vmm.mute_for(time); });
    }

    void read_slowly() {
        const Drain drain = pick(0, 1) == 0 ? Drain::withheld()
                                            : Drain::slow(pick(1, 8192), milliseconds(pick(1, 20)));
        const auto time = pick_time();
        tell(fmt::format("{} bytes at a time for {} ms", drain.bytes, time.count()));
        rig_.vmm([&](Vmm& vmm) {
            vmm.drain(uml::output_port, drain);
            vmm.after(time, [&vmm] { vmm.drain(uml::output_port, Drain::at_once()); });
        });
    }

    /// Each answer to a guest that dials comes late, and then a reset.
    void answer_late() {
        const auto time = pick_time();
        tell(fmt::format("answers late by {} ms", time.count()));
        rig_.set_script([time](Vmm& vmm, Direction direction, const Packet& packet) {
            if (direction == Direction::from_guest || !packet.is(uml::Op::response))
                return Verdict::deliver;
            vmm.after(time, [&vmm] { vmm.release_held(); });
            return Verdict::hold;
        });
        rig_.vmm([](Vmm& vmm) { vmm.restore(); });
    }

    void move() {
        tell("another CID");
        rig_.vmm([](Vmm& vmm) {
            // Without the event the guest never learns of it: no VMM does that.
            if (vmm.profile().notice != uml::Profile::Notice::silence &&
                vmm.profile().notice != uml::Profile::Notice::rst)
                vmm.restore(vmm.cid() + 1);
        });
    }

    /// So that the log of a failure tells what was done.
    void tell(const std::string& fault) {
        rig_.vmm([&](Vmm& vmm) { vmm.log().happened("schedule: " + fault); });
    }

    Rig& rig_;
    std::mt19937_64 random_;
    std::shared_ptr<Progress> progress_;
};

/// The one seed that is asked for; 0 for all.
unsigned wanted_seed() {
    const char* const text = std::getenv("ROUSE_SEED");
    unsigned seed = 0;
    if (text != nullptr) (void)std::from_chars(text, text + std::string_view(text).size(), seed);
    return seed;
}

/// Few schedules for each guest: all that it has written is compared after each of them.
void run_schedules(unsigned first, unsigned last) {
    constexpr unsigned for_each_guest = 5;
    const auto progress = std::make_shared<Progress>();
    std::optional<Rig> rig;
    for (unsigned seed = first; seed <= last; ++seed) {
        if (wanted_seed() != 0 && wanted_seed() != seed) continue;
        INFO("seed " << seed);
        if (!rig || (seed - first) % for_each_guest == 0) {
            rig.emplace(uml::RigOptions{});
            rig->wait_ready();
        }
        Schedule(*rig, seed, progress).run();
        uml::check_recovered(*rig);
    }
    CHECK((wanted_seed() != 0 || progress->in_frame >= last - first + 1));
}

} // namespace

TEST_CASE("25 random schedules of faults lose and repeat nothing", "[uml][schedules]") {
    run_schedules(1, 25);
}

TEST_CASE("25 more random schedules of faults lose and repeat nothing", "[uml][schedules]") {
    run_schedules(26, 50);
}
