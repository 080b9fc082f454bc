#include "tools/benchmark/timeline.hpp"

#include "tools/benchmark/plot.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace rouse::bench {
namespace {

/// A name of its own: the bar charts have their measures, too.
struct Layout {
    // Lengths in pixels.
    static constexpr int width = 900;
    static constexpr int margin = 20;
    static constexpr int label_width = 120;
    static constexpr int value_width = 250;
    static constexpr int bar_height = 16;
    static constexpr int bar_step = 24;
    static constexpr int head_height = 70;
    static constexpr int axis_height = 40;
    static constexpr int ticks = 5;
    static constexpr int chart_width = width - 2 * margin - label_width - value_width;

    // Middle tones: each has contrast enough against white and against black.
    static constexpr std::string_view own_colour = "#d9730d";
    static constexpr std::string_view host_colour = "#5b8db8";
    static constexpr std::string_view failed_colour = "#c0392b";
    static constexpr std::string_view text_colour = "#808080";
};

std::string milliseconds(double microseconds) {
    return fmt::format("{:.3g} ms", microseconds / 1000);
}

std::string_view colour_of(const proto::RestoreStep& step) {
    if (step.outcome == "failed" || step.outcome == "unproven") return Layout::failed_colour;
    return waits_for_host(step) ? Layout::host_colour : Layout::own_colour;
}

void write_text(std::string& svg, int x, int y, std::string_view more, std::string_view text) {
    fmt::format_to(std::back_inserter(svg), "<text x=\"{}\" y=\"{}\"{}>{}</text>\n", x, y, more,
                   escape_xml(text));
}

/// Where a moment is, in pixels from the left.
class Scale {
public:
    explicit Scale(std::uint64_t total_us) : total_(std::max<double>(1, double(total_us))) {}
    [[nodiscard]] double at(double microseconds) const {
        return Layout::margin + Layout::label_width + microseconds / total_ * Layout::chart_width;
    }
    [[nodiscard]] double total() const { return total_; }

private:
    double total_;
};

void add_axis(std::string& svg, const Scale& scale, int bottom) {
    for (int tick = 0; tick <= Layout::ticks; ++tick) {
        const double moment = scale.total() * tick / Layout::ticks;
        fmt::format_to(std::back_inserter(svg),
                       "<line x1=\"{0:.1f}\" y1=\"{1}\" x2=\"{0:.1f}\" y2=\"{2}\" stroke=\"{3}\" "
                       "stroke-opacity=\"0.35\"/>\n",
                       scale.at(moment), Layout::head_height - 8, bottom, Layout::text_colour);
        write_text(svg, static_cast<int>(scale.at(moment)), bottom + 18, " text-anchor=\"middle\"",
                   milliseconds(moment));
    }
}

void add_step(std::string& svg, const Scale& scale, int y, double begin,
              const proto::RestoreStep& step) {
    const auto duration = static_cast<double>(step.duration_us);
    const double left = scale.at(begin);
    const double length = std::max(2.0, scale.at(begin + duration) - left);
    const int baseline = y + Layout::bar_height - 4;
    write_text(svg, Layout::margin + Layout::label_width - 8, baseline, " text-anchor=\"end\"",
               step.name);
    fmt::format_to(std::back_inserter(svg),
                   "<rect x=\"{:.1f}\" y=\"{}\" width=\"{:.1f}\" height=\"{}\" rx=\"2\" "
                   "fill=\"{}\"/>\n",
                   left, y, length, Layout::bar_height, colour_of(step));
    std::string said = fmt::format("{}, {}", milliseconds(duration), step.outcome);
    if (!step.detail.empty()) said += ": " + step.detail;
    constexpr std::size_t most = 36;
    if (said.size() > most) said = said.substr(0, most - 3) + "...";
    write_text(svg, Layout::margin + Layout::label_width + Layout::chart_width + 12, baseline, "",
               said);
}

} // namespace

bool waits_for_host(const proto::RestoreStep& step) {
    return step.name == "link" || step.name == "confirm";
}

std::string timeline(std::string_view title, const proto::RestoreReport& report) {
    const int bottom =
        Layout::head_height + static_cast<int>(report.steps.size()) * Layout::bar_step;
    const int height = bottom + Layout::axis_height;
    std::string svg = fmt::format(
        R"(<svg xmlns="http://www.w3.org/2000/svg" width="{0}" height="{1}" viewBox="0 0 {0} {1}")"
        R"( font-family="sans-serif" font-size="13" fill="{2}">)"
        "\n",
        Layout::width, height, Layout::text_colour);
    write_text(svg, Layout::margin, 28, R"( font-size="17" font-weight="bold")", title);
    write_text(
        svg, Layout::margin, 48, "",
        fmt::format("{} {} by {}, exec {}, {} in all; orange: the agent's own work, blue: it "
                    "waits for the host",
                    report.kind, report.state, report.trigger, report.exec,
                    milliseconds(static_cast<double>(report.total_us))));
    const Scale scale(report.total_us);
    add_axis(svg, scale, bottom);
    double begin = 0;
    int y = Layout::head_height;
    for (const proto::RestoreStep& step : report.steps) {
        add_step(svg, scale, y, begin, step);
        begin += static_cast<double>(step.duration_us);
        y += Layout::bar_step;
    }
    return svg + "</svg>\n";
}

} // namespace rouse::bench
