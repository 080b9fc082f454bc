#include "tests/support/openmetrics.hpp"

#include <fmt/format.h>

#include <cmath>
#include <regex>
#include <set>
#include <sstream>
#include <stdexcept>

namespace rouse::test {
namespace {

class Reader {
public:
    OpenMetricsText read(std::string_view text) {
        if (!text.ends_with("\n# EOF\n")) throw std::runtime_error("no end mark");
        std::istringstream lines{std::string(text)};
        for (std::string line; std::getline(lines, line);) {
            if (ended_) throw std::runtime_error("after the end: " + line);
            if (line == "# EOF")
                ended_ = true;
            else if (line.starts_with('#'))
                describe(line);
            else
                sample(line);
        }
        for (const auto& [name, family] : result_.families) {
            require(!family.type.empty() && !family.help.empty(), name, "has no type or help");
            require(family.unit.empty() || name.ends_with("_" + family.unit), name,
                    "does not end in its unit");
        }
        return std::move(result_);
    }

private:
    static void require(bool holds, const std::string& where, const char* what) {
        if (!holds) throw std::runtime_error(fmt::format("{}: {}", where, what));
    }

    /// "# TYPE name word": a family's lines stand together, its description first.
    void describe(const std::string& line) {
        static const std::regex form("# (TYPE|UNIT|HELP) ([a-zA-Z_:][a-zA-Z0-9_:]*) (.+)");
        std::smatch parts;
        require(std::regex_match(line, parts, form), line, "is no description");
        const std::string name = parts[2];
        if (name != current_) {
            require(!result_.families.contains(name), line, "continues a family elsewhere");
            current_ = name;
            sampled_ = false;
        }
        require(!sampled_, line, "describes a family after its samples");
        MetricFamily& family = result_.families[name];
        std::string& place = parts[1] == "TYPE"   ? family.type
                             : parts[1] == "UNIT" ? family.unit
                                                  : family.help;
        require(place.empty(), line, "describes twice");
        place = parts[3];
    }

    void sample(const std::string& line) {
        static const std::regex form(
            R"re(([a-zA-Z_:][a-zA-Z0-9_:]*)(\{((?:[a-zA-Z_]\w*="(?:[^"\\\n]|\\["\\n])*",?)*)\})? (\S+))re");
        std::smatch parts;
        require(std::regex_match(line, parts, form), line, "is no sample");
        require(!current_.empty(), line, "has no family");
        const MetricFamily& family = result_.families.at(current_);
        require(parts[1] == current_ + suffix(family.type, line), line,
                "has another name than its family and type say");
        check_labels(parts[3], family, line);
        const double value = number(parts[4], line);
        require(family.type != "counter" || value >= 0, line, "is a negative counter");
        const bool is_flag = family.type == "info" || family.type == "stateset";
        require(!is_flag || value == 1 || (value == 0 && family.type == "stateset"), line,
                "is neither 0 nor 1");
        const std::string key = parts[1].str() + parts[2].str();
        require(result_.samples.emplace(key, value).second, line, "comes twice");
        sampled_ = true;
    }

    static std::string suffix(const std::string& type, const std::string& line) {
        if (type == "counter") return "_total";
        if (type == "info") return "_info";
        require(type == "gauge" || type == "stateset", line, "has an unknown type");
        return "";
    }

    void check_labels(const std::string& labels, const MetricFamily& family,
                      const std::string& line) const {
        static const std::regex form(R"re(([a-zA-Z_]\w*)="(?:[^"\\]|\\.)*"(,|$))re");
        std::set<std::string> names;
        for (std::sregex_iterator label(labels.begin(), labels.end(), form), end; label != end;
             ++label)
            require(names.insert((*label)[1]).second, line, "has a label twice");
        require(!labels.ends_with(','), line, "has a comma too many");
        require(family.type != "stateset" || names.contains(current_), line,
                "names no state of its set");
    }

    static double number(const std::string& text, const std::string& line) {
        std::istringstream in(text);
        double value = 0;
        require((in >> value) && in.eof() && std::isfinite(value), line, "has no number");
        return value;
    }

    OpenMetricsText result_;
    std::string current_;
    bool sampled_ = false;
    bool ended_ = false;
};

} // namespace

OpenMetricsText read_openmetrics(std::string_view text) {
    return Reader().read(text);
}

} // namespace rouse::test
