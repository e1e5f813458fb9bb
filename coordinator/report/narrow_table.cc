#include "coordinator/report/narrow_table.h"

#include <vector>

#include "coordinator/report/tables.h"
#include "coordinator/report/text_layout.h"

namespace kneepoint::coordinator {
namespace {

std::string drawn(const std::vector<std::string>& cells, std::size_t width) {
  std::vector<Column> columns;
  std::vector<std::string> texts;
  for (const std::size_t i : kept_columns(load_columns(), width)) {
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
