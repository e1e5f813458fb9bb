#include "coordinator/cli/suggest.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/nearest.h"

namespace kneepoint::coordinator {
namespace {

std::vector<std::string> command_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* each : app.get_subcommands({})) names.push_back(each->get_name());
  return names;
}

std::vector<std::string> option_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::Option* each : app.get_options()) {
    for (const std::string& name : each->get_lnames()) names.push_back("--" + name);
  }
  return names;
}

/// The subcommand that the command line names; null where it names none that there is.
const CLI::App* command_of(const CLI::App& app, const std::vector<std::string>& words) {
  for (const CLI::App* each : app.get_subcommands({})) {
    if (!words.empty() && each->get_name() == words.front()) return each;
  }
  return nullptr;
}

}  // namespace

std::string explain_mistake(const CLI::App& app, const CLI::ParseError& error,
                            const std::vector<std::string>& words) {
  const CLI::App* command = command_of(app, words);
  if (command == nullptr) {
    const std::string word = words.empty() ? "" : words.front();
    if (word.starts_with('-')) return fmt::format("kneepoint has no option {}; see kneepoint --help", word);
    if (word.empty()) return fmt::format("{}; see kneepoint --help", error.what());
    if (word.find("://") != word.npos)
      return fmt::format("there is no command '{0}'; to look at a host: kneepoint quick {0}", word);
    const std::vector<std::string> commands = command_names(app);
    const std::string meant = nearest(word, {commands.begin(), commands.end()});
    return meant.empty()
               ? fmt::format("there is no command '{}'; there are {}", word, fmt::join(commands, ", "))
               : fmt::format("there is no command '{}'; did you mean {}?", word, meant);
  }
  const std::string help = fmt::format("see kneepoint {} --help", command->get_name());
  const std::vector<std::string> options = option_names(*command);
  for (const std::string& each : words) {
    const std::string name = each.substr(0, each.find('='));
    if (!name.starts_with("--") || std::find(options.begin(), options.end(), name) != options.end()) continue;
    const std::string meant = nearest(name, {options.begin(), options.end()});
    return fmt::format("kneepoint {} has no option {}; {}{}", command->get_name(), name,
                       meant.empty() ? "" : "did you mean " + meant + "? Or ", help);
  }
  return fmt::format("{}; {}", error.what(), help);
}

}  // namespace kneepoint::coordinator
