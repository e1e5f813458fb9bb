#include "coordinator/live/run_feed.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "common/json_quoted.h"
#include "common/printable.h"
#include "common/version.h"
#include "coordinator/report/html/timeline_json.h"
#include "coordinator/report/json.h"
#include "coordinator/words/answer.h"

namespace kneepoint::coordinator {
namespace {

/// How many frames a client may be behind without needing a snapshot.
constexpr std::size_t kFramesKept = 8;
/// So many seconds at once are told as frames; more make a snapshot.
constexpr std::int64_t kFewSeconds = 3;
/// Something is told at least that often while a run goes on.
constexpr Nanos kPulse = std::chrono::seconds(1);

/// The loads that a plan names, in their order: the staircase. Empty where they are found as the run goes on.
std::string loads_json(const Ramp& ramp) {
  std::string loads;
  const auto add = [&](double load) { loads += fmt::format("{}{:.6g}", loads.empty() ? "" : ",", load); };
  for (const std::uint32_t step : ramp.steps) add(step);
  if (ramp.open) {
    for (const ArrivalProcess& step : ramp.open->steps) add(step.rate);
  }
  return loads;
}

/// What the loads count.
std::string_view load_words(const Scenario& scenario) {
  const bool sessions = scenario.workload.thinks();
  if (scenario.ramp.open) return sessions ? "sessions per second asked for" : "requests per second asked for";
  return sessions ? "sessions" : "concurrent requests";
}

std::string head_json(const Plan& plan, const std::vector<Cell>& cells, const std::string& run_id) {
  std::string list;
  for (const Cell& cell : cells) {
    const Scenario& scenario = plan.scenarios[cell.scenario];
    const Target& target = plan.targets[cell.target];
    list += fmt::format(R"({}{{"scenario":{},"target":{},"model":{},"load":{},"loads":[{}]}})",
                        list.empty() ? "" : ",", json_quoted(printable(scenario.name)),
                        json_quoted(printable(target.name)), json_quoted(printable(target.model)),
                        json_quoted(load_words(scenario)), loads_json(scenario.ramp));
  }
  return fmt::format(R"({{"run_id":{},"plan":{},"cells":[{}]}})", json_quoted(run_id),
                     json_quoted(printable(plan.name)), list);
}

/// What a reader looks for beside the load, of what the target has told lately.
std::vector<CourseSecond::Reading> readings_of(const TelemetrySeries& telemetry, const std::string& target,
                                               double second) {
  std::vector<CourseSecond::Reading> readings;
  const StepTelemetry told = telemetry.summarise(target, second, second + 1);
  const auto add = [&](const char* name, const char* unit, const std::optional<double>& value) {
    if (value) readings.push_back({name, unit, target, *value});
  };
  add("running", "requests", told.running_mean);
  add("waiting", "requests", told.waiting_mean);
  add("KV cache", "ratio", told.kv_usage_mean);
  add("GPU busy", "ratio", told.gpu.util_mean);
  add("GPU power", "W", told.gpu.power_mean_watts);
  return readings;
}

/// Events hold one line of data; in JSON a line break is a blank.
std::string one_line(std::string json) {
  std::replace(json.begin(), json.end(), '\n', ' ');
  return json;
}

}  // namespace

RunFeed::RunFeed(const Plan& plan, const std::vector<Cell>& cells, const std::string& run_id, bool served)
    : plan_(plan),
      cells_(cells),
      served_(served),
      head_(head_json(plan, cells, run_id)),
      forming_(plan, cells, {.run_id = run_id, .run_name = plan.name, .version = std::string(version())},
               [this](const Report& report) { publish_report(report); }) {
  waiting("the run to begin");
}

void RunFeed::publish(const std::string& members) {
  {
    const std::lock_guard lock(mutex_);
    ++last_;
    frames_.push_back(std::make_shared<const std::string>(
        fmt::format("event: frame\nid: {}\ndata: {{{}}}\n\n", last_, members)));
    if (frames_.size() > kFramesKept) frames_.pop_front();
  }
  tell();
}

void RunFeed::waiting(std::string_view what) {
  std::string now = state_.json(what);
  const std::string members = "\"now\":" + now;
  {
    const std::lock_guard lock(mutex_);
    now_ = std::move(now);
  }
  publish(members);
}

void RunFeed::note(std::string_view line) {
  state_.note(line);
  told_at_ = Nanos(-1);  // with the next look
}

void RunFeed::publish_report(const Report& report) {
  std::string sentences;
  for (const ScenarioResult& result : report.results)
    sentences += (sentences.empty() ? "" : ",") + json_quoted(printable(saturation_sentence(result)));
  std::string json =
      fmt::format(R"({{"sentences":[{}],"report":{}}})", sentences, one_line(render_json(report)));
  const std::string members = "\"forming\":" + json;
  {
    const std::lock_guard lock(mutex_);
    report_ = std::move(json);
  }
  publish(members);
}

void RunFeed::take_second(std::int64_t second, const Progress& progress, const Timeline& timeline,
                          const TelemetrySeries& telemetry, bool one_by_one) {
  const auto found = timeline.seconds().find(second);
  if (found == timeline.seconds().end()) return;
  CourseSecond figures = state_.take(found->second);
  if (!progress.rate) figures.asked = progress.concurrency;
  const Cell& cell = cells_[progress.cell];
  const std::string& target = plan_.targets[cell.target].name;
  figures.telemetry = readings_of(telemetry, target, static_cast<double>(second));
  std::string bin;
  {
    const std::lock_guard lock(mutex_);
    course_.load(target, plan_.scenarios[cell.scenario].name, second);
    const auto at = course_.add(second, figures);
    if (at && one_by_one) {
      bin = bin_json(course_.so_far(), *at);
    } else {
      whole_ = last_ + 1;
    }
  }
  if (!bin.empty()) publish("\"bin\":" + bin);
}

void RunFeed::progress(const Progress& progress, const Timeline& timeline, const TelemetrySeries& telemetry) {
  if (!served_) return;
  const auto& seconds = timeline.seconds();
  if (through_ < 0 && !seconds.empty()) through_ = seconds.begin()->first - 1;
  const bool more = through_ < timeline.complete_through() && !seconds.empty();
  const std::string place = fmt::format("{} {} {}", progress.cell, progress.step, to_string(progress.phase));
  if (!more && place == told_place_ && told_at_ >= Nanos(0) && progress.now < told_at_ + kPulse) return;
  if (more) {
    // Of a run that goes on there is much at once: that is told by a snapshot.
    const bool one_by_one = timeline.complete_through() - through_ <= kFewSeconds;
    for (std::int64_t second = through_ + 1; second <= timeline.complete_through(); ++second)
      take_second(second, progress, timeline, telemetry, one_by_one);
    through_ = timeline.complete_through();
  }
  told_place_ = place;
  told_at_ = progress.now;
  const Cell& cell = cells_[progress.cell];
  std::string now =
      state_.json(progress, plan_.scenarios[cell.scenario].name, plan_.targets[cell.target].name);
  const std::string members = "\"now\":" + now;
  {
    const std::lock_guard lock(mutex_);
    now_ = std::move(now);
  }
  publish(members);
}

void RunFeed::finish(const Report& report) {
  if (!served_) return;
  publish_report(report);
  std::string words = trust_sentence(report.verdict.trust());
  for (const Remark& remark : report.verdict.remarks()) words += " " + remark_sentence(remark);
  over(words);
}

void RunFeed::over(std::string_view why) {
  const std::string over = json_quoted(printable(why));
  {
    const std::lock_guard lock(mutex_);
    over_ = over;
  }
  publish("\"over\":" + over);
}

EventFeed::Piece RunFeed::after(std::uint64_t seen) {
  std::unique_lock lock(mutex_);
  if (seen == last_) return {nullptr, seen};
  const std::uint64_t last = last_;
  const std::uint64_t missed = last - seen;
  if (seen > 0 && seen >= whole_ && missed <= frames_.size()) {
    if (missed == 1) return {frames_.back(), last};
    std::string text;
    for (std::size_t i = frames_.size() - missed; i < frames_.size(); ++i) text += *frames_[i];
    return {std::make_shared<const std::string>(std::move(text)), last};
  }
  if (snapshot_of_ == last) return {snapshot_, last};
  const RunTimeline course = course_.so_far();
  const std::string now = now_, report = report_, over = over_;
  lock.unlock();
  auto snapshot = std::make_shared<const std::string>(
      fmt::format("retry: 2000\nevent: snapshot\nid: {}\n"
                  R"(data: {{"run":{},"now":{},"forming":{},"over":{},"timeline":{}}})"
                  "\n\n",
                  last, head_, now, report, over, html::timeline_json(course)));
  lock.lock();
  snapshot_ = snapshot;
  snapshot_of_ = last;
  return {snapshot, last};
}

}  // namespace kneepoint::coordinator
