#include <gtest/gtest.h>

#include <CLI/CLI.hpp>

#include "coordinator/cli/completion.h"
#include "coordinator/cli/suggest.h"

namespace kneepoint::coordinator {
namespace {

/// A program with two commands, as kneepoint is one with nine.
struct Program {
  CLI::App app{"Measures."};
  std::string plan, out, serve;
  bool quiet = false;

  Program() {
    app.require_subcommand(1);
    CLI::App& run = *app.add_subcommand("run", "Run a plan");
    run.add_option("PLAN", plan)->required();
    run.add_option("--out", out, "Where the host's results go");
    run.add_option("--serve", serve, "Where");
    run.add_flag("--quiet", quiet, "Say less");
    app.add_subcommand("replay", "Again")->add_option("DIR", plan)->required();
  }

  /// What is said of a command line that is wrong; empty where nothing is.
  std::string mistake(std::vector<std::string> words) {
    std::vector<std::string> reversed(words.rbegin(), words.rend());
    try {
      app.parse(reversed);
    } catch (const CLI::ParseError& error) {
      return explain_mistake(app, error, words);
    }
    return "";
  }
};

TEST(CommandLine, NamesWhatWasMeant) {
  EXPECT_EQ(Program().mistake({"rnu", "plan.yaml"}), "there is no command 'rnu'; did you mean run?");
  EXPECT_EQ(Program().mistake({"relpay", "x"}), "there is no command 'relpay'; did you mean replay?");
  EXPECT_EQ(Program().mistake({"http://gpu-1:8000"}),
            "there is no command 'http://gpu-1:8000'; to look at a host: kneepoint quick http://gpu-1:8000");
  EXPECT_EQ(Program().mistake({"gpu"}), "there is no command 'gpu'; there are run, replay");
  EXPECT_EQ(Program().mistake({"run", "p", "--sevre", "none"}),
            "kneepoint run has no option --sevre; did you mean --serve? Or see kneepoint run --help");
  EXPECT_EQ(Program().mistake({"run", "p", "--duration=5s"}),
            "kneepoint run has no option --duration; see kneepoint run --help");
}

TEST(CommandLine, PointsToTheHelpOfTheCommandThatWasWrong) {
  EXPECT_NE(Program().mistake({"run"}).find("see kneepoint run --help"), std::string::npos);
  EXPECT_NE(Program().mistake({"run", "a", "b"}).find("see kneepoint run --help"), std::string::npos);
  EXPECT_NE(Program().mistake({"--loud"}).find("see kneepoint --help"), std::string::npos);
  EXPECT_EQ(Program().mistake({"run", "plan.yaml", "--serve", "none"}), "");
}

TEST(CommandLine, CompletionOffersWhatThereIs) {
  Program program;
  const auto bash = completion_script(program.app, "bash");
  ASSERT_TRUE(bash);
  EXPECT_NE(bash->find("compgen -W \"run replay --help --version\""), std::string::npos) << *bash;
  EXPECT_NE(bash->find("run) options=\"--help --out --serve --quiet\" ;;"), std::string::npos) << *bash;
  const auto fish = completion_script(program.app, "fish");
  ASSERT_TRUE(fish);
  EXPECT_NE(fish->find("complete -c kneepoint -n '__fish_seen_subcommand_from run' -l out -r -d 'Where the "
                       "host\\'s results go'"),
            std::string::npos)
      << *fish;
  EXPECT_NE(fish->find("-l quiet -d"), std::string::npos) << "a flag takes no value";
  EXPECT_TRUE(completion_script(program.app, "zsh")->starts_with("#compdef kneepoint\n"));
  EXPECT_EQ(completion_script(program.app, "tcsh"), std::nullopt);
}

}  // namespace
}  // namespace kneepoint::coordinator
