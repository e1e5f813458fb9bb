// Plays canned tokens through the agent's token path, for counting instructions: see instructions.py. What it
// leaves out: token_path.h.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <map>
#include <string>

#include "tests/bench/token_path.h"

int main(int argc, char** argv) {
  using namespace kneepoint;
  struct Variant {
    Api api;
    bench::Shape shape;
  };
  const std::map<std::string, Variant> variants = {
      {"chat", {Api::kOpenAiChat, bench::Shape::kUsual}},
      {"chat-unusual", {Api::kOpenAiChat, bench::Shape::kUnusual}},
      {"completions", {Api::kOpenAiCompletions, bench::Shape::kUsual}},
      {"custom", {Api::kCustom, bench::Shape::kUsual}},
      {"generate", {Api::kVllmGenerate, bench::Shape::kUsual}},
  };
  std::string name = "chat";
  std::uint64_t tokens = 100'000;
  CLI::App app("Plays canned tokens through the agent's token path, without sockets");
  app.add_option("--variant", name, "chat, chat-unusual, completions, custom or generate")
      ->check(CLI::IsMember(variants));
  app.add_option("--tokens", tokens, "How many")->capture_default_str();
  CLI11_PARSE(app, argc, argv);

  const Variant& variant = variants.at(name);
  bench::TokenPath path(variant.api, variant.shape);
  path.play(tokens);
  const bool sound = path.finish() && path.recorded_chunks() == tokens;
  fmt::print("{} tokens played, {} recorded\n", tokens, path.recorded_chunks());
  return sound ? 0 : 1;
}
