#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "coordinator/report/tables.h"
#include "coordinator/report/text.h"

/// Plain text for a terminal. Names come from plans and servers: what a terminal could interpret is replaced.
namespace kneepoint::coordinator {

/// The columns, by their place, that are drawn where lines are `width` wide.
std::vector<std::size_t> kept_columns(const std::vector<Column>& columns, std::size_t width);

/// Without a line break at its end. Where the last column holds words, they go on below each other in it.
std::string text_line(const std::vector<Column>& columns, const std::vector<std::string>& cells,
                      std::size_t width = kTextWidth);
/// The table with columns as narrow as their cells, and without those that are spared first, where it is
/// wider than `width`.
Table fitted(Table table, std::size_t width);
/// Header and rows, each with its line break, in lines of `width`.
std::string draw_text(const Table& table, std::size_t width = kTextWidth);

/// Wraps at spaces; the first line after `lead`, the others indented as far. Ends with a line break. What
/// does not fit into `most_lines` is left out behind "…".
std::string wrapped(const std::string& lead, const std::string& text, std::size_t width = kTextWidth,
                    std::size_t most_lines = std::string::npos);

/// Wraps those lines of a text that are too long, below where their words begin: behind a bullet, or behind
/// the gap that follows their first words.
std::string wrapped_lines(std::string_view text, std::size_t width);

}  // namespace kneepoint::coordinator
