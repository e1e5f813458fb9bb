#include "coordinator/cli/replay_command.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include "common/version.h"
#include "coordinator/cli/failure.h"
#include "coordinator/cli/standard_output.h"
#include "coordinator/recording/recording.h"
#include "coordinator/recording/results.h"
#include "coordinator/report/run_directory.h"
#include "coordinator/results/exit_code.h"

namespace kneepoint::coordinator {

int replay_command(const ReplayOptions& options) {
  umask(077);  // as the run's own files
  const auto file = segment_path(options.directory, kRecordingFile, 1);
  if (std::error_code error; !std::filesystem::exists(file, error))
    return refuse(fmt::format("{}: no recording there; name a run directory", file.string()));
  auto recording = read_recording(options.directory);
  if (!recording) return refuse(recording.error().message);
  RunFacts& facts = recording->facts;
  if (facts.version != version()) facts.version = fmt::format("{}, recorded by {}", version(), facts.version);

  const Plan& plan = recording->plan;
  const auto directory =
      RunDirectory::create(options.out.value_or(options.directory), plan.name, facts.started_at);
  if (!directory) return refuse(directory.error().message);
  if (const auto written = directory->write("plan.yaml", plan.source_text); !written)
    return refuse(written.error().message);
  const Measured measured{.plan = plan,
                          .timeline = recording->timeline,
                          .windows = recording->windows,
                          .facts = facts,
                          .telemetry = recording->telemetry};
  const Report report = analyse(measured);
  say(render_ending(report, directory->path().string(), options.detail, answer_width(options.detail)));
  const auto failed = write_results(*directory, measured, report);
  for (const std::string& line : failed) fail(kInternalError, line);
  return failed.empty() ? exit_code(report) : kInternalError;
}

}  // namespace kneepoint::coordinator
