// The metrics: their text, read by the rules of OpenMetrics, and their names, read in the page.

#include "agent/debug/metrics.hpp"
#include "tests/support/openmetrics.hpp"

#include <boost/json.hpp>
#include <catch2/catch_test_macros.hpp>

#include <fstream>
#include <iterator>
#include <set>
#include <sstream>

using namespace rouse;
namespace json = boost::json;

namespace {

/// Puts a value at a JSON pointer, with the objects and arrays that lead there.
void put(json::value& root, const std::string& pointer, const json::value& value) {
    json::value* place = &root;
    std::istringstream names(pointer.substr(1));
    for (std::string name; std::getline(names, name, '/');) {
        if (name == "0" || name == "1") {
            if (!place->is_array()) place->emplace_array();
            if (place->get_array().size() < 2) place->get_array().resize(2);
            place = &place->get_array().at(name == "0" ? 0 : 1);
        } else {
            if (!place->is_object()) place->emplace_object();
            place = &place->get_object()[name];
        }
    }
    *place = value;
}

/// Puts something that the metric understands where its path points.
void plant(json::value& root, const debug::Metric& metric) {
    json::value value = 7;
    if (metric.type == debug::MetricType::info) value = "1.2.3";
    if (metric.type == debug::MetricType::stateset)
        value = std::string(metric.states.substr(0, metric.states.find(' ')));
    std::string path(metric.path);
    for (std::size_t star = path.find('*'); star != std::string::npos; star = path.find('*')) {
        for (const char* element : {"0", "1"}) {
            std::string one = path;
            one.replace(star, 1, element);
            put(root, one, value);
            const std::string key = one.substr(0, star + 1) + "/" + std::string(metric.key);
            put(root, key, *element == '0' ? "first" : "se\"co\\nd\n");
        }
        return;
    }
    put(root, path, value);
}

json::object everything() {
    json::value root{json::object()};
    for (const debug::Metric& metric : debug::metrics())
        plant(root, metric);
    return root.as_object();
}

} // namespace

TEST_CASE("the metrics of all documents obey the rules of OpenMetrics", "[metrics]") {
    const auto read = test::read_openmetrics(debug::metrics_text(everything()));
    CHECK(read.families.size() == debug::metrics().size());
    CHECK(read.samples.at("rouse_build_info{version=\"1.2.3\"}") == 1);
    CHECK(read.samples.at("rouse_relay_acked_bytes_total{stream=\"first\"}") == 7);
    CHECK(read.samples.at("rouse_relay_acked_bytes_total{stream=\"se\\\"co\\\\nd\\n\"}") == 7);
    CHECK(read.samples.at("rouse_memory_resident_bytes") == 7 * 1024);
    CHECK(read.samples.at("rouse_restore_gate{rouse_restore_gate=\"open\"}") == 1);
    CHECK(read.samples.at("rouse_restore_gate{rouse_restore_gate=\"shut\"}") == 0);
}

TEST_CASE("a document that is missing or strange leaves its metrics out", "[metrics]") {
    CHECK(debug::metrics_text({}) == "# EOF\n");
    json::value strange{json::object()};
    for (const debug::Metric& metric : debug::metrics())
        put(strange, std::string(metric.path.substr(0, metric.path.find("/*"))), nullptr);
    CHECK(debug::metrics_text(strange.as_object()) == "# EOF\n");
}

TEST_CASE("a state that the table does not know is told as it is", "[metrics]") {
    const json::object documents{{"epochs", {{"gate", "ajar"}}}};
    const auto read = test::read_openmetrics(debug::metrics_text(documents));
    CHECK(read.samples.at("rouse_restore_gate{rouse_restore_gate=\"ajar\"}") == 1);
    CHECK(read.samples.at("rouse_restore_gate{rouse_restore_gate=\"open\"}") == 0);
}

TEST_CASE("a step that comes twice in a report is one sample", "[metrics]") {
    const json::object step{{"name", "confirm"}, {"duration_us", 1000}};
    const json::object later{{"name", "confirm"}, {"duration_us", 3000}};
    const json::object documents{{"epochs", {{"report", {{"steps", json::array{step, later}}}}}}};
    const auto read = test::read_openmetrics(debug::metrics_text(documents));
    CHECK(read.samples.at("rouse_restore_step_seconds{step=\"confirm\"}") == 0.003);
}

TEST_CASE("the page lists every metric, and no other", "[metrics][readme]") {
    std::ifstream file(ROUSE_SOURCE_ROOT "/proto/README.md");
    std::set<std::string> listed;
    bool inside = false;
    for (std::string line; std::getline(file, line);) {
        if (line.starts_with("#")) inside = line == "### Metrics";
        if (!inside || !line.starts_with("| `rouse_")) continue;
        listed.insert(line.substr(3, line.find('`', 3) - 3));
    }
    std::set<std::string> known;
    for (const debug::Metric& metric : debug::metrics())
        CHECK(known.emplace(metric.name).second);
    CHECK(listed == known);
}
