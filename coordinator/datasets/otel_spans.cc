#include "coordinator/datasets/otel_spans.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <iterator>
#include <map>
#include <numeric>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <vector>

#include "coordinator/datasets/lines.h"
#include "coordinator/datasets/traces.h"

namespace kneepoint::coordinator {
namespace {

namespace dom = simdjson::dom;

/// The least that a prefix cache shares is of this order (vLLM's default block).
constexpr std::uint32_t kBlock = 16;
/// The year 2255: later stamps do not fit into Nanos.
constexpr std::uint64_t kLastNano = 9'000'000'000'000'000'000;

/// A call of a model.
struct Call {
  std::string id, parent;  ///< Of its span, and of the one around it; each with its trace's.
  std::string conversation;
  Nanos begin{0}, end{0};
  std::uint32_t input = 0, output = 0;
  std::optional<std::uint64_t> cached;
  std::size_t line = 0;
};

/// OTLP writes whole numbers of 64 bits as texts; some writers do not.
std::optional<std::uint64_t> whole_number(const dom::element& value) {
  std::uint64_t number = 0;
  if (!value.get(number)) return number;
  std::string_view text;
  if (value.get(text)) return std::nullopt;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || text.empty() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

/// What is of interest of a span's attributes.
struct Attributes {
  std::string_view operation, conversation;
  std::optional<std::uint64_t> input, output, cached;

  explicit Attributes(const dom::object& span) {
    dom::array list;
    if (span.at_key("attributes").get(list)) return;
    for (const dom::element each : list) {
      std::string_view key;
      dom::object value;
      if (each["key"].get(key) || each["value"].get(value)) continue;
      std::string_view text;
      if (!value.at_key("stringValue").get(text)) {
        if (key == "gen_ai.operation.name") operation = text;
        if (key == "gen_ai.conversation.id") conversation = text;
        continue;
      }
      dom::element number;
      if (value.at_key("intValue").get(number)) continue;
      // The two older names are those of the conventions before 1.27.
      if (key == "gen_ai.usage.input_tokens" || key == "gen_ai.usage.prompt_tokens")
        input = whole_number(number);
      if (key == "gen_ai.usage.output_tokens" || key == "gen_ai.usage.completion_tokens")
        output = whole_number(number);
      if (key == "gen_ai.usage.cache_read.input_tokens") cached = whole_number(number);
    }
  }
  bool calls_model() const {
    return operation == "chat" || operation == "generate_content" || operation == "text_completion";
  }
};

/// Of every span with one: the one around it.
using Parents = std::unordered_map<std::string, std::string>;

std::string_view text_of(const dom::object& span, const char* field) {
  std::string_view value;
  return span.at_key(field).get(value) ? std::string_view() : value;
}

/// A span's id and that of the one around it, each with its trace's; empty where there is none.
std::pair<std::string, std::string> ids(const dom::object& span) {
  const std::string_view trace = text_of(span, "traceId");
  const auto of = [&](std::string_view id) {
    return id.empty() ? std::string() : fmt::format("{}/{}", trace, id);
  };
  return {of(text_of(span, "spanId")), of(text_of(span, "parentSpanId"))};
}

Nanos stamp(const dom::object& span, const char* field, std::size_t line) {
  dom::element value;
  const auto nanos = span.at_key(field).get(value) ? std::nullopt : whole_number(value);
  if (!nanos || *nanos == 0 || *nanos > kLastNano)
    throw DatasetError{line, fmt::format("a call of a model has no time in nanoseconds as '{}'", field)};
  return Nanos(static_cast<Nanos::rep>(*nanos));
}

Call read_call(const dom::object& span, const Attributes& told, std::size_t line) {
  Call call{.line = line};
  call.begin = stamp(span, "startTimeUnixNano", line);
  call.end = stamp(span, "endTimeUnixNano", line);
  if (call.end < call.begin) throw DatasetError{line, "a call of a model ends before it begins"};
  // A call that failed has no usage: what it would have cost the host nobody knows.
  if (!told.input || !told.output)
    throw DatasetError{
        line,
        fmt::format("a call of a model has no whole number as 'gen_ai.usage.{}_tokens'; 'bad_lines: skip' "
                    "leaves such calls out",
                    told.input ? "output" : "input")};
  call.end = std::max(call.end, call.begin + Nanos(1));  // one after the other even so
  call.input = token_count(*told.input, "gen_ai.usage.input_tokens", line);
  call.output = token_count(*told.output, "gen_ai.usage.output_tokens", line);
  call.cached = told.cached;
  const std::string_view trace = text_of(span, "traceId");
  if (told.conversation.empty() && trace.empty())
    throw DatasetError{line, "a call of a model has neither 'gen_ai.conversation.id' nor 'traceId'"};
  std::tie(call.id, call.parent) = ids(span);
  // One id may be the other's text.
  call.conversation =
      told.conversation.empty() ? fmt::format("t{}", trace) : fmt::format("c{}", told.conversation);
  return call;
}

/// The calls of a line's spans.
void read_line(const dom::element& root, std::size_t line, DatasetCollector& into, std::vector<Call>& calls,
               Parents& parents) {
  dom::array resources;
  if (root["resourceSpans"].get(resources))
    throw DatasetError{line, "is no JSON object with a list 'resourceSpans'"};
  for (const dom::element resource : resources) {
    dom::array scopes;
    if (resource["scopeSpans"].get(scopes)) continue;
    for (const dom::element scope : scopes) {
      dom::array spans;
      if (scope["spans"].get(spans)) continue;
      for (const dom::element each : spans) {
        dom::object span;
        if (each.get(span)) throw DatasetError{line, "has a span that is no JSON object"};
        if (auto [id, parent] = ids(span); !id.empty() && !parent.empty())
          parents.emplace(std::move(id), std::move(parent));
        const Attributes told(span);
        if (told.calls_model()) into.attempt([&] { calls.push_back(read_call(span, told, line)); });
      }
    }
  }
}

/// Leaves each call once: exporters that retry write a span twice, and where a framework and the client
/// beneath it both trace, a call has a span within a span.
void leave_once(std::vector<Call>& calls) {
  std::set<std::string_view> all, met;
  for (const Call& call : calls) {
    if (!call.id.empty()) all.insert(call.id);
  }
  const auto again = [&](const Call& call) {
    return all.contains(call.parent) || (!call.id.empty() && !met.insert(call.id).second);
  };
  std::vector<Call> once;
  std::copy_if(calls.begin(), calls.end(), std::back_inserter(once),
               [&](const Call& call) { return !again(call); });
  calls = std::move(once);
}

/// So far up a call's ancestors are looked for.
constexpr std::size_t kMostLevels = 64;
/// So far back a prompt is looked for that this one goes on from.
constexpr std::size_t kLooksBack = 256;
constexpr std::size_t kMostCalls = 10'000;

/// The spans around a call, the outermost first.
std::vector<std::string_view> ancestors(const Call& call, const Parents& parents) {
  std::vector<std::string_view> path;
  std::string_view at = call.parent;
  while (!at.empty() && path.size() < kMostLevels) {
    path.push_back(at);
    const auto above = parents.find(std::string(at));
    at = above == parents.end() ? std::string_view() : std::string_view(above->second);
  }
  std::reverse(path.begin(), path.end());
  return path;
}

/// A span with calls beneath it, or a call.
struct Node {
  Nanos begin = Nanos::max(), end{0};
  std::vector<std::uint32_t> last;  ///< Of its calls those that none of its others follows.
  std::uint32_t width = 1;          ///< So many of its calls may run at once.
  std::optional<std::uint32_t> call;
  std::vector<Node> parts;  ///< By their beginning.
};

/// One session: its calls in order of their beginning, and what each waits for.
class Session {
 public:
  Session(std::vector<const Call*> calls, const Parents& parents) : calls_(std::move(calls)) {
    paths_.reserve(calls_.size());
    for (const Call* call : calls_) paths_.push_back(ancestors(*call, parents));
    after_.resize(calls_.size());
    std::vector<std::uint32_t> all(calls_.size());
    std::iota(all.begin(), all.end(), 0);
    root_ = node(all, 0);
    order(root_, {});
  }

  std::size_t size() const { return calls_.size(); }
  const Call& call(std::size_t i) const { return *calls_[i]; }
  std::uint32_t lanes() const { return root_.width > 1 ? std::min(root_.width, kMostLanes) : 0; }
  const std::vector<std::uint32_t>& after(std::size_t i) const { return after_[i]; }

  /// What passed before a call since all was there that it waits for.
  Nanos gap(std::size_t i) const {
    Nanos since = calls_.front()->begin;
    for (const std::uint32_t before : after_[i]) since = std::max(since, calls_[before]->end);
    return calls_[i]->begin - since;
  }

  /// The call whose prompt this one most likely goes on from: of those that had ended the one that shares
  /// most of the spans around it, and of these the last.
  std::optional<std::size_t> base(std::size_t i) const {
    std::optional<std::size_t> best;
    std::size_t most = 0;
    for (std::size_t j = i - std::min(i, kLooksBack); j < i; ++j) {
      if (calls_[j]->end > calls_[i]->begin) continue;
      const auto& [mine, other] = std::tie(paths_[i], paths_[j]);
      const auto shared = static_cast<std::size_t>(
          std::mismatch(mine.begin(), mine.end(), other.begin(), other.end()).first - mine.begin());
      if (!best || shared > most || (shared == most && calls_[j]->end >= calls_[*best]->end)) {
        best = j;
        most = shared;
      }
    }
    return best;
  }

 private:
  /// The tree of these calls, whose first `level` ancestors are the same.
  Node node(const std::vector<std::uint32_t>& calls, std::size_t level) const {
    Node made;
    std::map<std::string_view, std::vector<std::uint32_t>> beneath;
    for (const std::uint32_t each : calls) {
      if (paths_[each].size() > level) {
        beneath[paths_[each][level]].push_back(each);
      } else {
        made.parts.push_back(
            {.begin = calls_[each]->begin, .end = calls_[each]->end, .last = {each}, .call = each});
      }
    }
    for (const auto& [span, its] : beneath) made.parts.push_back(node(its, level + 1));
    if (made.parts.size() == 1) return std::move(made.parts.front());
    std::sort(made.parts.begin(), made.parts.end(),
              [](const Node& a, const Node& b) { return a.begin < b.begin; });
    Nanos latest{0};
    for (const Node& part : made.parts) {
      made.begin = std::min(made.begin, part.begin);
      made.end = std::max(made.end, part.end);
      latest = std::max(latest, part.begin);
      std::uint32_t width = part.width;  // of those that run when it begins
      for (const Node& other : made.parts) {
        if (&other != &part && other.begin <= part.begin && other.end > part.begin) width += other.width;
      }
      made.width = std::max(made.width, width);
    }
    for (const Node& part : made.parts) {
      if (part.end > latest) made.last.insert(made.last.end(), part.last.begin(), part.last.end());
    }
    return made;
  }

  /// A part waits for those beside it that had ended when it began, as far as none of these followed another.
  void order(const Node& node, const std::vector<std::uint32_t>& before) {
    if (node.call) {
      after_[*node.call] = before;
      std::sort(after_[*node.call].begin(), after_[*node.call].end());
      return;
    }
    for (const Node& part : node.parts) {
      Nanos latest{0};
      for (const Node& other : node.parts) {
        if (other.end <= part.begin) latest = std::max(latest, other.begin);
      }
      std::vector<std::uint32_t> its;
      for (const Node& other : node.parts) {
        if (other.end <= part.begin && other.end > latest)
          its.insert(its.end(), other.last.begin(), other.last.end());
      }
      order(part, its.empty() ? before : its);
    }
  }

  std::vector<const Call*> calls_;
  std::vector<std::vector<std::string_view>> paths_;  // by call
  std::vector<std::vector<std::uint32_t>> after_;     // by call
  Node root_;
};

/// Ids of the blocks of each call's prompt: those that it shares with the prompt that it goes on from, and
/// new ones.
std::vector<std::vector<std::uint64_t>> blocks_of(const Session& session, std::uint64_t& next) {
  std::vector<std::vector<std::uint64_t>> all(session.size());
  for (std::size_t i = 0; i < session.size(); ++i) {
    const Call& call = session.call(i);
    if (const auto base = session.base(i)) {
      const std::uint64_t grown = call.input >= session.call(*base).input ? session.call(*base).input : 0;
      const std::uint64_t shared = std::min<std::uint64_t>(call.cached.value_or(grown), call.input) / kBlock;
      const auto& from = all[*base];
      all[i].assign(from.begin(),
                    from.begin() + static_cast<std::ptrdiff_t>(std::min<std::uint64_t>(shared, from.size())));
    }
    while (all[i].size() < call.input / kBlock) all[i].push_back(next++);
  }
  return all;
}

void add_session(const Session& session, std::uint64_t& next_block, DatasetCollector& into) {
  auto blocks = blocks_of(session, next_block);
  const Call& first = session.call(0);
  const std::size_t entry = into.dataset().entries.size();
  into.add({.input_tokens = first.input,
            .output_tokens = first.output,
            .arrival = first.begin,
            .blocks = std::move(blocks[0]),
            .lanes = session.lanes()},
           first.line);
  for (std::size_t i = 1; i < session.size(); ++i) {
    const Call& call = session.call(i);
    const Nanos gap = session.gap(i);
    if (gap > kLongestTrace)
      throw DatasetError{call.line, "a call comes more than 31 days after the one before; cut the file",
                         true};
    std::vector<std::uint32_t> after;
    if (session.lanes() > 0) after = session.after(i);
    into.add_turn(entry, {call.input, call.output, std::move(blocks[i]), std::move(after)}, gap, call.line);
  }
}

void add_sessions(const std::vector<Call>& calls, const Parents& parents, DatasetCollector& into) {
  std::map<std::string_view, std::vector<const Call*>> conversations;
  std::vector<std::string_view> in_order;
  for (const Call& call : calls) {
    auto& its = conversations[call.conversation];
    if (its.empty()) in_order.push_back(call.conversation);
    if (its.size() == kMostCalls)
      throw DatasetError{call.line, fmt::format("a session has more than {} calls; cut it", kMostCalls),
                         true};
    its.push_back(&call);
  }
  std::uint64_t next_block = 0;
  for (const std::string_view each : in_order) {
    if (into.full()) break;
    add_session(Session(std::move(conversations[each]), parents), next_block, into);
  }
  into.dataset().block_tokens = kBlock;
}

}  // namespace

void read_otel_spans(std::string_view text, bool sessions, DatasetCollector& into) {
  dom::parser parser;
  std::vector<Call> calls;
  Parents parents;
  each_line(text, [&](std::string_view line, std::size_t number) {
    into.attempt([&] {
      dom::element root;
      if (parser.parse(line.data(), line.size(), true).get(root)) throw DatasetError{number, "is no JSON"};
      read_line(root, number, into, calls, parents);
    });
    return true;  // a file's lines come as spans end, in no order
  });
  leave_once(calls);
  std::stable_sort(calls.begin(), calls.end(),
                   [](const Call& a, const Call& b) { return a.begin < b.begin; });
  if (sessions) {
    add_sessions(calls, parents, into);
  } else {
    for (const Call& call : calls) {
      if (into.full()) break;
      into.add({.input_tokens = call.input, .output_tokens = call.output, .arrival = call.begin}, call.line);
    }
  }
  order_by_arrival(into.dataset());
}

}  // namespace kneepoint::coordinator
