#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace kneepoint::coordinator {

/// What is wrong with a command line that `app` refused with `error`, in one line with the remedy: what was
/// meant, and whose help to read. @param words the command line without the program's name.
std::string explain_mistake(const CLI::App& app, const CLI::ParseError& error,
                            const std::vector<std::string>& words);

}  // namespace kneepoint::coordinator
