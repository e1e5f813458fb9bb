#include "coordinator/cli/init_command.h"

#include <fmt/format.h>

#include <filesystem>

#include "common/name.h"
#include "common/printable.h"
#include "coordinator/cli/failure.h"
#include "coordinator/cli/standard_output.h"
#include "coordinator/cli/write_plan.h"
#include "coordinator/init/plan_text.h"
#include "coordinator/init/quick_plan.h"
#include "coordinator/init/starting_plan.h"
#include "coordinator/plan/plan_loader.h"
#include "coordinator/results/exit_code.h"

namespace kneepoint::coordinator {
namespace {

/// The plan is named after its file, as near as a name may be.
std::string name_of(const std::string& output) {
  const std::string name = std::filesystem::path(output).stem().string();
  return is_valid_name(name) ? name : made_name(name);
}

}  // namespace

int init_command(const InitOptions& options) {
  const auto hosts = probe_hosts(options.hosts, !options.output.empty());
  if (!hosts) return refuse(hosts.error().message);
  const std::string name = name_of(options.output);
  const auto text = options.quick ? quick_plan(*hosts, name, {}) : starting_plan(*hosts, name);
  if (!text) return refuse(text.error().message);
  if (const auto plan = parse_plan(*text, name + ".yaml", {}); !plan)
    return refuse(fmt::format("what the host says of itself makes no plan: {}", plan.error().message));
  if (options.output.empty()) {
    say(printable_lines(*text));
    return kDone;
  }
  if (const auto written = write_new_file(options.output, *text); !written)
    return refuse(written.error().message);
  say_wrapped(fmt::format("{} serves {}; plan: {}\nnext: kneepoint run {}\n", hosts->front().url,
                          printable(hosts->front().models.front().id), options.output,
                          shell_word(options.output)));
  return kDone;
}

}  // namespace kneepoint::coordinator
