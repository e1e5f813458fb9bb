#pragma once

#include <cstddef>
#include <string_view>

#include "coordinator/report/ending.h"
#include "coordinator/report/text.h"

namespace kneepoint::coordinator {

/// Takes the place of standard descriptors that are closed, so that no file or socket of ours gets their
/// numbers and is written to as if it were a terminal. Call before anything is opened.
void hold_standard_descriptors();

/// Writes to standard output. That it could not is told by finish_output, not here: a run ends as it would.
void say(std::string_view text);

/// The same of what others wrote to standard output. @param error errno.
void note_lost_output(int error);

/// Columns that lines on `fd` should fit: of a terminal its own, or COLUMNS, at most those of a report;
/// `elsewhere`, of a file or a pipe.
std::size_t line_width(int fd, std::size_t elsewhere = kTextWidth);
/// The same of what a report's `detail` prints on standard output.
std::size_t answer_width(Detail detail = Detail::kAnswer);

/// say() in lines that fit standard output.
void say_wrapped(std::string_view text);

/// Writes out what is left. @return `code`; or, where standard output could not be written and `code` says
/// that all went well, kInternalError, with a line on standard error either way. A reader that left (`… |
/// head`) has seen what it wanted.
int finish_output(int code);

}  // namespace kneepoint::coordinator
