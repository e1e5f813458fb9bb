#include "coordinator/cli/commands.h"

#include <fmt/format.h>

#include "common/printable.h"
#include "coordinator/cli/failure.h"
#include "coordinator/cli/report_file.h"
#include "coordinator/cli/standard_output.h"
#include "coordinator/plan/plan_json.h"
#include "coordinator/plan/plan_loader.h"
#include "coordinator/plan/plan_printer.h"
#include "coordinator/plan/schema.h"
#include "coordinator/report/json_schema.h"
#include "coordinator/report/llmd_report.h"
#include "coordinator/report/run_directory.h"
#include "coordinator/results/exit_code.h"

namespace kneepoint::coordinator {
namespace {

Result<void> write_for_llmd(const Report& report, const std::filesystem::path& out) {
  const auto documents = render_llmd_reports(report);
  if (documents.empty()) return Error{"none of its rows is valid: there is nothing for --llm-d to write"};
  const auto directory = RunDirectory::create(out, report.run_name, report.started_at);
  if (!directory) return directory.error();
  for (const LlmdReport& document : documents) {
    if (const auto written = directory->write(document.file, document.text); !written) return written.error();
  }
  return {};
}

}  // namespace

int validate_command(const std::string& plan, const std::vector<std::string>& set, bool json) {
  const auto variables = variables_from_flags(set);
  if (!variables) return refuse(variables.error().message);
  const auto loaded = load_plan(plan, *variables);
  if (json) say(plan_json(loaded));
  if (!loaded) return refuse(loaded.error().message);
  if (!json) say_wrapped(printable_lines(describe_plan(*loaded)));
  return kDone;
}

int report_command(const std::string& path, Detail detail, const std::optional<std::filesystem::path>& llmd) {
  const auto report = read_report(path);
  if (!report) return refuse(report.error().message);
  if (llmd) {
    if (const auto written = write_for_llmd(*report, *llmd); !written)
      return refuse(fmt::format("{}: {}", path, written.error().message));
  }
  std::filesystem::path directory = path;
  if (!std::filesystem::is_directory(directory)) directory = directory.parent_path();
  say(render_ending(*report, directory.empty() ? "." : directory.string(), detail, answer_width(detail)));
  return kDone;
}

int schema_command(const std::string& of) {
  say(of == "plan" ? std::string(plan_json_schema()) : report_json_schema());
  return kDone;
}

}  // namespace kneepoint::coordinator
