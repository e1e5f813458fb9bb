#include "coordinator/live/past_runs.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "common/json_quoted.h"
#include "common/printable.h"
#include "coordinator/compare/comparison.h"
#include "coordinator/compare/render.h"
#include "coordinator/live/run_files.h"
#include "coordinator/report/html/figures.h"
#include "coordinator/report/json.h"
#include "coordinator/words/answer.h"

namespace kneepoint::coordinator {
namespace {

constexpr std::size_t kMostCompared = 6;  // that a chart can tell apart
constexpr std::size_t kMostSentences = 3;

/// A file that somebody wrote may run its script, and reach nothing by it: neither this server nor what the
/// browser keeps for it.
constexpr std::string_view kSandbox =
    "sandbox allow-scripts allow-modals; default-src 'none'; script-src 'unsafe-inline'; "
    "style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'";

HttpResponse page(std::string html) {
  return {
      .content_type = "text/html; charset=utf-8", .body = std::move(html), .policy = std::string(kSandbox)};
}

Result<Report> read_report(const std::filesystem::path& folder, const std::string& name) {
  const auto text = read_run_file(folder, name, "report.json");
  if (!text) return text.error();
  return parse_report_json(*text);
}

std::string verdict_of(const Report& report) {
  std::string words;
  for (std::size_t i = 0; i < std::min(report.results.size(), kMostSentences); ++i)
    words += saturation_sentence(report.results[i]) + " ";
  if (report.results.size() > kMostSentences)
    words += fmt::format("{} more. ", report.results.size() - kMostSentences);
  return words + std::string(trust_sentence(report.verdict.trust()));
}

std::string line_of(const std::string& name, const Result<Report>& report) {
  const std::string started = report ? html::utc_text(report->started_at) : "";
  return fmt::format(R"({{"name":{},"started":{},"plan":{},"verdict":{}}})", json_quoted(printable(name)),
                     json_quoted(started.substr(0, started.find(" UTC"))),
                     json_quoted(report ? printable(report->run_name) : ""),
                     json_quoted(report ? printable(verdict_of(*report)) : "its report.json cannot be read"));
}

}  // namespace

HttpResponse PastRuns::list(bool live) {
  std::vector<RunEntry> entries = run_entries(folder_);
  const std::size_t left_out = entries.size() - std::min(entries.size(), kMostListed);
  entries.resize(entries.size() - left_out);
  std::map<std::string, Line> lines;
  std::string list;
  for (const RunEntry& entry : entries) {
    Line line{entry.written, entry.size, {}, {}};
    const auto known = lines_.find(entry.name);
    const bool same =
        known != lines_.end() && known->second.written == line.written && known->second.size == line.size;
    if (same) {
      line = std::move(known->second);
    } else {
      const auto report = read_report(folder_, entry.name);
      if (report) line.id = report->run_id;
      line.json = line_of(entry.name, report);
    }
    list += (list.empty() ? "" : ",") + line.json;
    lines.emplace(entry.name, std::move(line));
  }
  lines_ = std::move(lines);
  return {.content_type = "application/json",
          .body = fmt::format(R"({{"live":{},"left_out":{},"runs":[{}]}})", live, left_out, list)};
}

std::string PastRuns::name_of(const std::string& id) {
  list(false);  // reads what is new
  for (const auto& [name, line] : lines_) {
    if (!id.empty() && line.id == id) return name;
  }
  return {};
}

HttpResponse PastRuns::report(const HttpRequest& request) {
  auto names = query_values(request.query, "run");
  const auto ids = query_values(request.query, "id");
  if (names.size() + ids.size() != 1)
    return refusal(400, "name one run: /report?run=NAME, or /report?id=RUN_ID");
  if (names.empty()) names.push_back(name_of(ids.front()));
  if (names.front().empty())
    return refusal(404, "no finished run of this id is here: it still goes on, or its folder is another");
  auto html = read_run_file(folder_, names.front(), "report.html");
  if (!html) return refusal(404, html.error().message);
  return page(*std::move(html));
}

HttpResponse PastRuns::compare(const HttpRequest& request) const {
  const auto names = query_values(request.query, "run");
  if (names.size() < 2 || names.size() > kMostCompared)
    return refusal(400, fmt::format("name two to {} runs: /compare?run=A&run=B", kMostCompared));
  std::vector<ComparedRun> runs;
  for (const std::string& name : names) {
    auto report = read_report(folder_, name);
    if (!report) return refusal(404, report.error().message);
    ComparedRun& run = runs.emplace_back();
    run.source = name;
    run.report = *std::move(report);
  }
  label_runs(runs);
  return page(render_html(kneepoint::coordinator::compare(std::move(runs))));
}

}  // namespace kneepoint::coordinator
