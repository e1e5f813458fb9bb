#include "coordinator/cli/init_command.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>

#include "common/printable.h"
#include "coordinator/cli/failure.h"
#include "coordinator/cli/standard_output.h"
#include "coordinator/init/host_probe.h"
#include "coordinator/init/starting_plan.h"
#include "coordinator/plan/plan_loader.h"
#include "coordinator/plan/target_reader.h"
#include "coordinator/plan/yaml_reader.h"
#include "coordinator/results/exit_code.h"

namespace kneepoint::coordinator {
namespace {

/// The plan is named after its file.
std::string name_of(const std::string& output) {
  std::string name = std::filesystem::path(output).stem().string();
  return yaml::is_valid_name(name) ? name : "plan";
}

Result<void> write_new(const std::string& path, const std::string& text) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "wx"), std::fclose);
  if (!file) {
    return Error{fmt::format(
        "{}: {}", path, errno == EEXIST ? "is there already; name another --output" : std::strerror(errno))};
  }
  if (std::fputs(text.c_str(), file.get()) < 0 || std::fflush(file.get()) != 0)
    return Error{fmt::format("{}: cannot be written: {}", path, std::strerror(errno))};
  return {};
}

}  // namespace

int init_command(const InitOptions& options) {
  const auto url = parse_base_url(options.url);
  if (!url) return refuse(url.error().message);
  ProbeOptions probe{.url = *url, .model = options.model};
  if (!options.token_env.empty())
    probe.auth = {.source = SecretRef::Source::kEnvironment, .name = options.token_env};
  const auto facts = probe_host(probe);
  if (!facts) return refuse(facts.error().message);

  const std::string name = name_of(options.output);
  const std::string text = starting_plan(*facts, name);
  if (const auto plan = parse_plan(text, name + ".yaml", {}); !plan)
    return refuse(fmt::format("what the host says of itself makes no plan: {}", plan.error().message));
  if (options.output.empty()) {
    say(printable_lines(text));
    return kDone;
  }
  if (const auto written = write_new(options.output, text); !written) return refuse(written.error().message);
  say(fmt::format("{} serves {}; plan: {}\n", *url, printable(facts->models.front().id), options.output));
  return kDone;
}

}  // namespace kneepoint::coordinator
