#pragma once
// Rows of text in columns, each as wide as its widest cell.

#include <string>
#include <vector>

namespace rouse::proto::tables {

class Grid {
public:
    enum class Align { left, right };

    struct Column {
        std::string title; ///< a grid whose titles are all empty has no head
        Align align = Align::left;
    };

    explicit Grid(std::vector<Column> columns) : columns_(std::move(columns)) {}

    /// Cells that are missing are empty, cells beyond the columns are left out.
    void row(std::vector<std::string> cells);

    /// Lines with two spaces between columns and none at their ends.
    [[nodiscard]] std::string text() const;

private:
    [[nodiscard]] std::vector<std::size_t> widths() const;
    void append(std::string& text, const std::vector<std::string>& cells,
                const std::vector<std::size_t>& widths) const;

    std::vector<Column> columns_;
    std::vector<std::vector<std::string>> rows_;
};

} // namespace rouse::proto::tables
