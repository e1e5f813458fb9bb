#include "coordinator/cli/completion.h"

#include <fmt/format.h>

#include <vector>

namespace kneepoint::coordinator {
namespace {

struct Word {
  std::string name;  ///< "--out"
  std::string help;
  bool takes_value = false;
};

std::vector<Word> options_of(const CLI::App& command) {
  std::vector<Word> words;
  for (const CLI::Option* option : command.get_options()) {
    for (const std::string& name : option->get_lnames())
      words.push_back({"--" + name, option->get_description(), option->get_expected_max() > 0});
  }
  return words;
}

std::string names_of(const std::vector<Word>& words) {
  std::string text;
  for (const Word& word : words) text += (text.empty() ? "" : " ") + word.name;
  return text;
}

std::string commands_of(const CLI::App& app) {
  std::string text;
  for (const CLI::App* command : app.get_subcommands({}))
    text += (text.empty() ? "" : " ") + command->get_name();
  return text;
}

/// Options where the word begins with a dash, else files: plans, run directories.
std::string bash(const CLI::App& app) {
  std::string cases;
  for (const CLI::App* command : app.get_subcommands({}))
    cases += fmt::format("    {}) options=\"{}\" ;;\n", command->get_name(), names_of(options_of(*command)));
  return fmt::format(R"(_kneepoint() {{
  local word=${{COMP_WORDS[COMP_CWORD]}} options=""
  COMPREPLY=()
  if [[ $COMP_CWORD -eq 1 ]]; then
    COMPREPLY=($(compgen -W "{} --help --version" -- "$word"))
    return
  fi
  case ${{COMP_WORDS[1]}} in
{}  esac
  [[ $word == -* ]] && COMPREPLY=($(compgen -W "$options" -- "$word"))
}}
complete -o default -F _kneepoint kneepoint
)",
                     commands_of(app), cases);
}

std::string quoted(std::string text) {
  std::string out;
  for (const char each : text) {
    if (each == '\'' || each == '\\') out += '\\';
    out += each == '\n' ? ' ' : each;
  }
  return "'" + out + "'";
}

std::string fish(const CLI::App& app) {
  std::string script;
  for (const CLI::App* command : app.get_subcommands({})) {
    script += fmt::format("complete -c kneepoint -n __fish_use_subcommand -f -a {} -d {}\n",
                          command->get_name(), quoted(command->get_description()));
  }
  for (const CLI::App* command : app.get_subcommands({})) {
    for (const Word& word : options_of(*command)) {
      script += fmt::format("complete -c kneepoint -n '__fish_seen_subcommand_from {}' -l {}{} -d {}\n",
                            command->get_name(), word.name.substr(2), word.takes_value ? " -r" : "",
                            quoted(word.help));
    }
  }
  return script;
}

}  // namespace

std::optional<std::string> completion_script(const CLI::App& app, std::string_view shell) {
  if (shell == "bash") return bash(app);
  if (shell == "zsh") return "#compdef kneepoint\nautoload -U +X bashcompinit && bashcompinit\n" + bash(app);
  if (shell == "fish") return fish(app);
  return std::nullopt;
}

}  // namespace kneepoint::coordinator
