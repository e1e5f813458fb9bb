#include "coordinator/verdict/token_counts.h"

#include <algorithm>
#include <cmath>
#include <string_view>

#include "coordinator/measure/delivery.h"
#include "coordinator/results/units.h"
#include "coordinator/words/remarks.h"
#include "coordinator/words/tokens.h"

namespace kneepoint::coordinator {
namespace {

/// Two counts that differ by no more agree.
constexpr double kAgree = 0.05;
/// Bytes of text in a token of what people and models write, of one chunk that holds one: English has 4
/// to 4.5, code and other languages 2 to 4. Two tokens have more. Text of this kind speaks for a chunk that
/// is one token, and against none of several; text of another kind refutes nothing.
constexpr double kFewestBytes = 2, kMostBytes = 5.5;
/// Less than this share of what a token has elsewhere in the run.
constexpr double kMissing = 0.9;
/// A chunk that has this many times the text of another row's holds more tokens.
constexpr double kFuller = 1.25;
/// Answers counted as longer than they might be, before that refutes the count.
constexpr double kOverLimit = 0.05;

bool agree(double a, double b) {
  return std::abs(a - b) <= kAgree * std::min(a, b);
}
bool agree(std::optional<double> a, std::optional<double> b) {
  return a && b && agree(*a, *b);
}
bool typical(std::optional<double> bytes) {
  return bytes && *bytes >= kFewestBytes && *bytes <= kMostBytes;
}

std::optional<double> says(const TokenCount& count, std::string_view name) {
  const auto found = std::find_if(count.witnesses.begin(), count.witnesses.end(),
                                  [&](const TokenWitness& w) { return w.name == name; });
  if (found == count.witnesses.end()) return std::nullopt;
  return found->output_tokens_per_second;
}

/// Whether usage is more than the chunks as it would be where chunks hold several tokens.
bool chunks_may_hold_several(const TokenCount& count) {
  return typical(count.text_bytes_per_token) && count.text_bytes_per_chunk &&
         *count.text_bytes_per_chunk > kMostBytes;
}

/// Whether chunks of several tokens, and nothing else, make it so.
bool chunks_hold_several(const TokenCount& count, std::optional<double> usual_bytes) {
  if (agree(count.text_bytes_per_token, usual_bytes)) return true;
  return chunks_may_hold_several(count) && count.suspicion.empty();
}

/// Whether tokens were counted that no text came of: of the same run it is known what a token has.
bool text_is_missing(const TokenCount& count, std::optional<double> usual_bytes) {
  return usual_bytes && count.text_bytes_per_token && *count.text_bytes_per_token < kMissing * *usual_bytes;
}

/// Usage against everything else.
std::string state_of_usage(const TokenCount& count, std::optional<double> usual_bytes) {
  const double usage = *says(count, "usage");
  const auto chunks = says(count, "chunks"), longest = says(count, "max_tokens"),
             engine = says(count, "engine");
  if (agree(engine, usage) || agree(chunks, usage)) return "confirmed";
  // A length that was reached and the count of it are both the server's word.
  if (agree(longest, usage)) return text_is_missing(count, usual_bytes) ? "differs" : "confirmed";
  // The page of one pod of two may show half of the tokens, too.
  const bool several = chunks_hold_several(count, usual_bytes);
  if (agree(longest, chunks) || agree(longest, engine) || (agree(engine, chunks) && !several))
    return "corrected";
  const bool refuted =
      longest || count.over_limit_ratio.value_or(0) > kOverLimit || (chunks && usage < *chunks);
  if (refuted) return "differs";
  // Of answers that come whole there is nothing else; nor of tool calls, which have no text.
  if (!chunks || !count.text_bytes_per_token) return "unconfirmed";
  // Text of two tokens is that of two and a half, too: only what a token has in the same run confirms.
  if (agree(count.text_bytes_per_token, usual_bytes)) return "confirmed";
  if (chunks_may_hold_several(count)) return "unconfirmed";
  // What the same run shows refutes a count. That its text is not like most people's does not: tokens of
  // digits or of Chinese are other tokens.
  return usual_bytes || !count.suspicion.empty() ? "differs" : "unconfirmed";
}

/// Chunks where the server does not count.
std::string state_of_chunks(const TokenCount& count) {
  const auto chunks = says(count, "chunks"), longest = says(count, "max_tokens"),
             engine = says(count, "engine");
  if (agree(engine, chunks) || agree(longest, chunks)) return "confirmed";
  if (agree(longest, engine)) return "corrected";
  if (longest || engine || says(count, "text")) return "differs";
  return typical(count.text_bytes_per_chunk) ? "confirmed" : "unconfirmed";
}

void scale(Estimate& estimate, double factor) {
  for (auto* figure : {&estimate.value, &estimate.standard_error}) {
    if (*figure) **figure *= factor;
  }
  if (estimate.ci95) estimate.ci95 = Interval{estimate.ci95->low * factor, estimate.ci95->high * factor};
}

void add_engine(Step& step) {
  if (!step.telemetry || !step.telemetry->server_tokens_per_second) return;
  // A page of a part, of others or of another time is no witness of ours.
  const std::string& page = step.telemetry->page.state;
  if (!page.empty() && page != "covered") return;
  if (const double tokens = *step.telemetry->server_tokens_per_second; tokens > 0)
    step.token_count->witnesses.push_back({"engine", tokens});
}

/// Where nobody counts and each chunk is taken for a token: chunks that have more text in one row than in
/// another hold more tokens there, as servers that are busy send them.
void add_text(const std::vector<Step*>& rows) {
  std::optional<double> least;
  for (const Step* row : rows) {
    const TokenCount& count = *row->token_count;
    if (!row->valid || says(count, "usage") || !says(count, "chunks") || !count.text_bytes_per_chunk)
      continue;
    least = std::min(least.value_or(*count.text_bytes_per_chunk), *count.text_bytes_per_chunk);
  }
  if (!least || *least <= 0) return;
  for (Step* row : rows) {
    TokenCount& count = *row->token_count;
    const auto chunks = says(count, "chunks");
    if (says(count, "usage") || !chunks || !count.text_bytes_per_chunk) continue;
    if (const double more = *count.text_bytes_per_chunk / *least; more >= kFuller)
      count.witnesses.push_back({"text", *chunks * more});
  }
}

/// Bytes of text in a token, of the rows in which a chunk is one: all of it was seen there.
std::optional<double> usual_bytes_of(const std::vector<Step*>& rows) {
  std::vector<double> bytes;
  for (const Step* row : rows) {
    const TokenCount& count = *row->token_count;
    if (count.text_bytes_per_token && agree(says(count, "usage"), says(count, "chunks")))
      bytes.push_back(*count.text_bytes_per_token);
  }
  if (bytes.empty()) return std::nullopt;
  std::nth_element(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(bytes.size() / 2), bytes.end());
  return bytes[bytes.size() / 2];
}

/// The count that two others confirm: the chunks, else what the lengths asked for come to.
struct Confirmed {
  double tokens_per_second = 0;
  TokenSource source = TokenSource::kChunks;
  bool by_engine = false;
};
Confirmed confirmed(const TokenCount& count) {
  const auto chunks = says(count, "chunks"), longest = says(count, "max_tokens"),
             engine = says(count, "engine");
  const bool chunks_hold = agree(longest, chunks) || (agree(engine, chunks) && !agree(longest, engine));
  if (chunks_hold) return {*chunks, TokenSource::kChunks, agree(engine, chunks)};
  return {*longest, TokenSource::kEstimated, true};
}

void correct(Step& step) {
  const Confirmed right = confirmed(*step.token_count);
  const double factor = right.tokens_per_second / *step.output_tokens_per_second.value;
  scale(step.output_tokens_per_second, factor);
  for (auto* shares : {&step.replicas, &step.classes, &step.turns}) {
    for (Share& share : *shares) {
      if (share.output_tokens_per_second) *share.output_tokens_per_second *= factor;
    }
  }
  step.token_source = right.source;
}

/// What was wrong, and what is counted instead.
std::string correction(const TokenCount& count) {
  const Confirmed right = confirmed(count);
  return words::corrected_count(count, {.of_usage = says(count, "usage").has_value(),
                                        .in_chunks = right.source == TokenSource::kChunks,
                                        .by_engine = right.by_engine});
}

std::string doubt_sentence(const TokenCount& count) {
  return words::nothing_confirms(count, says(count, "usage").has_value());
}

void settle(Step& step, std::optional<double> usual_bytes) {
  TokenCount& count = *step.token_count;
  const bool has_usage = says(count, "usage").has_value();
  count.state = has_usage ? state_of_usage(count, usual_bytes) : state_of_chunks(count);
  if (count.state == "corrected") {
    correct(step);
    step.warn("COUNTS_DIFFER", correction(count));
  } else if (count.state == "differs") {
    step.warn("COUNTS_DIFFER", words::counts_differ(count));
  } else if (count.state == "unconfirmed" && says(count, "chunks")) {
    step.warn("COUNT_UNCONFIRMED", doubt_sentence(count));
  }
  const bool refuted = count.state == "corrected" || count.state == "differs";
  const bool unknown =
      count.assumed_tokens_per_chunk.value_or(1) > 1 + kAgree && !chunks_hold_several(count, usual_bytes);
  if (step.tpot_seconds.count == 0 || (!refuted && !unknown)) return;
  void_tpot(step);
  step.warn("TPOT_UNKNOWN", refuted ? words::tpot_of_refuted_count()
                                    : words::tpot_of_unknown_first_chunk(*count.assumed_tokens_per_chunk));
}

bool undecided(const Step& step) {
  return step.token_count && step.token_count->state == "differs";
}

/// The token figure is withdrawn; what it may be stays.
void withdraw(Step& step) {
  Estimate& tokens = step.output_tokens_per_second;
  if (!tokens.value) return;
  Interval range = tokens.ci95.value_or(Interval{*tokens.value, *tokens.value});
  if (undecided(step)) {
    for (const TokenWitness& w : step.token_count->witnesses) {
      range.low = std::min(range.low, w.output_tokens_per_second);
      range.high = std::max(range.high, w.output_tokens_per_second);
    }
  }
  tokens = {.ci95 = range};
  for (auto* shares : {&step.replicas, &step.classes, &step.turns}) {
    for (Share& share : *shares) share.output_tokens_per_second.reset();
  }
}

}  // namespace

void settle_token_counts(std::vector<Step>& steps, std::vector<Step>& after) {
  std::vector<Step*> rows;
  for (auto* part : {&steps, &after}) {
    for (Step& step : *part) {
      if (step.token_count) rows.push_back(&step);
    }
  }
  for (Step* row : rows) add_engine(*row);
  add_text(rows);
  const auto usual_bytes = usual_bytes_of(rows);
  for (Step* row : rows) settle(*row, usual_bytes);
  const bool any =
      std::any_of(steps.begin(), steps.end(), [](const Step& s) { return s.valid && undecided(s); });
  if (!any) return;
  // A result is found in one unit: tokens of some rows and requests of others are no curve.
  for (Step* row : rows) withdraw(*row);
}

void judge_token_counts(const ScenarioResult& result, Verdict& verdict) {
  const auto worst = [&](std::string_view state) -> const Step* {
    const Step* found = nullptr;
    for (const Step& step : result.steps) {
      if (step.valid && step.token_count && step.token_count->state == state) found = &step;
    }
    return found;
  };
  if (const Step* step = worst("differs")) {
    verdict.refuse("witnesses_differ", words::count_not_known(*step->token_count, row_label(*step)));
    return;
  }
  if (const Step* step = worst("corrected")) {
    std::string text = words::at_row(*step, correction(*step->token_count));
    if (confirmed(*step->token_count).by_engine) return verdict.warn("witnesses_differ", std::move(text));
    return verdict.reserve("witnesses_differ", std::move(text));
  }
  if (const Step* step = worst("unconfirmed"); step != nullptr && step->has_flag("COUNT_UNCONFIRMED")) {
    verdict.reserve("count_unconfirmed", words::at_row(*step, doubt_sentence(*step->token_count)));
  }
}

}  // namespace kneepoint::coordinator
