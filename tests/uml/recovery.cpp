#include "tests/uml/recovery.hpp"

#include "tests/support/command.hpp"
#include "tests/uml/exactly_once.hpp"
#include "tools/lab/places.hpp"

#include <catch2/catch_test_macros.hpp>

namespace rouse::uml {

namespace {

test::Said say(Rig& rig) {
    return test::run_command({lab::build_product("tools/rousectl").string(), "-H",
                              rig.endpoint().target(), "exec", "--", "/bin/rouse-payload", "say",
                              "out", "err", "5"},
                             recovery_deadline);
}

void check_said(const test::Said& said) {
    INFO(said.error);
    CHECK(said.status == 5);
    CHECK(said.output.starts_with("out"));
}

} // namespace

void check_output(Rig& rig, const std::string& generation) {
    for (const std::string_view stream : {"stdout", "stderr"}) {
        INFO(stream << " of " << generation);
        CHECK(compare(rig.collected(), generation, stream) == "");
    }
    CHECK(lost_bytes(rig.collected(), generation, "stdout") == 0);
}

void check_exec(Rig& rig) {
    check_said(say(rig));
}

void check_recovered(Rig& rig) {
    constexpr std::uint64_t enough = 64 * 1024;
    wait_growth(rig.collected(), rig.generation(), enough, recovery_deadline);
    check_output(rig, rig.generation());
    // A reset that the guest has not noticed yet takes fresh connections along until it does. The
    // collector may still have written bytes of before it, so that growth alone proves nothing.
    constexpr int no_answer = 125; // rousectl's own failure
    const auto deadline = std::chrono::steady_clock::now() + recovery_deadline;
    test::Said said = say(rig);
    while (said.status == no_answer && std::chrono::steady_clock::now() < deadline)
        said = say(rig);
    check_said(said);
}

bool dialled_since(Rig& rig, std::size_t first, std::uint32_t host_port) {
    for (const LogLine& line : rig.log(first))
        if (line.header && line.direction == Direction::from_guest &&
            line.header->op == Op::request && line.ports().host == host_port)
            return true;
    return false;
}

} // namespace rouse::uml
