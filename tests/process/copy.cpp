// rousectl cp: the rules of docker cp, both ways, and nothing lost on the way.
#include "tests/process/agent.hpp"
#include "tools/lab/places.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <fmt/format.h>

using namespace rouse;
using Catch::Matchers::ContainsSubstring;
using test::Agent;
using test::AgentPlace;
using test::payload;

namespace {

const std::vector<std::string> copied_workload = payload({"tell-signals"});

/// Runs a script with `$cp` as rousectl cp, in a directory with a tree to copy, `there` as a place
/// of the guest, and `here` as one of ours.
test::Said in_copy_place(const Agent& agent, const AgentPlace& place, const std::string& script) {
    const std::string rousectl = lab::build_product("tools/rousectl").string();
    const std::string preparation = R"(set -e
mkdir tree tree/sub there here
echo content > tree/file
printf 'spaced' > 'tree/a name with spaces'
ln -s file tree/link
ln tree/file tree/hard
chmod 640 tree/file; chmod 750 tree/sub
touch -d '2001-02-03 04:05:06.789' tree/file tree/sub
truncate -s 30M tree/sparse; printf end >> tree/sparse
ln -s tree to-tree
)";
    return test::run_command({"/bin/bash", "-c",
                              fmt::format("cd '{}'; cp='{} -H {} cp'; here=$PWD/here; "
                                          "there=:$PWD/there; there_path=$PWD/there\n{}{}",
                                          place.folder().string(), rousectl,
                                          agent.endpoint().target(), preparation, script)},
                             test::patience);
}

} // namespace

TEST_CASE("a tree goes to the guest and comes back as it was", "[copy][process]") {
    const AgentPlace place;
    const Agent agent(place, copied_workload);
    const auto said = in_copy_place(agent, place, R"(
$cp tree $there
$cp $there/tree $here/
list() { (cd $1 && find . -printf '%p %y %m %l %s %T+\n' | sort); }
diff -r tree here/tree
diff <(list tree) <(list here/tree)
[ $(stat -c %b here/tree/sparse) -lt 10000 ] && [ $(stat -c %b there/tree/sparse) -lt 10000 ]
[ there/tree/file -ef there/tree/hard ] && [ here/tree/file -ef here/tree/hard ]
echo same)");
    CHECK(said.error.empty());
    CHECK(said.output == "same\n");
}

TEST_CASE("where a copy goes follows docker's rules", "[copy][process]") {
    const AgentPlace place;
    const Agent agent(place, copied_workload);
    const auto said = in_copy_place(agent, place, R"(
$cp tree/file $there;           cat there/file
$cp tree/file $there/new;       cat there/new
echo other > other; $cp other $there/new; cat there/new
$cp tree $there/made;           cat there/made/file
$cp tree/. $there/made2;        cat there/made2/file
mkdir there/old; $cp tree/. $there/old; cat there/old/file
$cp to-tree $there;             readlink there/to-tree
$cp -L to-tree $there/followed; cat there/followed/file
$cp $there/file $here;          cat here/file
$cp $there/file $here/new;      cat here/new
$cp $there/made $here/made;     cat here/made/file
$cp $there/made/. $here/made2;  cat here/made2/file
mkdir here/old; $cp $there/made/. $here/old; cat here/old/file)");
    CHECK(said.error.empty());
    CHECK(said.output == "content\ncontent\nother\ncontent\ncontent\ncontent\ntree\ncontent\n"
                         "content\ncontent\ncontent\ncontent\ncontent\n");
}

TEST_CASE("a dash is a tar archive", "[copy][process]") {
    const AgentPlace place;
    const Agent agent(place, copied_workload);
    const auto said = in_copy_place(agent, place, R"(
tar c tree | $cp - $there
$cp $there/tree - | tar t | sort)");
    CHECK(said.error.empty());
    CHECK(said.output == "tree/\ntree/a name with spaces\ntree/file\ntree/hard\ntree/link\n"
                         "tree/sparse\ntree/sub/\n");
}

TEST_CASE("a copy that cannot be says why, and what it is about", "[copy][process]") {
    const AgentPlace place;
    const Agent agent(place, copied_workload);
    const std::vector<std::pair<std::string, std::string>> cases{
        {"$cp nothing $there", "there is no 'nothing'"},
        {"$cp $there/nothing $here", "No such file or directory"},
        {"$cp tree/file $there/no/such/place", "No such file or directory"},
        {"$cp $there $here/no/such/place", "there is no directory"},
        {"$cp tree here", "begins with ':'"},
        {"$cp $there $there", "begins with ':'"},
        {"$cp tree :relative", "begins with ':/'"},
        {"$cp tree $there_path/../tree/file || $cp tree :$there_path/../tree/file", "file"},
        {"head -c 1000 /dev/urandom | $cp - $there", "archive"},
        {"$cp tree $there; $cp $there/tree $here/file 2>/dev/null; touch here/f; $cp $there/tree "
         "$here/f",
         "is no directory, and the source is one"},
    };
    for (const auto& [script, why] : cases) {
        const AgentPlace scratch;
        const auto said = in_copy_place(agent, scratch, script);
        INFO(script);
        CHECK(said.status != 0);
        CHECK_THAT(said.error, ContainsSubstring(why));
    }
}

TEST_CASE("an archive that leads outside is refused on this side, too", "[copy][process]") {
    const AgentPlace place;
    const Agent agent(place, copied_workload);
    // A link in the guest that points here would lead the file behind it out of the place.
    const auto said = in_copy_place(agent, place, R"(
mkdir there/trap outside
ln -s $PWD/outside here/link
mkdir there/trap/link; echo bad > there/trap/link/file
$cp $there/trap/. $here || true
ls outside)");
    CHECK(said.output.empty());
}
