#include "proto/tables/grid.hpp"

#include <algorithm>

namespace rouse::proto::tables {

void Grid::row(std::vector<std::string> cells) {
    cells.resize(columns_.size());
    rows_.push_back(std::move(cells));
}

std::vector<std::size_t> Grid::widths() const {
    std::vector<std::size_t> widths;
    for (const Column& column : columns_)
        widths.push_back(column.title.size());
    for (const std::vector<std::string>& cells : rows_)
        for (std::size_t i = 0; i < cells.size(); ++i)
            widths[i] = std::max(widths[i], cells[i].size());
    return widths;
}

void Grid::append(std::string& text, const std::vector<std::string>& cells,
                  const std::vector<std::size_t>& widths) const {
    std::string line;
    for (std::size_t i = 0; i < cells.size(); ++i) {
        const std::string padding(widths[i] - cells[i].size(), ' ');
        const bool right = columns_[i].align == Align::right;
        line += (i > 0 ? "  " : "") + (right ? padding + cells[i] : cells[i] + padding);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
}

std::string Grid::text() const {
    const std::vector<std::size_t> all = widths();
    std::string text;
    std::vector<std::string> titles;
    for (const Column& column : columns_)
        titles.push_back(column.title);
    const bool has_head = std::any_of(titles.begin(), titles.end(),
                                      [](const std::string& title) { return !title.empty(); });
    if (has_head) append(text, titles, all);
    for (const std::vector<std::string>& cells : rows_)
        append(text, cells, all);
    return text;
}

} // namespace rouse::proto::tables
