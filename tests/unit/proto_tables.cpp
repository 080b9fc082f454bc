// The tables of `rouse debug` and rousectl debug.

#include "proto/tables/cells.hpp"
#include "proto/tables/grid.hpp"
#include "proto/tables/tables.hpp"

#include <boost/json.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

using namespace rouse::proto::tables;
using Catch::Matchers::ContainsSubstring;
namespace json = boost::json;

TEST_CASE("columns are as wide as their widest cell, and lines have no blank end", "[tables]") {
    Grid grid({{"ID", Grid::Align::right}, {"ROLE"}, {"AGE", Grid::Align::right}, {""}});
    grid.row({"7", "http", "1.00 s", "x"});
    grid.row({"12345", "output stdout", "2 min 0 s"});
    CHECK(grid.text() == "   ID  ROLE                 AGE\n"
                         "    7  http              1.00 s  x\n"
                         "12345  output stdout  2 min 0 s\n");
    Grid bare({{""}, {""}});
    bare.row({"a", "b", "beyond"});
    CHECK(bare.text() == "a  b\n");
}

TEST_CASE("values are shown in units that people read", "[tables]") {
    CHECK(bytes(json::value(0)) == "0 B");
    CHECK(bytes(json::value(1023)) == "1023 B");
    CHECK(bytes(json::value(1536)) == "1.5 KiB");
    CHECK(bytes(json::value(1U << 20U)) == "1.0 MiB");
    CHECK(bytes(json::value(UINT64_MAX)) == "16.0 EiB");
    CHECK(kibibytes(json::value(2048)) == "2.0 MiB");
    CHECK(microseconds(json::value(999)) == "999 us");
    CHECK(microseconds(json::value(1500)) == "1.5 ms");
    CHECK(milliseconds(json::value(1500)) == "1.50 s");
    CHECK(milliseconds(json::value(125000)) == "2 min 5 s");
    CHECK(milliseconds(json::value(7300000)) == "2 h 1 min");
    CHECK(hundredths(json::value(142)) == "1.42");
    CHECK(time_of_day(json::value(1234567890123456789)) == "2009-02-13 23:31:30.123");
    for (const auto cell : {bytes, microseconds, time_of_day, plain})
        CHECK(cell(json::value()) == "-");
    CHECK(bytes(json::value(-1)) == "-");
    CHECK(bytes(json::value("text")) == "-");
}

TEST_CASE("a guest's words do not reach the terminal's controls", "[tables]") {
    CHECK(plain(json::value("a\x1b[2Jb\nc\x7f")) == "a [2Jb c ");
    const json::value event{{"type", "log"}, {"body", {{"message", "\x1b]0;owned\x07"}}}};
    CHECK(event_line(event).find('\x1b') == std::string::npos);
}

TEST_CASE("every table takes a document without a single member", "[tables]") {
    CHECK(topics().size() == 8);
    for (const Topic& topic : topics()) {
        INFO(topic.name);
        CHECK(find_topic(topic.name) == &topic);
        for (const json::value& document : {json::value(), json::value(json::object()),
                                            json::value("text"), json::value(json::array{1, 2})})
            CHECK_FALSE(topic.table(document).find('\x1b') != std::string::npos);
    }
    CHECK(find_topic("everything") == nullptr);
}

TEST_CASE("the table of relays has a column for each stream", "[tables]") {
    const json::value document{
        {"relays",
         {{{"stream", "stdout"},
           {"state", "streaming"},
           {"capacity", 1U << 20U},
           {"kept_bytes", 512U << 10U},
           {"read", 123456},
           {"newer", "thing"}},
          {{"stream", "stderr"}, {"state", "down"}, {"capacity", 1U << 20U}, {"kept_bytes", 0}}}}};
    const std::string text = relays_table(document);
    CHECK_THAT(text, ContainsSubstring("stdout") && ContainsSubstring("stderr"));
    CHECK_THAT(text, ContainsSubstring("512.0 KiB of 1.0 MiB") && ContainsSubstring("123456"));
    CHECK_THAT(text, ContainsSubstring("newer") && ContainsSubstring("thing"));
    CHECK(relays_table(json::object{{"relays", json::array()}}) == "no output is relayed\n");
}

TEST_CASE("epochs show triggers and the time of each step", "[tables]") {
    const json::value document{{"epoch", 2},
                               {"gate", "open"},
                               {"triggers",
                                {{{"source", "vmgenid"},
                                  {"value", "1"},
                                  {"epoch", 2},
                                  {"made", "joined"},
                                  {"age_ms", 1500}}}},
                               {"reports",
                                {{{"epoch", 2},
                                  {"kind", "restore"},
                                  {"trigger", "canary"},
                                  {"state", "complete"},
                                  {"exec", "proven"},
                                  {"total_us", 4200},
                                  {"steps",
                                   {{{"name", "fence"}, {"outcome", "ok"}, {"duration_us", 17}},
                                    {{"name", "confirm"},
                                     {"outcome", "failed"},
                                     {"duration_us", 1500000},
                                     {"detail", "nobody answers"}}}}}}}};
    CHECK_THAT(epochs_table(document),
               ContainsSubstring("TRIGGER  VALUE  EPOCH  MADE       AGE\n"
                                 "vmgenid  1          2  joined  1.50 s\n") &&
                   ContainsSubstring("epoch 2: restore by canary, complete, exec proven, 4.2 ms") &&
                   ContainsSubstring("  fence    ok       17 us\n") &&
                   ContainsSubstring("  confirm  failed  1.50 s  nobody answers\n"));
}

TEST_CASE("events and gaps are a line each", "[tables]") {
    const json::value event{{"sequence", 12},
                            {"time_ns", 1234567890123456789},
                            {"epoch", 1},
                            {"type", "exec_started"},
                            {"body", {{"pid", 42}, {"program", "/bin/true"}}}};
    CHECK(event_line(event) == "2009-02-13 23:31:30.123     12  epoch 1   exec_started         "
                               "pid 42  program /bin/true\n");
    const json::value gap{{"type", "gap"}, {"from", 3}, {"count", 9}};
    CHECK(event_line(gap) == "-- 9 events from 3 on are gone --\n");
    const json::value document{{"lost", 2}, {"events", {event, event}}};
    CHECK(events_table(document) ==
          event_line(event) + event_line(event) + "2 older events are gone\n");
}
