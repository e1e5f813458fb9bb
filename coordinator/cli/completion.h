#pragma once

#include <CLI/CLI.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace kneepoint::coordinator {

/// The script that completes `kneepoint` in a shell ("bash", "zsh" or "fish"), made from the commands and
/// options of `app`: what is not there is not offered. Absent for another shell.
std::optional<std::string> completion_script(const CLI::App& app, std::string_view shell);

}  // namespace kneepoint::coordinator
