// What the benchmarks do with their figures: medians, verdicts, the plots, where the time of a boot
// went, when a figure has settled, the receiver that looks through frames, and what a peer needs in
// a guest.
#include "tools/benchmark/boot/split.hpp"
#include "tools/benchmark/plot.hpp"
#include "tools/benchmark/reap/settling.hpp"
#include "tools/benchmark/relay/frame_scan.hpp"
#include "tools/benchmark/timeline.hpp"
#include "tools/lab/guest_program.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

using namespace rouse;
using bench::Aim;
using bench::Row;
using Catch::Matchers::ContainsSubstring;

namespace {

Row row(double value, double reach, Aim aim) {
    return {.bench = "relay",
            .what = "what",
            .value = value,
            .unit = "x",
            .reach = reach,
            .compared = "a peer",
            .detail = "how",
            .aim = aim};
}

} // namespace

TEST_CASE("the median is the middle value, or the mean of the middle two", "[bench]") {
    CHECK(bench::median({7}) == 7);
    CHECK(bench::median({9, 1, 5}) == 5);
    CHECK(bench::median({4, 1, 3, 100}) == 3.5);
}

TEST_CASE("a percentile is a value that so many do not exceed", "[bench]") {
    std::vector<double> values;
    for (int value = 200; value > 0; --value)
        values.push_back(value);
    CHECK(bench::percentile(values, 99) == 198);
    CHECK(bench::percentile(values, 50) == 100);
    CHECK(bench::percentile(values, 100) == 200);
    CHECK(bench::percentile({3}, 99) == 3);
    CHECK(bench::percentile({1, 2}, 1) == 1);
}

TEST_CASE("a row is met on its side of what is to be reached", "[bench]") {
    CHECK(row(1.3, 1.3, Aim::at_most).met());
    CHECK_FALSE(row(1.31, 1.3, Aim::at_most).met());
    CHECK(row(1.5, 1.5, Aim::at_least).met());
    CHECK_FALSE(row(1.49, 1.5, Aim::at_least).met());
    CHECK(row(99, 0, Aim::none).met());
    CHECK(row(3, 1.5, Aim::at_least).ratio() == 2);
}

TEST_CASE("the table and the document say met, not met and reported", "[bench]") {
    const std::vector<Row> rows = {row(1, 2, Aim::at_most), row(1, 2, Aim::at_least),
                                   row(1, 0, Aim::none)};
    const std::string text = bench::table(rows);
    CHECK(text.find("<= 2.00") < text.find(" met "));
    CHECK(text.find(">= 2.00") < text.find(" not met "));
    CHECK(text.find(" reported ") != std::string::npos);
    const auto document = bench::to_json(rows);
    CHECK(document.at(0).at("met") == true);
    CHECK(document.at(1).at("met") == false);
    CHECK(document.at(1).at("aim") == "at least");
    CHECK(document.at(2).at("verdict") == "reported");
    CHECK_FALSE(document.at(2).as_object().contains("met"));
}

TEST_CASE("text in a plot is escaped", "[bench]") {
    CHECK(bench::escape_xml(R"(a<b> & "c")") == "a&lt;b&gt; &amp; &quot;c&quot;");
    CHECK(bench::escape_xml(std::string_view("a\0\x1b"
                                             "b\n",
                                             5)) == "a??b\n");
    const std::string svg =
        bench::plot("<title>", {{.title = "p&q", .unit = "ms", .better = "lower", .bars = {}}});
    CHECK(svg.find("&lt;title&gt;") != std::string::npos);
    CHECK(svg.find("p&amp;q (ms; lower is better)") != std::string::npos);
    CHECK(svg.find("<title>") == std::string::npos);
}

TEST_CASE("the longest bar of a plot is the largest value, the others in proportion", "[bench]") {
    const auto width_of = [](const std::string& svg, std::size_t bar) {
        std::size_t at = 0;
        for (std::size_t count = 0; count <= bar; ++count)
            at = svg.find("<rect ", at + 1);
        const auto start = svg.find("width=\"", at) + 7;
        return svg.substr(start, svg.find('"', start) - start);
    };
    const std::string svg = bench::plot("t", {{.title = "p",
                                               .unit = "ms",
                                               .better = "lower",
                                               .bars = {{"agent", 50}, {"peer", 100}, {"no", 0}}}});
    CHECK(width_of(svg, 0) == "210");
    CHECK(width_of(svg, 1) == "420");
    CHECK(width_of(svg, 2) == "1");
    CHECK(svg.ends_with("</svg>\n"));
}

TEST_CASE("a frame is seen through wherever the stream is cut", "[bench]") {
    const std::string stream =
        proto::encode({.type = proto::FrameType::data, .stream = 1, .offset = 0}, "hello ") +
        proto::encode({.type = proto::FrameType::eos, .stream = 1, .offset = 6}, "") +
        proto::encode({.type = proto::FrameType::data, .stream = 1, .offset = 6}, "world");
    const std::size_t piece_size = GENERATE(1U, 2U, 7U, 15U, 16U, 17U, 22U, 1000U);
    bench::FrameScan scan;
    std::string bytes;
    std::vector<proto::FrameType> ended;
    for (std::size_t at = 0; at < stream.size(); at += piece_size) {
        auto rest = std::string_view(stream).substr(at, piece_size);
        while (const auto piece = scan.next(rest)) {
            bytes += piece->bytes;
            if (piece->last) ended.push_back(piece->header.type);
        }
        CHECK(rest.empty());
    }
    CHECK(bytes == "hello world");
    CHECK(ended ==
          std::vector{proto::FrameType::data, proto::FrameType::eos, proto::FrameType::data});
}

