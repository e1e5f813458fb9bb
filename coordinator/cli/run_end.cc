// A run from the end of its load on: the record is closed, the answer told and written.
#include <fmt/format.h>

#include <cstdint>
#include <thread>

#include "common/printable.h"
#include "coordinator/cli/run.h"
#include "coordinator/cli/standard_output.h"
#include "coordinator/recording/folded.h"
#include "coordinator/recording/results.h"
#include "coordinator/report/text.h"
#include "coordinator/verdict/build_report.h"

namespace kneepoint::coordinator {
namespace {

/// How long the last of the progress may take to be written before the answer is.
constexpr Nanos kProgressPatience = std::chrono::seconds(1);
/// A clock that has moved further is worth a word: a twentieth of a second.
constexpr Nanos kNoticedDrift = std::chrono::milliseconds(50);

}  // namespace

void Run::close_record(const Timeline& timeline) {
  recorded_whole_ = record_.flush();
  take_telemetry(timeline);
  take_notices();
  if (!recorded_whole_) display_.print("what is recorded of the run is not whole: the disk did not take it");
}

void Run::tell_of_clocks() {
  for (std::uint32_t i = 0; i < fleet_->agents_ever(); ++i) {
    const AgentInfo& agent = fleet_->agent(i);
    if (std::chrono::abs(agent.clock_drift) < kNoticedDrift + agent.clock.round_trip) continue;
    display_.print(fmt::format(
        "agent {}: its clock has moved by {:.0f} ms against this one since the start; its seconds "
        "were moved back",
        agent.name, to_seconds(agent.clock_drift) * 1000));
  }
}

void Run::settle(BackgroundOutput& output) {
  const MonoTime until = SystemClock().now() + kProgressPatience;
  output.flush([&] { return SystemClock().now() >= until; });
}

ExitCode Run::report(const Measured& measured, bool interrupted) {
  const Report report = analyse(measured);
  display_.finish(report);
  if (options_.detail != Detail::kLine) errors_.write("\n");
  settle(errors_);  // on a terminal the answer comes below the table
  const std::string directory = directory_.path().string();
  closing_ = render_ending(report, directory, Detail::kAnswer, kTextWidth);
  output_.write(options_.ending
                    ? options_.ending(report, directory_.path())
                    : render_ending(report, directory, options_.detail, answer_width(options_.detail)));
  std::vector<std::string> failed = write_results(directory_, measured, report);
  if (const auto pointed = directory_.point_latest(); !pointed) failed.push_back(pointed.error().message);
  for (const std::string& line : failed) errors_.write(fmt::format("kneepoint: {}\n", printable_lines(line)));
  const int interrupts = interrupts_.count();
  output_.flush([&] { return interrupts_.count() > interrupts; });
  if (const int error = output_.error(); error != 0) note_lost_output(error);
  if (!interrupted) fold(measured);
  linger(interrupted);
  return failed.empty() ? exit_code(report) : kInternalError;
}

void Run::fold(const Measured& measured) {
  if (!recorded_whole_) return;
  const auto& [plan, timeline, windows, facts, telemetry] = measured;
  if (const auto folded = fold_recording(directory_.path(), timeline, windows, facts); !folded)
    errors_.write(fmt::format("kneepoint: {}; the recording stays as it is, which is larger\n",
                              printable_lines(folded.error().message)));
}

void Run::linger(bool interrupted) {
  if (!server_ || interrupted || options_.linger <= Nanos(0)) return;
  const std::jthread answers([this](const std::stop_token& stop) {
    fleet_->see_off(SIZE_MAX, options_.linger, [&]() -> Result<void> {
      if (stop.stop_requested()) return Error{"scraped"};
      return {};
    });
  });
  server_->http().wait_scraped(2, SystemClock().now() + options_.linger, interrupts_.token());
}

}  // namespace kneepoint::coordinator
