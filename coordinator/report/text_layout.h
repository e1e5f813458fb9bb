#pragma once

#include <string>
#include <vector>

#include "coordinator/report/tables.h"

/// Plain text for a terminal. Names come from plans and servers: what a terminal could interpret is replaced.
namespace kneepoint::coordinator {

/// Lines are at most so wide, as long as a table's cells fit their columns.
inline constexpr std::size_t kTextWidth = 120;

std::string text_header(const std::vector<Column>& columns);
/// Without a line break at its end. Where the last column holds words, they go on below each other in it.
std::string text_line(const std::vector<Column>& columns, const std::vector<std::string>& cells,
                      std::size_t width = kTextWidth);
/// Header and rows, each with its line break.
std::string draw_text(const Table& table);

/// Wraps at spaces; the first line after `lead`, the others indented as far. Ends with a line break. What
/// does not fit into `most_lines` is left out behind "…".
std::string wrapped(const std::string& lead, const std::string& text, std::size_t width = kTextWidth,
                    std::size_t most_lines = std::string::npos);

}  // namespace kneepoint::coordinator
