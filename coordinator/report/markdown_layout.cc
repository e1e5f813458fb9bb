#include "coordinator/report/markdown_layout.h"

#include <fmt/format.h>

#include "common/printable.h"

namespace kneepoint::coordinator {

std::string markdown_escaped(const std::string& text) {
  std::string out;
  for (const char c : printable(text)) {
    if (c == '<') {
      out += "&lt;";
    } else {
      if (std::string_view("|*_`[]\\#").find(c) != std::string_view::npos) out += '\\';
      out += c;
    }
  }
  return out;
}

std::string draw_markdown(const std::string& title, const Table& table) {
  if (table.rows.empty()) return "";
  std::string out = fmt::format("\n### {}\n\n|", title);
  for (const Column& column : table.columns) out += fmt::format(" {} |", markdown_escaped(column.title));
  out += "\n|";
  for (const Column& column : table.columns) out += column.left ? " :-- |" : " --: |";
  for (const auto& row : table.rows) {
    out += "\n|";
    for (const std::string& cell : row) out += fmt::format(" {} |", markdown_escaped(cell));
  }
  return out + "\n";
}

}  // namespace kneepoint::coordinator
