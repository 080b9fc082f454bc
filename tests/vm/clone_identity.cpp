#include "tests/vm/clone_identity.hpp"

#include "tools/lab/identity.hpp"

#include <boost/json/array.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <fmt/format.h>

using Catch::Matchers::ContainsSubstring;

namespace rouse::test {

CloneIdentity::CloneIdentity(unsigned number)
    : hostname(fmt::format("clone-{}", number)), machine_id(lab::random_machine_id()),
      mac(fmt::format("52:54:00:0a:00:{:02x}", number)),
      address(fmt::format("10.9.0.{}/24", number)) {}

boost::json::object CloneIdentity::document() const {
    namespace json = boost::json;
    const json::array routes{json::object{{"to", "default"}, {"via", "10.9.0.254"}}};
    const json::object card{{"interface", "eth0"},
                            {"mac", mac},
                            {"mtu", 1400},
                            {"addresses", json::array{json::value(address)}},
                            {"routes", routes}};
    return {{"hostname", hostname},
            {"machine_id", machine_id},
            {"network", json::array{json::value(card)}}};
}

void CloneIdentity::check(const Endpoint& endpoint) const {
    const std::string script = "hostname; cat /etc/machine-id /sys/class/net/eth0/address "
                               "/sys/class/net/eth0/mtu; ip -4 -o addr show eth0; ip -4 route";
    const auto said = exec(endpoint, {"sh", "-c", script});
    INFO(said.out.bytes << said.err.bytes);
    CHECK_THAT(said.out.bytes,
               ContainsSubstring(fmt::format("{}\n{}\n{}\n1400\n", hostname, machine_id, mac)) &&
                   ContainsSubstring(address) &&
                   ContainsSubstring("default via 10.9.0.254 dev eth0"));
    CHECK(said.out.bytes.find("inet ") == said.out.bytes.rfind("inet "));
}

} // namespace rouse::test
