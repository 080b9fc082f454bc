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

std::string milliseconds(double count) {
    return count < 100 ? fmt::format("{:.3g} ms", count) : fmt::format("{:.0f} ms", count);
}

std::string_view colour_of(Span::By by) {
    if (by == Span::By::failed) return Layout::failed_colour;
    return by == Span::By::others ? Layout::host_colour : Layout::own_colour;
}

void write_text(std::string& svg, int x, int y, std::string_view more, std::string_view text) {
    fmt::format_to(std::back_inserter(svg), "<text x=\"{}\" y=\"{}\"{}>{}</text>\n", x, y, more,
                   escape_xml(text));
}

/// Where a moment is, in pixels from the left.
class Scale {
public:
    explicit Scale(double total_ms) : total_(std::max(0.001, total_ms)) {}
    [[nodiscard]] double at(double moment_ms) const {
        return Layout::margin + Layout::label_width + moment_ms / total_ * Layout::chart_width;
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

void add_span(std::string& svg, const Scale& scale, int y, const Span& span) {
    const double left = scale.at(span.begin_ms);
    const double length = std::max(2.0, scale.at(span.begin_ms + span.length_ms) - left);
    const int baseline = y + Layout::bar_height - 4;
    write_text(svg, Layout::margin + Layout::label_width - 8, baseline, " text-anchor=\"end\"",
               span.name);
    fmt::format_to(std::back_inserter(svg),
                   "<rect x=\"{:.1f}\" y=\"{}\" width=\"{:.1f}\" height=\"{}\" rx=\"2\" "
                   "fill=\"{}\"/>\n",
                   left, y, length, Layout::bar_height, colour_of(span.by));
    std::string said = milliseconds(span.length_ms);
    if (!span.said.empty()) said += ", " + span.said;
    constexpr std::size_t most = 36;
    if (said.size() > most) said = said.substr(0, most - 3) + "...";
    write_text(svg, Layout::margin + Layout::label_width + Layout::chart_width + 12, baseline, "",
               said);
}

double end_of(const std::vector<Span>& spans) {
    double end = 0;
    for (const Span& span : spans)
        end = std::max(end, span.begin_ms + span.length_ms);
    return end;
}

Span span_of(const proto::RestoreStep& step, double begin_ms) {
    Span span{.name = step.name,
              .begin_ms = begin_ms,
              .length_ms = static_cast<double>(step.duration_us) / 1000,
              .by = waits_for_host(step) ? Span::By::others : Span::By::agent,
              .said = step.outcome};
    if (step.outcome == "failed" || step.outcome == "unproven") span.by = Span::By::failed;
    if (!step.detail.empty()) span.said += ": " + step.detail;
    return span;
}

} // namespace

bool waits_for_host(const proto::RestoreStep& step) {
    return step.name == "link" || step.name == "confirm";
}

std::string timeline(std::string_view title, std::string_view note,
                     const std::vector<Span>& spans) {
    const int bottom = Layout::head_height + static_cast<int>(spans.size()) * Layout::bar_step;
    std::string svg = fmt::format(
        R"(<svg xmlns="http://www.w3.org/2000/svg" width="{0}" height="{1}" viewBox="0 0 {0} {1}")"
        R"( font-family="sans-serif" font-size="13" fill="{2}">)"
        "\n",
        Layout::width, bottom + Layout::axis_height, Layout::text_colour);
    write_text(svg, Layout::margin, 28, R"( font-size="17" font-weight="bold")", title);
    write_text(svg, Layout::margin, 48, "", note);
    const Scale scale(end_of(spans));
    add_axis(svg, scale, bottom);
    int y = Layout::head_height;
    for (const Span& span : spans) {
        add_span(svg, scale, y, span);
        y += Layout::bar_step;
    }
    return svg + "</svg>\n";
}

std::string timeline(std::string_view title, const proto::RestoreReport& report) {
    std::vector<Span> spans;
    for (const proto::RestoreStep& step : report.steps)
        spans.push_back(span_of(step, end_of(spans)));
    const std::string note = fmt::format("{} {} by {}, exec {}, {} in all; orange: the agent's own "
                                         "work, blue: it waits for the host",
                                         report.kind, report.state, report.trigger, report.exec,
                                         milliseconds(static_cast<double>(report.total_us) / 1000));
    return timeline(title, note, spans);
}

} // namespace rouse::bench
