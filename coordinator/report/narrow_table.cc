#include "coordinator/report/narrow_table.h"

#include <algorithm>
#include <array>
#include <vector>

#include "coordinator/report/tables.h"
#include "coordinator/report/text_layout.h"

namespace kneepoint::coordinator {
namespace {

constexpr std::size_t kGap = 2;
/// A column of words that is narrower breaks every line.
constexpr std::size_t kNarrowestNote = 24;
/// What is missed least goes first.
constexpr std::array<std::string_view, 6> kExpendable = {"note",     "in flight", "req/s",
                                                         "TTFT p50", "TPOT p50",  "TTFT p95"};

std::size_t table_width(const std::vector<Column>& columns) {
  std::size_t width = 0;
  for (const Column& column : columns) width += kGap + (column.left ? kNarrowestNote : column.width);
  return width - kGap;
}

/// The columns that stay, by their place in load_columns().
std::vector<std::size_t> kept(std::size_t width) {
  const std::vector<Column>& all = load_columns();
  std::vector<std::size_t> places(all.size());
  for (std::size_t i = 0; i < all.size(); ++i) places[i] = i;
  const auto chosen = [&] {
    std::vector<Column> columns;
    for (const std::size_t i : places) columns.push_back(all[i]);
    return columns;
  };
  for (const std::string_view title : kExpendable) {
    if (table_width(chosen()) <= width) break;
    std::erase_if(places, [&](std::size_t i) { return all[i].title == title; });
  }
  return places;
}

std::string drawn(const std::vector<std::string>& cells, std::size_t width) {
  std::vector<Column> columns;
  std::vector<std::string> texts;
  for (const std::size_t i : kept(width)) {
    columns.push_back(load_columns()[i]);
    texts.push_back(cells[i]);
  }
  return text_line(columns, texts, width);
}

}  // namespace

std::string narrow_header(std::size_t width) {
  std::vector<std::string> titles;
  for (const Column& column : load_columns()) titles.push_back(column.title);
  return drawn(titles, width);
}

std::string narrow_line(const Step& step, std::size_t width) {
  return drawn(load_cells(step), width);
}

}  // namespace kneepoint::coordinator
