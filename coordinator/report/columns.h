#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "common/printable.h"

/// Text measured in terminal columns, so that a line that must not wrap does not.
namespace kneepoint::coordinator {

/// The columns that UTF-8 `text` takes: 2 for East Asian wide characters and emoji, 0 for combining marks.
/// Malformed bytes count 1, colour sequences (ESC [ … m) nothing.
std::size_t column_width(std::string_view text);

/// The longest prefix of `text` that fits in `columns`, ending in `ellipsis` where something was cut off.
/// `text` holds no escape sequences.
std::string fit_columns(std::string_view text, std::size_t columns, std::string_view ellipsis);

}  // namespace kneepoint::coordinator
