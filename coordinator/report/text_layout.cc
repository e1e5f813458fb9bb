#include "coordinator/report/text_layout.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <numeric>
#include <string_view>

#include "common/printable.h"
#include "coordinator/report/columns.h"

namespace kneepoint::coordinator {
namespace {

constexpr std::string_view kGap = "  ";
/// Words in a last column need so much room, else each line holds one of them; a name that is cut needs less.
constexpr std::size_t kNarrowestWords = 24, kNarrowestName = 8;

bool is_last(const std::vector<Column>& columns, std::size_t at) {
  return at + 1 == columns.size();
}

/// The width of a line of these columns. What the last one holds of words is wrapped.
std::size_t line_width_of(const std::vector<Column>& columns) {
  std::size_t width = 0;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    const bool words = columns[i].left && is_last(columns, i);
    const std::size_t least =
        columns[i].width == 0 ? kNarrowestWords : std::min(columns[i].width, kNarrowestWords);
    width += (i == 0 ? 0 : kGap.size()) + (words ? least : columns[i].width);
  }
  return width;
}

/// What the cells of a column need.
std::size_t needed(const Table& table, std::size_t at) {
  std::size_t width = column_width(table.columns[at].title);
  for (const auto& row : table.rows) width = std::max(width, column_width(printable(row[at])));
  return width;
}

/// Cuts the longest names until the line fits.
void cut_names(std::vector<Column>& columns, std::size_t width) {
  while (line_width_of(columns) > width) {
    Column* longest = nullptr;
    for (std::size_t i = 0; i < columns.size(); ++i) {
      const bool name = columns[i].left && !is_last(columns, i) && columns[i].width > kNarrowestName;
      if (name && (longest == nullptr || columns[i].width > longest->width)) longest = &columns[i];
    }
    if (longest == nullptr) return;
    --longest->width;
  }
}

/// Breaks at spaces; only a word that is too long by itself is cut.
std::vector<std::string> broken(std::string_view text, std::size_t room) {
  std::vector<std::string> lines(1);
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find(' ', at), text.size());
    const std::string word = fit_columns(text.substr(at, end - at), room, "…");
    const std::string longer = lines.back().empty() ? word : lines.back() + " " + word;
    if (column_width(longer) <= room) {
      lines.back() = longer;
    } else {
      lines.push_back(word);
    }
    at = end + 1;
  }
  return lines;
}

std::string text_header(const std::vector<Column>& columns, std::size_t width) {
  std::vector<std::string> titles;
  for (const Column& column : columns) titles.push_back(column.title);
  return text_line(columns, titles, width);
}

}  // namespace

std::string text_line(const std::vector<Column>& columns, const std::vector<std::string>& cells,
                      std::size_t line_width) {
  std::string line;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    if (i > 0) line += kGap;
    const std::string text = printable(cells[i]);
    if (columns[i].left && i + 1 == cells.size()) {
      const std::size_t used = std::min(line_width - 1, column_width(line));
      const std::string indent(used, ' ');
      std::string under;
      for (const std::string& part : broken(text, line_width - used)) {
        line += under + part;
        under = "\n" + indent;
      }
      break;
    }
    const std::string cell = columns[i].left ? fit_columns(text, columns[i].width, "…") : text;
    const std::size_t width = column_width(cell);
    const std::string padding(columns[i].width > width ? columns[i].width - width : 0, ' ');
    line += columns[i].left ? cell + padding : padding + cell;
  }
  while (!line.empty() && line.back() == ' ') line.pop_back();
  return line;
}

std::vector<std::size_t> kept_columns(const std::vector<Column>& columns, std::size_t width) {
  std::vector<std::size_t> places(columns.size());
  std::iota(places.begin(), places.end(), std::size_t{0});
  const auto chosen = [&] {
    std::vector<Column> kept;
    for (const std::size_t i : places) kept.push_back(columns[i]);
    return kept;
  };
  while (line_width_of(chosen()) > width) {
    const auto first = std::max_element(places.begin(), places.end(), [&](std::size_t a, std::size_t b) {
      return columns[a].spare < columns[b].spare;
    });
    if (columns[*first].spare == 0) break;
    places.erase(first);
  }
  return places;
}

Table fitted(Table table, std::size_t width) {
  std::vector<Column> roomy = table.columns, tight = table.columns;
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    const std::size_t cells = needed(table, i);
    tight[i].width =
        table.columns[i].left && !is_last(tight, i) ? std::min(cells, table.columns[i].width) : cells;
    roomy[i].width = std::max(tight[i].width, table.columns[i].width);
  }
  if (line_width_of(roomy) <= width) return table;
  Table narrow;
  const std::vector<std::size_t> places = kept_columns(tight, width);
  for (const std::size_t i : places) narrow.columns.push_back(tight[i]);
  for (const auto& row : table.rows) {
    narrow.rows.emplace_back();
    for (const std::size_t i : places) narrow.rows.back().push_back(row[i]);
  }
  cut_names(narrow.columns, width);
  return narrow;
}

std::string draw_text(const Table& table, std::size_t width) {
  const Table drawn = fitted(table, width);
  std::string out = text_header(drawn.columns, width) + "\n";
  for (const auto& row : drawn.rows) out += text_line(drawn.columns, row, width) + "\n";
  return out;
}

std::string wrapped(const std::string& lead, const std::string& text, std::size_t width,
                    std::size_t most_lines) {
  const std::string indent(column_width(lead), ' ');
  std::string out;
  std::string line = lead;
  bool fresh = true;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t end = std::min(text.find(' ', at), text.size());
    const std::string word = printable(text.substr(at, end - at));
    if (!fresh && column_width(line) + 1 + column_width(word) > width) {
      if (--most_lines == 0) return out + fit_columns(line + " …", width, "…") + "\n";
      out += line + "\n";
      line = indent;
      fresh = true;
    }
    line += (fresh ? "" : " ") + word;
    fresh = false;
    at = end + 1;
  }
  return out + line + "\n";
}

std::string wrapped_lines(std::string_view text, std::size_t width) {
  std::string out;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    if (column_width(line) <= width) {
      out += fmt::format("{}\n", line);
      continue;
    }
    const std::size_t begin = std::min(line.find_first_not_of(' '), line.size());
    const std::size_t space = std::min(line.find(' ', begin), line.size()), gap = line.find("  ", begin);
    std::size_t words = begin;
    const bool bullet = column_width(line.substr(begin, space - begin)) == 1 &&
                        std::isalnum(static_cast<unsigned char>(line[begin])) == 0;
    if (bullet) {
      words = space + 1;
    } else if (gap != line.npos) {
      const std::size_t behind = line.find_first_not_of(' ', gap);
      if (behind != line.npos && 2 * column_width(line.substr(0, behind)) <= width + 1) words = behind;
    }
    out += wrapped(std::string(line.substr(0, words)), std::string(line.substr(words)), width);
  }
  return out;
}

}  // namespace kneepoint::coordinator
