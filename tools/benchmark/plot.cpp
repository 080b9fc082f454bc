#include "tools/benchmark/plot.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace rouse::bench {
namespace {

// Lengths in pixels.
constexpr int width = 760;
constexpr int margin = 20;
constexpr int label_width = 190;
constexpr int value_width = 110;
constexpr int bar_height = 16;
constexpr int bar_step = 22;
constexpr int title_height = 44;
constexpr int panel_title_height = 30;
constexpr int panel_gap = 16;
constexpr int longest_bar = width - 2 * margin - label_width - value_width;

// Middle tones: each has contrast enough against white and against black.
constexpr std::string_view agent_colour = "#d9730d";
constexpr std::string_view peer_colour = "#5b8db8";
constexpr std::string_view text_colour = "#808080";

int height_of(const Panel& panel) {
    return panel_title_height + static_cast<int>(panel.bars.size()) * bar_step + panel_gap;
}

void add_text(std::string& svg, int x, int y, std::string_view more, std::string_view text) {
    fmt::format_to(std::back_inserter(svg),
                   R"(<text x="{}" y="{}"{}>{}</text>)"
                   "\n",
                   x, y, more, escape_xml(text));
}

void add_bar(std::string& svg, int y, const Panel::Bar& bar, double largest) {
    const double share = largest > 0 ? std::max(bar.value, 0.0) / largest : 0;
    const int length = std::max(1, static_cast<int>(share * longest_bar));
    const int left = margin + label_width;
    const int baseline = y + bar_height - 4;
    const bool agent = bar.label.starts_with("agent");
    add_text(svg, left - 8, baseline, R"( text-anchor="end")", bar.label);
    fmt::format_to(std::back_inserter(svg),
                   R"(<rect x="{}" y="{}" width="{}" height="{}" rx="2" fill="{}"/>)"
                   "\n",
                   left, y, length, bar_height, agent ? agent_colour : peer_colour);
    add_text(svg, left + length + 6, baseline, "", fmt::format("{:.4g}", bar.value));
}

void add_panel(std::string& svg, int y, const Panel& panel) {
    add_text(svg, margin, y + 16, R"( font-weight="bold")",
             fmt::format("{} ({}; {} is better)", panel.title, panel.unit, panel.better));
    double largest = 0;
    for (const Panel::Bar& bar : panel.bars)
        largest = std::max(largest, bar.value);
    y += panel_title_height;
    for (const Panel::Bar& bar : panel.bars) {
        add_bar(svg, y, bar, largest);
        y += bar_step;
    }
}

} // namespace

std::string escape_xml(std::string_view text) {
    std::string escaped;
    for (const char character : text) {
        const auto byte = static_cast<unsigned char>(character);
        if (character == '&')
            escaped += "&amp;";
        else if (character == '<')
            escaped += "&lt;";
        else if (character == '>')
            escaped += "&gt;";
        else if (character == '"')
            escaped += "&quot;";
        else if (byte < 0x20 && character != '\n' && character != '\t')
            escaped += '?';
        else
            escaped += character;
    }
    return escaped;
}

std::string plot(std::string_view title, const std::vector<Panel>& panels) {
    int height = title_height + margin;
    for (const Panel& panel : panels)
        height += height_of(panel);
    std::string svg = fmt::format(
        R"(<svg xmlns="http://www.w3.org/2000/svg" width="{0}" height="{1}" viewBox="0 0 {0} {1}")"
        R"( font-family="sans-serif" font-size="13" fill="{2}">)"
        "\n",
        width, height, text_colour);
    add_text(svg, margin, 28, R"( font-size="17" font-weight="bold")", title);
    int y = title_height;
    for (const Panel& panel : panels) {
        add_panel(svg, y, panel);
        y += height_of(panel);
    }
    return svg + "</svg>\n";
}

} // namespace rouse::bench
