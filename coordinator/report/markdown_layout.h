#pragma once

#include <string>

#include "coordinator/report/tables.h"

namespace kneepoint::coordinator {

/// Names come from plans: nothing in them may open a table cell, a tag, a link or emphasis.
std::string markdown_escaped(const std::string& text);
/// The table below its title, as a heading of the third level; nothing where it has no rows.
std::string draw_markdown(const std::string& title, const Table& table);

}  // namespace kneepoint::coordinator
