#include "coordinator/report/text_layout.h"

#include <algorithm>
#include <string_view>

#include "coordinator/report/columns.h"

namespace kneepoint::coordinator {
namespace {

constexpr std::string_view kGap = "  ";

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

std::string text_header(const std::vector<Column>& columns) {
  std::vector<std::string> titles;
  for (const Column& column : columns) titles.push_back(column.title);
  return text_line(columns, titles);
}

std::string draw_text(const Table& table) {
  std::string out = text_header(table.columns) + "\n";
  for (const auto& row : table.rows) out += text_line(table.columns, row) + "\n";
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

}  // namespace kneepoint::coordinator
