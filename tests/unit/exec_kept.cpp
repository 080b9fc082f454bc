// What is kept of the outputs of a session.

#include "agent/exec/session_output.hpp"

#include <catch2/catch_test_macros.hpp>

using namespace rouse;
using exec::KeptBytes;
using exec::SessionOutput;
using Keep = exec::SessionOutput::Keep;

TEST_CASE("bytes are kept between two offsets, whatever pieces they came in", "[exec][session]") {
    KeptBytes kept;
    std::string whole;
    for (unsigned i = 0; i < 3000; ++i) {
        const std::string piece(i % 97, static_cast<char>('a' + i % 26));
        kept.append(piece);
        whole += piece;
    }
    CHECK(kept.all() == whole);
    for (const std::uint64_t offset : {std::uint64_t{0}, std::uint64_t{4095}, std::uint64_t{77777},
                                       std::uint64_t{whole.size() - 1}}) {
        kept.drop_before(offset);
        CHECK(kept.oldest() == offset);
        CHECK(kept.all() == whole.substr(offset));
        CHECK(whole.substr(offset).starts_with(kept.from(offset)));
    }
    kept.drop_before(whole.size());
    CHECK(kept.size() == 0);
    CHECK(kept.from(whole.size()).empty());
    kept.append("more");
    CHECK(kept.from(whole.size()) == "more");
}

TEST_CASE("an output waits for its controller, keeps its tail, or its beginning",
          "[exec][session]") {
    SessionOutput held(Keep::hold, 100);
    held.append(std::string(60, 'a'));
    CHECK(held.room() == 40);
    held.append(std::string(40, 'b'));
    CHECK(held.room() == 0);
    held.release(70);
    CHECK(held.room() == 70);
    CHECK(held.kept().oldest() == 0); // acknowledged, and still there to look at
    held.append(std::string(70, 'c'));
    CHECK(held.kept().oldest() == 70);
    CHECK(held.lost() == 0);
    held.set_keep(Keep::tail);
    held.append(std::string(50, 'd'));
    CHECK(held.kept().oldest() == 120);
    CHECK(held.lost() == 50);
    SessionOutput first(Keep::first, 100);
    first.append(std::string(150, 'x'));
    CHECK(first.kept().size() == 100);
    CHECK(first.truncated() == 50);
    CHECK(first.taken() == 150);
}

TEST_CASE("an output keeps for a new controller what the one before it had acknowledged",
          "[exec][session]") {
    SessionOutput held(Keep::hold, 100);
    held.append(std::string(100, 'a'));
    held.release(70);
    held.append(std::string(30, 'b'));
    REQUIRE(held.kept().oldest() == 30);
    held.begin_at(30); // where it can begin at the earliest
    CHECK(held.room() == 0);
    held.begin_at(50); // The ACK of this was lost.
    CHECK(held.room() == 20);
    held.begin_at(0); // is gone
    CHECK(held.room() == 0);
}

TEST_CASE("an output gives up what need not be kept when memory is short", "[exec][session]") {
    SessionOutput held(Keep::hold, 65536);
    held.append(std::string(20000, 'a'));
    held.release(12000);
    held.squeeze();
    CHECK(held.kept().size() == 8000);
    CHECK(held.lost() == 0);
    CHECK(held.room() == 0); // until the client has taken more
    held.release(20000);
    CHECK(held.room() == 4096);
}
