#include "coordinator/datasets/traces.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "common/plural.h"
#include "coordinator/datasets/csv_prompts.h"
#include "coordinator/datasets/lines.h"

namespace kneepoint::coordinator {
namespace {

namespace dom = simdjson::dom;

constexpr std::uint32_t kMooncakeBlock = 512;
constexpr std::uint32_t kBailianBlock = 16;

/// What a trace's file says, or else the format.
std::uint32_t block_of(const DatasetSpec& spec, std::uint32_t formats) {
  return spec.block_tokens > 0 ? spec.block_tokens : formats;
}
/// No stamp is later, so that it fits into Nanos: the year 2255, counted from 1970.
constexpr double kLastSecond = 9e9;

/// Takes a number of at least one digit, followed by `end` (0: anything).
bool take(std::string_view& text, char end, int& number) {
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || number < 0) return false;
  text.remove_prefix(static_cast<std::size_t>(stop - text.data()));
  if (end == 0) return true;
  if (!text.starts_with(end)) return false;
  text.remove_prefix(1);
  return true;
}

/// "2023-11-16 18:15:46.6805900", with a 'T' for the blank or an offset of +00:00 where there is one.
std::optional<Nanos> parse_timestamp(std::string_view text) {
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
  if (!take(text, '-', year) || !take(text, '-', month) || !take(text, 0, day)) return std::nullopt;
  if (!text.starts_with(' ') && !text.starts_with('T')) return std::nullopt;
  text.remove_prefix(1);
  if (!take(text, ':', hour) || !take(text, ':', minute) || !take(text, 0, second)) return std::nullopt;
  Nanos fraction{0};
  if (text.starts_with('.')) {
    text.remove_prefix(1);
    Nanos digit = std::chrono::milliseconds(100);
    while (!text.empty() && text.front() >= '0' && text.front() <= '9') {
      fraction += digit * (text.front() - '0');
      digit /= 10;
      text.remove_prefix(1);
    }
  }
  if (!text.empty() && text != "Z" && text != "+00:00") return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(year),
                                         std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (!date.ok() || year > 2200 || hour > 23 || minute > 59 || second > 60) return std::nullopt;
  return std::chrono::sys_days(date).time_since_epoch() + std::chrono::hours(hour) +
         std::chrono::minutes(minute) + std::chrono::seconds(second) + fraction;
}

/// A line of a trace in JSON.
class TraceLine {
 public:
  TraceLine(dom::parser& parser, std::string_view line, std::size_t number) : number_(number) {
    if (parser.parse(line.data(), line.size(), true).get_object().get(object_))
      throw DatasetError{number, "is not a JSON object"};
  }

  std::int64_t whole(const char* field, std::int64_t least = 0) const {
    std::int64_t value = 0;
    if (object_.at_key(field).get(value) || value < least)
      throw DatasetError{number_, fmt::format("has no whole number as '{}'", field)};
    return value;
  }
  std::uint32_t tokens(const char* field) const {
    return token_count(static_cast<std::uint64_t>(whole(field)), field, number_);
  }
  /// @param unit in which it is written: "milliseconds" or "seconds". @param seconds of one.
  Nanos time(const char* field, std::string_view unit, double seconds) const {
    double value = 0;
    if (object_.at_key(field).get(value) || !(value >= 0 && value * seconds < kLastSecond))
      throw DatasetError{number_, fmt::format("has no time in {} as '{}'", unit, field)};
    return from_seconds(value * seconds);
  }
  /// None where it says none. Ids of smaller blocks than the format's would make prompts alike that are not:
  /// a host with a prefix cache would look faster than it is. @param input the prompt's tokens.
  std::vector<std::uint64_t> blocks(std::uint32_t input, std::uint32_t block_tokens) const {
    std::vector<std::uint64_t> ids;
    dom::element told;
    dom::array list;
    if (object_.at_key("hash_ids").get(told) || told.is_null()) return ids;
    if (told.get(list)) throw DatasetError{number_, "has no list as 'hash_ids'"};
    for (const dom::element block : list) {
      std::uint64_t id = 0;
      if (block.get(id)) throw DatasetError{number_, "has a hash id that is no whole number"};
      ids.push_back(id);
    }
    // More ids than even the smallest blocks in use would make are no blocks of another size: who wrote them
    // kept some over, and they say nothing.
    constexpr std::size_t kSmallestBlock = 16;
    const std::size_t most = (input + block_tokens - 1) / block_tokens;
    if (ids.size() > most && (ids.size() - 1) * kSmallestBlock < input)
      throw DatasetError{number_,
                         fmt::format("has {} 'hash_ids' for {}, where blocks of {} tokens make {}; say "
                                     "how many tokens its blocks have ('block_tokens')",
                                     ids.size(), plural(input, "token"), block_tokens, most)};
    return ids;
  }

