#pragma once

#include <string>

#include "common/result.h"

namespace kneepoint::coordinator {

/// Writes a new file; never replaces one. An error is one line.
Result<void> write_new_file(const std::string& path, const std::string& text);

/// Keeps a plan in the working directory as NAME.yaml, or as NAME-2.yaml, NAME-3.yaml … where another text
/// lies there; the same text is left as it is. @returns the file's name.
Result<std::string> keep_plan(const std::string& name, const std::string& text);

}  // namespace kneepoint::coordinator