TEST_CASE("the files of a dynamic program are its libraries and its loader", "[bench]") {
    using Files = std::vector<std::filesystem::path>;
    CHECK(lab::parse_libraries("\tlinux-vdso.so.1 (0x00007f3a)\n"
                               "\tlibc.so.6 => /lib/a (1)/libc.so.6 (0x00007f10)\n"
                               "\t/lib64/ld-linux-x86-64.so.2 (0x00007f3c)\n") ==
          Files{"/lib/a (1)/libc.so.6", "/lib64/ld-linux-x86-64.so.2"});
    CHECK(lab::parse_libraries("\tstatically linked\n").empty());
    CHECK(lab::parse_libraries("").empty());
}

TEST_CASE("a library that is not found is an error that names it", "[bench]") {
    CHECK_THROWS_WITH(lab::parse_libraries("\tlibgone.so.1 => not found\n"),
                      ContainsSubstring("libgone.so.1"));
}

TEST_CASE("a timeline shows each step where it was in time, and what it was", "[bench]") {
    const proto::RestoreReport report{
        .epoch = 2,
        .kind = "restore",
        .trigger = "host",
        .exec = "proven",
        .state = "complete",
        .generation = "g",
        .parent_generation = std::nullopt,
        .steps = {{.name = "fence", .outcome = "ok", .duration_us = 1000, .detail = "2 < 3"},
                  {.name = "confirm", .outcome = "ok", .duration_us = 3000, .detail = {}},
                  {.name = "dns", .outcome = "failed", .duration_us = 0, .detail = {}}},
        .total_us = 4000};
    const std::string svg = bench::timeline("one & only", report);
    CHECK_THAT(svg, ContainsSubstring("<svg ") && ContainsSubstring("one &amp; only"));
    CHECK_THAT(svg, ContainsSubstring(">fence</text>") && ContainsSubstring("1 ms, ok: 2 &lt; 3"));
    CHECK_THAT(svg, ContainsSubstring("3 ms, ok") && ContainsSubstring("4 ms in all"));
    // The second step begins a quarter of the way along; what failed stands out.
    CHECK_THAT(svg, ContainsSubstring(R"(<rect x="140.0" y="70" width="122.5")"));
    CHECK_THAT(svg, ContainsSubstring(R"(<rect x="262.5" y="94" width="367.5")"));
    CHECK_THAT(svg, ContainsSubstring(R"(<rect x="630.0" y="118" width="2.0")"));
    CHECK_THAT(svg, ContainsSubstring("#c0392b"));
    CHECK(bench::waits_for_host(report.steps.at(1)));
    CHECK_FALSE(bench::waits_for_host(report.steps.at(0)));
}

TEST_CASE("a row that allows nothing is met by nothing only", "[bench]") {
    CHECK(row(0, 0, Aim::at_most).met());
    CHECK(row(0, 0, Aim::at_most).ratio() == 0);
    CHECK_FALSE(row(1, 0, Aim::at_most).met());
}

TEST_CASE("a boot is split where the kernel, the agent and the workload begin", "[bench]") {
    const auto boot = boost::json::parse(R"({"init_us": 300000, "agent_us": 340000,
        "ready_us": 350000, "steps": [
        {"name": "mounts", "outcome": "ok", "start_us": 301000, "duration_us": 20000},
        {"name": "swap", "outcome": "failed", "start_us": 321000, "duration_us": 1000},
        {"name": "hosts", "outcome": "not begun"}]})")
                          .as_object();
    const bench::BootSplit split = bench::split_of(boot, 352500, 1000);
    CHECK(split.machine == 650);
    CHECK(split.kernel == 300);
    CHECK(split.steps == 40);
    CHECK(split.agent == 10);
    CHECK(split.workload == 2.5);
    const auto spans = bench::spans_of(boot, split);
    std::vector<std::string> names;
    for (const bench::Span& span : spans)
        names.push_back(span.name);
    CHECK(names ==
          std::vector<std::string>{"machine", "kernel", "mounts", "swap", "agent", "workload"});
    CHECK(spans.at(2).begin_ms == 951);
    CHECK(spans.at(2).length_ms == 20);
    CHECK(spans.at(3).by == bench::Span::By::failed);
    CHECK(spans.at(5).begin_ms == 1000);
}

TEST_CASE("a boot that never was ready has no split", "[bench]") {
    const auto boot =
        boost::json::parse(R"({"init_us": 1, "agent_us": 2, "ready_us": null, "steps": []})")
            .as_object();
    CHECK_THROWS_WITH(bench::split_of(boot, 3, 4), ContainsSubstring("ready_us"));
}

TEST_CASE("a figure has settled when it was the same for long enough", "[bench]") {
    using namespace std::chrono_literals;
    const bench::Settling::Clock::time_point begin{};
    bench::Settling settling(begin, 5, 25ms);
    CHECK_FALSE(settling.look(begin + 10ms, 6));
    CHECK_FALSE(settling.look(begin + 30ms, 7));
    CHECK_FALSE(settling.look(begin + 54ms, 7));
    CHECK(settling.look(begin + 55ms, 7));
    CHECK(settling.took() == 30);
}

TEST_CASE("a process is known by its state and its parent, whatever its name", "[bench]") {
    const auto process = bench::parse_state("12 (a) R 1 (b)) Z 34 12 0 0 -1 4227084\n");
    REQUIRE(process);
    CHECK(process->state == 'Z');
    CHECK(process->parent == 34);
    for (const char* broken : {"", "12 (a", "12 (a) Z", "12 (a) Z x", "12 (a) ZZ 3"})
        CHECK_FALSE(bench::parse_state(broken));
}

TEST_CASE("the first number of schedstat is the processor time in nanoseconds", "[bench]") {
    CHECK(bench::parse_processor_time("1500000 2247129 4\n") == 1.5);
    CHECK_FALSE(bench::parse_processor_time(""));
}
