#include "agent/prompts/prompt_source.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <numeric>
#include <utility>

#include "common/words.h"

namespace kneepoint::agent {
namespace {

/// The word that makes a given text unique: 48 bits, in front, so that not even the first cache block is
/// shared.
void append_nonce(std::uint64_t seed, std::string& out) {
  fmt::format_to(std::back_inserter(out), "#{:012x} ", seed >> 16);
}

}  // namespace

PromptSource::PromptSource(const Cell& cell, std::uint64_t text_seed, std::shared_ptr<const Dataset> dataset)
    : workload_(cell.workload),
      calibration_(cell.calibration),
      text_seed_(text_seed),
      // The same prefixes at every level: that is what is shared.
      prefix_seed_(random_bits({.seed = text_seed, .cell = cell.id}, kPrefixDraw)),
      dataset_(std::move(dataset)) {
  for (const PromptClass& each : workload_.classes) class_weights_ += each.weight;
  // A golden section of the round at a time: a heavy class's turns do not come one after the other.
  if (class_weights_ == workload_.classes.size()) return;
  class_stride_ = std::max<std::uint64_t>(
      1, static_cast<std::uint64_t>(std::llround(0.618034 * static_cast<double>(class_weights_))));
  while (std::gcd(class_stride_, class_weights_) > 1) ++class_stride_;
}

Result<std::unique_ptr<const PromptSource>> PromptSource::create(const Cell& cell, std::uint64_t text_seed,
                                                                 std::shared_ptr<const Dataset> dataset) {
  std::unique_ptr<const PromptSource> source(new PromptSource(cell, text_seed, std::move(dataset)));
  if (auto checked = source->check(); !checked) return checked.error();
  return source;
}

Result<void> PromptSource::check() const {
  if (class_weights_ == 0) return Error{"has no prompts"};
  if (workload_.dataset && !dataset_) return Error{"its dataset is missing"};
  if (dataset_ && dataset_->classes.size() > 1 && dataset_->classes.size() != workload_.classes.size())
    return Error{"its dataset has other classes"};
  if (dataset_ && dataset_->entries.empty()) return Error{"its dataset is empty"};
  if (dataset_ && workload_.synthetic) return Error{"it has a dataset and made texts"};
  if (alone() && std::any_of(dataset_->entries.begin(), dataset_->entries.end(),
                             [](const DatasetEntry& entry) { return !entry.turns.empty(); }))
    return Error{"its trace has texts"};
  for (const PromptClass& each : workload_.classes) {
    if (each.prompts.empty() && !workload_.synthetic && !dataset_)
      return Error{fmt::format("prompt class \"{}\" is empty", each.name)};
  }
  return {};
}

// --- deciding ---

PromptPick PromptSource::pick(const Ticket& ticket, ConversationState& conversation) const {
  const RequestIdentity& request = ticket.identity;
  if (!workload_.conversation) return first_turn(ticket, request.k);
  const std::uint64_t number = ticket.arrival ? request.k : conversation.count_under(request.epoch);
  conversation.clear_answer();
  if (conversation.over()) {
    const PromptPick pick = first_turn(ticket, number);
    conversation.begin(turns(request, pick));
    return pick;
  }
  return later_turn(request, conversation.history().front().user, conversation.next_turn());
}

PromptPick PromptSource::later_turn(const RequestIdentity& request, const PromptPick& first,
                                    std::uint32_t turn) const {
  PromptPick pick = first;
  pick.turn = turn;
  pick.seed = text_bits(request, kTextDraw);
  pick_lengths(request, pick);
  return pick;
}

bool PromptSource::has_lanes(const PromptPick& first) const {
  return workload_.conversation && alone() && dataset_->entries[first.item].lanes > 1;
}

void PromptSource::begin_lanes(const PromptPick& first, const ConversationState& conversation,
                               SessionTurns& turns) const {
  turns.begin(dataset_->entries[first.item], conversation.turns());
}

Nanos PromptSource::gap_before(const RequestIdentity& session, PromptPick first, std::uint32_t turn) const {
  RequestIdentity request = session;
  request.slot += turn;  // for a draw of its own, where the dataset says nothing
  first.turn = turn - 1;
  return think_time(request, first, Nanos(0));
}

std::uint64_t PromptSource::text_bits(RequestIdentity request, Draw draw) const {
  request.seed = text_seed_;
  return random_bits(request, draw);
}

/// @param number the how manieth item (request or conversation) of the slot under its level this is.
PromptPick PromptSource::first_turn(const Ticket& ticket, std::uint64_t number) const {
  const RequestIdentity& request = ticket.identity;
  PromptPick pick;
  pick.seed = text_bits(request, kTextDraw);
  if (dataset_) {
    const std::uint64_t place = workload_.dataset->order == DatasetOrder::kSequential
                                    ? request.slot + number * ticket.concurrency
                                    : random_bits(request, kPromptDraw);
    pick.item = static_cast<std::uint32_t>(place % dataset_->entries.size());
    RequestIdentity level = request;
    level.slot = 0;
    level.k = 0;
    pick.level_seed = text_bits(level, kBlocksDraw);
  }
  if (dataset_ && dataset_->classes.size() > 1) {
    pick.prompt_class = dataset_->entries[pick.item].prompt_class;
  } else {
    // Conversations take the classes in turn, whatever number of requests each has.
    pick_class(ticket, workload_.conversation ? request.slot + number : ticket.walk, pick);
  }
  if (workload_.synthetic) {
    pick.prefix_group =
        static_cast<std::uint32_t>(random_bits(request, kGroupDraw) % workload_.synthetic->prefix_groups);
  }
  pick_lengths(request, pick);
  return pick;
}

void PromptSource::pick_class(const Ticket& ticket, std::uint64_t place, PromptPick& pick) const {
  place = place % class_weights_ * class_stride_ % class_weights_;
  while (place >= workload_.classes[pick.prompt_class].weight) {
    place -= workload_.classes[pick.prompt_class++].weight;
  }
  const auto& prompts = workload_.classes[pick.prompt_class].prompts;
  if (prompts.empty()) return;
  pick.item = static_cast<std::uint32_t>(random_bits(ticket.identity, kPromptDraw) % prompts.size());
}

void PromptSource::pick_lengths(const RequestIdentity& request, PromptPick& pick) const {
  const DatasetEntry* const entry = dataset_ ? &dataset_->entries[pick.item] : nullptr;
  if (workload_.synthetic) {
    pick.input_tokens = workload_.synthetic->input_tokens.sample_whole(random_bits(request, kInputDraw), 1);
  } else if (entry != nullptr && entry->turns.empty()) {
    pick.input_tokens = pick.turn == 0 ? entry->input_tokens : entry->later[pick.turn - 1].input_tokens;
  }
  const std::uint32_t answer = entry == nullptr ? 0
                               : pick.turn == 0 || entry->later.empty()
                                   ? entry->output_tokens
                                   : entry->later[pick.turn - 1].output_tokens;
  if (answer > 0) {
    pick.output_tokens = answer;
  } else if (workload_.output_tokens) {
    pick.output_tokens = workload_.output_tokens->sample_whole(random_bits(request, kOutputDraw), 1);
  }
}

std::uint32_t PromptSource::turns(const RequestIdentity& request, const PromptPick& first) const {
  std::size_t turns = dataset_ ? dataset_->entries[first.item].turn_count() : 1;
  if (const auto& asked = workload_.conversation->turns) {
    const std::size_t drawn = asked->sample_whole(random_bits(request, kTurnsDraw), 1);
    turns = dataset_ ? std::min(turns, drawn) : drawn;
  }
  return static_cast<std::uint32_t>(std::max<std::size_t>(turns, 1));
}

Nanos PromptSource::think_time(const RequestIdentity& request, const PromptPick& pick, Nanos took) const {
  if (dataset_ && pick.turn < dataset_->entries[pick.item].gaps.size()) {
    const Nanos gap = stretched(dataset_->entries[pick.item].gaps[pick.turn], workload_.dataset->time_scale);
    return std::max(Nanos(0), gap - (dataset_->gaps_from_send ? took : Nanos(0)));
  }
  const Distribution& time =
      workload_.conversation ? workload_.conversation->think_time : workload_.think_time;
  return from_seconds(time.sample(random_bits(request, kThinkDraw)));
}

// --- writing ---

Prompt PromptSource::render(const PromptPick& pick, const ConversationState& conversation,
                            PromptBuffer& buffer) const {
  Prompt prompt;
  if (workload_.system) prompt.system = *workload_.system;
  prompt.output_tokens = pick.output_tokens;
  if (dataset_ && workload_.dataset->bodies) {
    prompt.body = given_text(pick);
    return prompt;
  }
  buffer.text.clear();
  buffer.history.clear();
  const bool messages = dataset_ && workload_.dataset->messages;
  if (pick.turn == 0 && pick.input_tokens == 0 && !workload_.unique && !messages) {
    prompt.text = given_text(pick);  // nothing to make, nothing to copy
    return prompt;
  }
  if (messages) {
    for (std::uint32_t turn = 0; turn <= pick.turn; ++turn) {
      if (turn > 0) buffer.text += ',';
      buffer.text += dataset_->entries[pick.item].turns[turn];
    }
    prompt.messages = buffer.text;
    return prompt;
  }
  // All texts one after the other; views only once the buffer has stopped growing.
  std::vector<std::size_t> ends;
  if (pick.turn > 0 && !alone()) {
    for (const ConversationState::Turn& turn : conversation.history()) {
      append_text(turn.user, buffer.text);
      ends.push_back(buffer.text.size());
    }
  }
  append_text(pick, buffer.text);
  std::size_t begin = 0;
  const std::string_view all = buffer.text;
  for (std::size_t i = 0; i < ends.size(); ++i) {
    buffer.history.push_back(
        {.user = all.substr(begin, ends[i] - begin), .answer_json = conversation.history()[i].answer});
    begin = ends[i];
  }
  prompt.history = buffer.history;
  prompt.text = all.substr(begin);
  return prompt;
}

std::string_view PromptSource::given_text(const PromptPick& pick) const {
  if (dataset_) return dataset_->entries[pick.item].turns[pick.turn];
  return workload_.classes[pick.prompt_class].prompts[pick.item];
}

void PromptSource::append_text(const PromptPick& pick, std::string& out) const {
  if (pick.input_tokens > 0) return append_made(pick, out);
  if (workload_.unique && pick.turn == 0) append_nonce(pick.seed, out);
  out.append(given_text(pick));
}

std::size_t PromptSource::words(double tokens) const {
  return static_cast<std::size_t>(std::llround(std::max(0.0, tokens / calibration_.tokens_per_word)));
}

/// Words up to the length asked for: first what is shared, then what is not. The text's first words are those
/// that follow the template's overhead, which a later turn has paid already.
void PromptSource::append_made(const PromptPick& pick, std::string& out) const {
  const double overhead = pick.turn == 0 || alone() ? calibration_.overhead_tokens : 0;
  const std::size_t total = std::max<std::size_t>(1, words(pick.input_tokens - overhead));
  std::size_t done = 0;
  const auto add = [&](std::uint64_t seed, std::size_t until) {
    until = std::min(until, total);
    if (until <= done) return;
    append_words(out, seed, until - done);
    done = until;
  };
  if (pick.turn == 0 && workload_.synthetic && workload_.synthetic->shared_prefix_tokens > 0) {
    // At least one word is the request's own.
    const std::size_t shared = std::min(words(workload_.synthetic->shared_prefix_tokens), total - 1);
    add(mix_bits(prefix_seed_ ^ pick.prefix_group), shared);
  }
  if (alone()) {
    const DatasetEntry& entry = dataset_->entries[pick.item];
    const auto& blocks = pick.turn == 0 ? entry.blocks : entry.later[pick.turn - 1].blocks;
    for (std::size_t i = 0; i < blocks.size(); ++i) {
      add(mix_bits(pick.level_seed ^ blocks[i]), words(static_cast<double>(i + 1) * dataset_->block_tokens));
    }
  }
  add(pick.seed, total);
}

}  // namespace kneepoint::agent