 private:
  std::size_t number_;
  dom::object object_;
};

}  // namespace

void order_by_arrival(Dataset& dataset) {
  auto& entries = dataset.entries;
  if (entries.empty()) return;
  std::stable_sort(entries.begin(), entries.end(),
                   [](const DatasetEntry& a, const DatasetEntry& b) { return a.arrival < b.arrival; });
  const Nanos first = entries.front().arrival;
  for (DatasetEntry& entry : entries) entry.arrival -= first;
  if (entries.back().arrival > kLongestTrace) throw DatasetError{0, "spans more than 31 days; set 'limit'"};
}

void read_mooncake(std::string_view text, const DatasetSpec& spec, DatasetCollector& into) {
  const std::uint32_t block = block_of(spec, kMooncakeBlock);
  dom::parser parser;
  each_line(text, [&](std::string_view line, std::size_t number) {
    into.attempt([&] {
      const TraceLine read(parser, line, number);
      DatasetEntry entry;
      entry.arrival = read.time("timestamp", "milliseconds", 1e-3);
      entry.input_tokens = read.tokens("input_length");
      entry.output_tokens = read.tokens("output_length");
      entry.blocks = read.blocks(entry.input_tokens, block);
      into.add(std::move(entry), number);
    });
    return !into.full();
  });
  into.dataset().block_tokens = block;
  order_by_arrival(into.dataset());
}

namespace {

struct BailianChat {
  std::int64_t id = 0, parent = -1;
  Nanos at{0};
  TraceTurn turn;
  std::size_t line = 0;
};

/// Makes the turns of sessions of chats, whatever order the file has them in.
void add_bailian_sessions(std::vector<BailianChat> chats, DatasetCollector& into) {
  struct Last {
    std::size_t entry;
    Nanos at;
  };
  std::stable_sort(chats.begin(), chats.end(),
                   [](const BailianChat& a, const BailianChat& b) { return a.at < b.at; });
  std::unordered_map<std::int64_t, std::size_t> lines_to_come;
  for (const BailianChat& chat : chats) ++lines_to_come[chat.id];
  std::unordered_map<std::int64_t, Last> open;  // by the chat that a session ends with so far
  std::unordered_set<std::int64_t> met;
  for (BailianChat& chat : chats) {
    into.attempt([&] {
      --lines_to_come[chat.id];
      const auto parent = open.find(chat.parent);
      const auto later = lines_to_come.find(chat.parent);
      if (parent == open.end() && !met.contains(chat.parent) && later != lines_to_come.end() &&
          later->second > 0)
        throw DatasetError{chat.line, "comes before the chat that it follows ('parent_chat_id')"};
      std::size_t entry = into.dataset().entries.size();
      if (parent != open.end()) {
        const Nanos gap = chat.at - parent->second.at;
        if (gap > kLongestTrace)
          throw DatasetError{chat.line, "comes more than 31 days after the chat that it follows"};
        entry = parent->second.entry;
        into.add_turn(entry, std::move(chat.turn), gap, chat.line);
        open.erase(parent);
      } else if (into.full()) {
        return;  // sessions that have begun go on
      } else {
        into.add({.input_tokens = chat.turn.input_tokens,
                  .output_tokens = chat.turn.output_tokens,
                  .arrival = chat.at,
                  .blocks = std::move(chat.turn.blocks)},
                 chat.line);
      }
      open[chat.id] = {entry, chat.at};
      met.insert(chat.id);
    });
  }
}

}  // namespace

