#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <atomic>
#include <thread>

#include "tests/method/claims.h"
#include "tests/method/method_run.h"
#include "tests/method/moving_cases.h"

/// Proves the method against known truth: searches every case of the queueing model with many seeds, in
/// virtual time, and prints what came out. Exits 1 where an acceptance is missed.

using namespace kneepoint::method;

namespace {

struct Scored {
  Score score;
  Truth truth;  ///< Of a steady host.
};

Scored score_case(const Case& of, std::uint64_t seed_base, std::size_t seeds, unsigned threads) {
  const Truth truth = of.moves() ? Truth{} : truth_of(of);
  std::vector<Score> parts(seeds);  // one for each seed, so that the sum does not depend on the threads
  std::atomic<std::size_t> next{0};
  std::vector<std::thread> workers;
  for (unsigned t = 0; t < threads; ++t) {
    workers.emplace_back([&] {
      for (std::size_t i; (i = next++) < seeds;) {
        const Case one = drawn(of, seed_base + i);
        add(parts[i], one, of.moves() ? truth_of(one) : truth, run_trial(of, seed_base + i));
      }
    });
  }
  for (std::thread& worker : workers) worker.join();
  Score total;
  for (const Score& part : parts) add(total, part);
  return {total, truth};
}

std::string percent(double share) {
  return fmt::format("{:.1f} %", share * 100);
}

void print_trial(const Case& of, std::uint64_t seed) {
  const Trial trial = run_trial(of, seed);
  for (const auto& step : trial.result.steps) {
    fmt::print(
        "{:7.0f} s {:5.0f} s {} N {:5}  X {:9.1f} ± {:6.1f}  TTFT p50 {:7.1f} ms  {:5}  {:14} {} [{}] {}\n",
        step.window_begin_seconds, step.duration_seconds,
        step.look    ? fmt::format("L{}", step.look->number)
        : step.scout ? "s "
                     : "  ",
        step.concurrency, step.output_tokens_per_second.value.value_or(0),
        step.output_tokens_per_second.ci95
            ? step.output_tokens_per_second.ci95->high - *step.output_tokens_per_second.value
            : 0.0,
        step.ttft_seconds.p50.value_or(0) * 1e3, step.speed ? fmt::format("×{:.3f}", step.speed->ratio) : "",
        step.state, step.slo.empty() ? "" : step.slo[0].state, fmt::join(step.flags, ","),
        step.valid ? "" : fmt::format("{}", fmt::join(step.reasons, "; ")));
  }
  const auto& found = trial.result.saturation;
  if (found.concurrency) {
    fmt::print("N_sat {:.1f} [{:.1f}, {:.1f}] {}\n", *found.concurrency, found.ci95->low, found.ci95->high,
               found.knee_kind);
  }
  for (const auto& slo : trial.result.slo.criteria)
    fmt::print("N_slo {:.0f} of {}\n", slo.concurrency.value_or(0), slo.name);
  fmt::print("{}\n{}\n", found.explanation, trial.cut_short);
  const Case one = drawn(of, seed);
  const Truth truth = truth_of(one);
  const Movement& moves = one.model.movement;
  fmt::print(
      "{}, {:.1f} min; true N_sat {:.1f}; amount {:.4g}, seconds {:.4g}, extent {:.4g}, length {:.4g}\n",
      trial.trusted ? "trustworthy" : "not trustworthy", trial.seconds / 60, truth.saturation.value_or(0),
      moves.amount, moves.seconds, moves.extent, moves.length);
  fmt::print("untrue: {}\n", fmt::join(false_claims(one, truth, trial.result), "; "));
  if (const auto& movement = trial.result.movement)
    fmt::print("movement: {}: {}\n", movement->kind, movement->explanation);
  for (const auto& remark : trial.result.verdict.remarks()) {
    if (remark.weight != kneepoint::coordinator::Remark::Weight::kWarning)
      fmt::print("not trusted: {}: {}\n", remark.code, remark.text);
  }
}

/// The line of a case in the table of steady hosts.
std::string steady_line(const Case& of, const Truth& truth, const Score& score,
                        const std::vector<std::string>& notes) {
  const auto n = static_cast<double>(score.trials);
  return fmt::format(
      "| {} | {} | {:.1f} | {} | {} | {} | {} | {} | {} | {} | {:.0f} | {:.0f} | {} |", of.name,
      truth.saturation ? fmt::format("{:.1f}", *truth.saturation) : fmt::format("> {}", of.max / 2),
      quantile(score.estimates, 0.5), percent(quantile(score.errors, 0.5)),
      percent(quantile(score.errors, 0.95)), percent(static_cast<double>(score.covered) / n),
      percent(mean(score.widths)), percent(static_cast<double>(score.false_pass) / n),
      percent(static_cast<double>(score.trusted) / n), percent(static_cast<double>(score.named) / n),
      mean(score.minutes), static_cast<double>(score.rows) / n, fmt::join(notes, "; "));
}

constexpr const char* kSteadyHead =
    "| case | true N_sat | median N_sat | median error | p95 error | coverage | mean interval | false PASS | "
    "trustworthy | said to move | minutes | rows | notes "
    "|\n|---|---|---|---|---|---|---|---|---|---|---|---|---|\n";

std::string moving_line(const Case& of, const Score& score, const std::vector<std::string>& notes) {
  const auto n = static_cast<double>(score.trials);
  return fmt::format("| {} | {} | {} | {} | {} | {} | {} | {:.0f} | {:.0f} | {} |", of.name,
                     percent(static_cast<double>(score.false_trusted) / n),
                     percent(1 - static_cast<double>(score.trusted) / n),
                     percent(static_cast<double>(score.named) / n),
                     percent(static_cast<double>(score.answered) / n), percent(quantile(score.errors, 0.5)),
                     percent(mean(score.widths)), mean(score.minutes), static_cast<double>(score.rows) / n,
                     fmt::join(notes, "; "));
}

constexpr const char* kMovingHead =
    "\n| case | false trustworthy | undecided | named | a point | median error | mean interval | minutes | "
    "rows | "
    "notes |\n|---|---|---|---|---|---|---|---|---|---|\n";

std::vector<std::string> notes_of(const Case& of, const Truth& truth, const Score& score) {
  const auto n = static_cast<double>(score.trials);
  std::vector<std::string> notes = misses(of, of.moves() || truth.saturation, score);
  if (!notes.empty()) notes.insert(notes.begin(), "MISSED:");
  if (!of.moves() && score.answered < score.trials)
    notes.push_back(fmt::format("no N_sat in {}", score.trials - score.answered));
  if (of.ttft_limit > kneepoint::Nanos(0))
    notes.push_back(fmt::format("N_slo {} found in {}", truth.slo_concurrency,
                                percent(static_cast<double>(score.slo_answered) / n)));
  if (score.drift_flagged > 0)
    notes.push_back(fmt::format("DRIFT in {}", percent(static_cast<double>(score.drift_flagged) / n)));
  for (const auto& [kind, count] : score.kinds) {
    if (!kind.empty()) notes.push_back(fmt::format("{} {}", kind, count));
  }
  for (const auto& [code, count] : score.doubts)
    notes.push_back(fmt::format("not trusted: {} {}", code, count));
  for (const auto& [flag, count] : score.flags) notes.push_back(fmt::format("{} {}", flag, count));
  return notes;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("The method table: searches on a queueing model of known truth");
  std::size_t seeds = 1000;
  std::uint64_t seed_base = 1'000'000;
  unsigned threads = std::max(1u, std::thread::hardware_concurrency());
  std::vector<std::string> chosen;
  bool show = false;
  app.add_option("--seeds", seeds, "searches a case")->check(CLI::PositiveNumber);
  app.add_option("--seed-base", seed_base, "the first seed");
  app.add_option("--threads", threads)->check(CLI::PositiveNumber);
  app.add_option("--case", chosen, "only these cases");
  app.add_flag("--show", show, "print the rows of each search instead of the table");
  CLI11_PARSE(app, argc, argv);

  bool accepted = true;
  fmt::print("seeds {} to {}\n\n", seed_base, seed_base + seeds - 1);
  std::vector<Case> cases = all_cases();
  const std::vector<Case> moving = moving_cases();
  cases.insert(cases.end(), moving.begin(), moving.end());
  // Asked for by their names: a search on some of them takes hours of the host's time.
  const std::vector<Case> neighbours = neighbour_cases();
  if (!chosen.empty()) cases.insert(cases.end(), neighbours.begin(), neighbours.end());
  const char* head = nullptr;
  for (const Case& of : cases) {
    if (!chosen.empty() && std::find(chosen.begin(), chosen.end(), of.name) == chosen.end()) continue;
    if (show) {
      for (std::size_t i = 0; i < seeds; ++i) {
        fmt::print("seed {}\n", seed_base + i);
        print_trial(of, seed_base + i);
      }
      continue;
    }
    const auto [score, truth] = score_case(of, seed_base, seeds, threads);
    const std::vector<std::string> notes = notes_of(of, truth, score);
    if (!notes.empty() && notes.front() == "MISSED:") accepted = false;
    if (const char* wanted = of.moves() ? kMovingHead : kSteadyHead; head != wanted)
      fmt::print("{}", head = wanted);
    fmt::print("{}\n", of.moves() ? moving_line(of, score, notes) : steady_line(of, truth, score, notes));
    std::fflush(stdout);
  }
  return accepted ? 0 : 1;
}
