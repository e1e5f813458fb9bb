#include "coordinator/words/short_answer.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>

#include "coordinator/results/units.h"

namespace kneepoint::coordinator::words {
namespace {

/// "ttft_p95 of chat" as a reader says it.
std::string spoken(const std::string& name) {
  std::string text = name;
  const std::size_t end = std::min(name.find(' '), name.size());
  const std::size_t mark = std::min(name.find('_'), end);
  for (std::size_t i = 0; i < mark; ++i)
    text[i] = static_cast<char>(std::toupper(static_cast<unsigned char>(text[i])));
  if (mark < end) text[mark] = ' ';
  return text;
}

}  // namespace

std::string lead_at(const std::string& load) {
  return fmt::format("At {}:", load);
}

std::string one_answer(std::optional<double> ttft, std::optional<double> tpot) {
  std::string text;
  if (ttft) text = "first token " + format_time(*ttft);
  if (tpot && *tpot > 0)
    text += fmt::format("{}{} tok/s", text.empty() ? "" : ", then ", format_figure(1 / *tpot));
  return text;
}

std::string missed(const std::string& name, double limit, std::optional<double> figure) {
  return figure ? fmt::format("{} {} > {}", spoken(name), format_time(*figure), format_time(limit))
                : fmt::format("{} over {}", spoken(name), format_time(limit));
}

std::string all_missed(const std::vector<std::string>& missed) {
  return missed.empty() ? "" : fmt::format(" ({})", fmt::join(missed, ", "));
}

std::string slo_holds_then_breaks(const std::string& upto, const std::string& at, const std::string& missed,
                                  bool measured_between) {
  return fmt::format("holds up to {}, {}breaks at {}{}{}", upto, measured_between ? "surely " : "", at,
                     missed, measured_between ? "; not decided between them" : "");
}

std::string slo_holds_to_the_top(const std::string& upto) {
  return fmt::format("holds up to {}, the most that was tried", upto);
}

std::string slo_holds_nowhere(const std::string& missed) {
  return "holds nowhere" + missed;
}

std::string slo_breaks_undecided(const std::string& upto, const std::string& at, const std::string& missed) {
  return fmt::format(
      "breaks at {}{}; {}: too few requests", at, missed,
      upto.empty() ? "not decided below" : fmt::format("holds up to {}, between the two not decided", upto));
}

std::string slo_undecided_above(const std::string& upto) {
  return fmt::format("holds up to {}; not decided above: too few requests", upto);
}

std::string slo_undecided() {
  return "not decided: too few requests; run it longer";
}

std::string slo_holds_at_least(const std::string& upto) {
  return fmt::format("holds up to {} at least", upto);
}

std::string slo_holds(const std::string& upto) {
  return fmt::format("holds up to {}", upto);
}

std::string slo_breaks(const std::string& at) {
  return fmt::format("breaks at {}", at);
}

std::string slo_not_decided() {
  return "not decided";
}

std::string so_many_sessions(const std::string& load) {
  return load + " sessions";
}

std::string full_between(const std::string& low, const std::string& high) {
  return fmt::format("between {} and {}", low, high);
}

std::string full_above(const std::string& bound) {
  return fmt::format("above {} (not reached)", bound);
}

std::string full_no_valid_step() {
  return "not found: no step is valid";
}

std::string full_not_asked(const std::string& load) {
  return fmt::format("not asked: {} is the only load; it takes several", load);
}

std::string full_one_valid(const std::string& load) {
  return fmt::format("not found: only the row at {} is valid", load);
}

std::string full_not_shown(const std::string& from, const std::string& to) {
  return fmt::format("not found: the rows from {} to {} show no saturation point", from, to);
}

std::string engine_had(const std::string& load, double running, double waiting) {
  return fmt::format("at {} the engine had {:.0f} running and {:.0f} waiting", load, running, waiting);
}

std::string scan_on(const std::string& load) {
  return fmt::format("scan to {} to see where", load);
}

std::string gives_out(const std::string& bottleneck, bool open, bool close) {
  return (close ? "close to it already: " : open ? "what gives out: " : "") + bottleneck;
}

std::string full_line(const std::string& full, bool found, const std::vector<std::string>& why,
                      std::string_view way_out) {
  std::string text = full;
  if (!why.empty()) text += fmt::format("{} {}", found ? ":" : ";", fmt::join(why, "; "));
  return way_out.empty() ? text : text + fmt::format(" → {}", way_out);
}

std::string errors_line(const std::string& errors, std::optional<double> silence) {
  return silence ? fmt::format("{}; longest silence {}", errors, format_time(*silence)) : errors;
}

std::string and_more_in_the_report(std::size_t results) {
  return fmt::format("and {} more in the report\n", results);
}

std::string in_one_line(const std::string& full, const std::string& slo) {
  return slo.empty() ? "full " + full : fmt::format("full {}, SLO {}", full, slo);
}

std::string soak_in_one_line(const std::string& state) {
  return "soak " + state;
}

}  // namespace kneepoint::coordinator::words