void read_bailian(std::string_view text, const DatasetSpec& spec, DatasetCollector& into) {
  const std::uint32_t block = block_of(spec, kBailianBlock);
  std::vector<BailianChat> chats;
  dom::parser parser;
  each_line(text, [&](std::string_view line, std::size_t number) {
    into.attempt([&] {
      const TraceLine read(parser, line, number);
      BailianChat chat{
          .id = read.whole("chat_id"), .at = read.time("timestamp", "seconds", 1), .line = number};
      if (spec.sessions) chat.parent = read.whole("parent_chat_id", -1);
      chat.turn.input_tokens = read.tokens("input_length");
      chat.turn.output_tokens = read.tokens("output_length");
      chat.turn.blocks = read.blocks(chat.turn.input_tokens, block);
      if (spec.sessions) {
        chats.push_back(std::move(chat));
      } else {
        into.add({.input_tokens = chat.turn.input_tokens,
                  .output_tokens = chat.turn.output_tokens,
                  .arrival = chat.at,
                  .blocks = std::move(chat.turn.blocks)},
                 number);
      }
    });
    return spec.sessions || !into.full();
  });
  add_bailian_sessions(std::move(chats), into);
  into.dataset().block_tokens = block;
  into.dataset().gaps_from_send = true;
  order_by_arrival(into.dataset());
}

namespace {

/// A trace as CSV: a request a record. @param time reads a record's arrival from its column; throws
/// DatasetError.
template <class Time>
void read_csv_trace(std::string_view text, std::string_view time_column, std::string_view input_column,
                    std::string_view output_column, DatasetCollector& into, Time time) {
  CsvReader reader(text);
  const auto header = reader.next();
  if (!header) throw DatasetError{0, "is empty; its first line must name the columns"};
  const std::size_t at = csv_column(*header, time_column, reader.line());
  const std::size_t input = csv_column(*header, input_column, reader.line());
  const std::size_t output = csv_column(*header, output_column, reader.line());
  while (!into.full()) {
    const auto record = reader.next();
    if (!record) break;
    const std::size_t line = reader.line();
    into.attempt([&] {
      if (record->size() != header->size())
        throw DatasetError{line, fmt::format("has {} fields, the header {}", record->size(), header->size())};
      DatasetEntry entry;
      entry.arrival = time((*record)[at], line);
      entry.input_tokens = token_count((*record)[input], input_column, line);
      entry.output_tokens = token_count((*record)[output], output_column, line);
      into.add(std::move(entry), line);
    });
  }
  order_by_arrival(into.dataset());
}

}  // namespace

void read_azure_llm(std::string_view text, DatasetCollector& into) {
  read_csv_trace(text, "TIMESTAMP", "ContextTokens", "GeneratedTokens", into,
                 [](std::string_view value, std::size_t line) {
                   const auto at = parse_timestamp(value);
                   if (!at)
                     throw DatasetError{line, "has no time like 2023-11-16 18:15:46.68 as 'TIMESTAMP'"};
                   return *at;
                 });
}

void read_burst_gpt(std::string_view text, DatasetCollector& into) {
  read_csv_trace(
      text, "Timestamp", "Request tokens", "Response tokens", into,
      [](std::string_view value, std::size_t line) {
        double seconds = 0;
        const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), seconds);
        if (error != std::errc{} || end != value.data() + value.size() || !(seconds >= 0 && seconds < 1e10))
          throw DatasetError{line, "has no time in seconds as 'Timestamp'"};
        return from_seconds(seconds);
      });
}

}  // namespace kneepoint::coordinator
