#include "coordinator/datasets/otel_spans.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <vector>

#include "coordinator/datasets/call_order.h"
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
  std::string trace;
  std::string conversation;  ///< Empty: it names none.
  Nanos begin{0}, end{0};
  std::uint32_t input = 0, output = 0;
  std::optional<std::uint64_t> cached;
  std::size_t line = 0;
};

/// OTLP writes whole numbers of 64 bits as texts; some writers do not.
std::optional<std::uint64_t> whole_number(const dom::element& value) {
  std::uint64_t number = 0;
  if (!value.get(number)) return number;
  double real = 0;
  if (value.is_double() && !value.get(real)) {
    const bool whole = real >= 0 && real < 1e15 && real == std::floor(real);
    return whole ? std::optional(static_cast<std::uint64_t>(real)) : std::nullopt;
  }
  std::string_view text;
  if (value.get(text)) return std::nullopt;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || text.empty() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

/// What is of interest of a span's attributes.
struct Attributes {
  std::string_view operation, older_operation, conversation;
  std::optional<std::uint64_t> input, output, cached, written, older_input, older_output;

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
        if (key == "llm.request.type") older_operation = text;  // OpenLLMetry, before the conventions
        if (key == "gen_ai.conversation.id") conversation = text;
        continue;
      }
      dom::element number;
      if (value.at_key("intValue").get(number) && value.at_key("doubleValue").get(number)) continue;
      const auto count = whole_number(number);
      if (key == "gen_ai.usage.input_tokens") input = count;
      if (key == "gen_ai.usage.output_tokens") output = count;
      if (key == "gen_ai.usage.cache_read.input_tokens") cached = count;
      if (key == "gen_ai.usage.cache_creation.input_tokens") written = count;
      // Names that instrumentations used before the conventions had one.
      if (key == "gen_ai.usage.cache_read_input_tokens" && !cached) cached = count;
      if (key == "gen_ai.usage.cache_creation_input_tokens" && !written) written = count;
      // Of the conventions before 1.27.
      if (key == "gen_ai.usage.prompt_tokens") older_input = count;
      if (key == "gen_ai.usage.completion_tokens") older_output = count;
    }
    if (!input) input = older_input;
    if (!output) output = older_output;
  }
  bool calls_model() const {
    if (operation.empty()) return older_operation == "chat" || older_operation == "completion";
    return operation == "chat" || operation == "generate_content" || operation == "text_completion";
  }
};

/// What calls need to know of a span.
struct Around {
  std::string parent;           ///< The span around it; empty: none.
  std::string conversation;     ///< Empty: it names none.
  bool agent = false;           ///< An agent at work, whose prompts are its own.
  std::size_t trace_bytes = 0;  ///< So much of the span's key is its trace's id.
};
/// By span.
using Parents = std::unordered_map<std::string, Around>;

std::string_view span_text(const dom::object& span, const char* field) {
  std::string_view value;
  return span.at_key(field).get(value) ? std::string_view() : value;
}

/// A span's id and that of the one around it, each with its trace's; empty where there is none.
std::pair<std::string, std::string> ids(const dom::object& span) {
  const std::string_view trace = span_text(span, "traceId");
  const auto of = [&](std::string_view id) {
    return id.empty() ? std::string() : fmt::format("{}/{}", trace, id);
  };
  return {of(span_text(span, "spanId")), of(span_text(span, "parentSpanId"))};
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
  // Some count what a cache held and what was written to it beside the input, not in it: then the one can be
  // more than the other.
  const std::uint64_t of_cache = told.cached.value_or(0) + told.written.value_or(0);
  const std::uint64_t beside = of_cache > *told.input ? of_cache : 0;
  call.input = token_count(*told.input + beside, "gen_ai.usage.input_tokens", line);
  call.output = token_count(*told.output, "gen_ai.usage.output_tokens", line);
  call.cached = told.cached;
  call.trace = span_text(span, "traceId");
  call.conversation = told.conversation;
  if (call.conversation.empty() && call.trace.empty())
    throw DatasetError{line, "a call of a model has neither 'gen_ai.conversation.id' nor 'traceId'"};
  std::tie(call.id, call.parent) = ids(span);
  return call;
}

/// The calls of a line's spans.
void read_line(const dom::element& root, std::size_t line, DatasetCollector& into, std::vector<Call>& calls,
               Parents& parents, std::size_t& seen) {
  dom::array resources;
  if (root["resourceSpans"].get(resources)) {
    const bool snake = root["resource_spans"].error() == simdjson::SUCCESS;
    throw DatasetError{line,
                       snake ? "has 'resource_spans': OTLP's JSON has 'resourceSpans', and its other names so"
                             : "is no JSON object with a list 'resourceSpans'"};
  }
  for (const dom::element resource : resources) {
    dom::array scopes;
    if (resource["scopeSpans"].get(scopes)) continue;
    for (const dom::element scope : scopes) {
      dom::array spans;
      if (scope["spans"].get(spans)) continue;
      for (const dom::element each : spans) {
        dom::object span;
        if (each.get(span)) throw DatasetError{line, "has a span that is no JSON object"};
        ++seen;
        const Attributes told(span);
        if (auto [id, parent] = ids(span); !id.empty())
          parents.emplace(std::move(id), Around{.parent = std::move(parent),
                                                .conversation = std::string(told.conversation),
                                                .agent = told.operation == "invoke_agent",
                                                .trace_bytes = span_text(span, "traceId").size()});
        if (told.calls_model()) into.attempt([&] { calls.push_back(read_call(span, told, line)); });
      }
    }
  }
}

/// So far up a call's ancestors are looked for.
constexpr std::size_t kMostLevels = 1024;

/// Leaves each call once. Exporters that retry write a span twice. And where a framework and the client
/// beneath it both trace, one call or several stand beneath a span that counts their tokens once more: that
/// is left out. Where the counts differ (a sub-agent beneath the call that asked for it), all stay.
void leave_once(std::vector<Call>& calls, const Parents& parents) {
  std::unordered_map<std::string_view, std::size_t> by_id;
  std::vector<bool> out(calls.size());
  for (std::size_t i = 0; i < calls.size(); ++i)
    out[i] = !calls[i].id.empty() && !by_id.emplace(calls[i].id, i).second;
  std::vector<std::uint64_t> beneath(calls.size());
  for (std::size_t i = 0; i < calls.size(); ++i) {
    if (out[i]) continue;
    std::string_view at = calls[i].parent;
    for (std::size_t level = 0; !at.empty() && level < kMostLevels; ++level) {
      if (const auto call = by_id.find(at); call != by_id.end()) {
        beneath[call->second] += calls[i].output;
        break;
      }
      const auto above = parents.find(std::string(at));
      at = above == parents.end() ? std::string_view() : std::string_view(above->second.parent);
    }
  }
  std::vector<Call> once;
  for (std::size_t i = 0; i < calls.size(); ++i) {
    if (!out[i] && beneath[i] != calls[i].output) once.push_back(calls[i]);
  }
  calls = std::move(once);
}

constexpr std::size_t kMostCalls = 10'000;

/// The spans around a call that are in the file, the outermost first. Exports often have the calls alone:
/// whose spans are missing, of those times alone tell what follows what.
std::vector<std::string_view> ancestors(const Call& call, const Parents& parents) {
  std::vector<std::string_view> path;
  std::string_view at = call.parent;
  while (!at.empty() && path.size() < kMostLevels) {
    const auto known = parents.find(std::string(at));
    if (known == parents.end()) break;
    path.push_back(known->first);
    at = known->second.parent;
  }
  std::reverse(path.begin(), path.end());
  return path;
}

/// Gives each call the name of its session: the conversation that it names, or the nearest span around it, or
/// else the only one that its trace names (frameworks name it in the agent's span, and not in every call's);
/// where there is none, its trace.
void name_sessions(std::vector<Call>& calls, const Parents& parents) {
  std::unordered_map<std::string_view, std::set<std::string>> of_traces;
  for (const auto& [id, around] : parents) {
    if (!around.conversation.empty())
      of_traces[std::string_view(id).substr(0, around.trace_bytes)].insert(around.conversation);
  }
  for (const Call& call : calls) {
    if (!call.conversation.empty()) of_traces[call.trace].insert(call.conversation);
  }
  for (Call& call : calls) {
    if (call.conversation.empty()) {
      const auto path = ancestors(call, parents);
      const auto named = std::find_if(path.rbegin(), path.rend(), [&](std::string_view span) {
        return !parents.at(std::string(span)).conversation.empty();
      });
      const auto trace = of_traces.find(call.trace);
      if (named != path.rend()) {
        call.conversation = parents.at(std::string(*named)).conversation;
      } else if (trace != of_traces.end() && trace->second.size() == 1) {
        call.conversation = *trace->second.begin();
      }
    }
    // One id may be the other's text.
    call.conversation =
        call.conversation.empty() ? fmt::format("t{}", call.trace) : fmt::format("c{}", call.conversation);
  }
}

/// The sub-agent whose call it is, by its span: of those around it the innermost agent, where there is one
/// more around that. Empty: it is the main agent's, or nobody says.
std::string_view sub_agent(const std::vector<std::string_view>& spans, const Parents& parents) {
  std::string_view inner;
  std::size_t agents = 0;
  for (const std::string_view span : spans) {
    if (!parents.at(std::string(span)).agent) continue;
    inner = span;
    ++agents;
  }
  return agents > 1 ? inner : std::string_view();
}

/// The calls of one session, in order of their beginning.
using Session = std::vector<const Call*>;

/// Ids of the blocks of each call's prompt: those that it shares with the prompt that it goes on from, and
/// new ones.
/// @param agents of each call its sub-agent, whose prompts are its own.
std::vector<std::vector<std::uint64_t>> blocks_of(const Session& calls, const CallOrder& order,
                                                  const std::vector<std::string_view>& agents,
                                                  std::uint64_t& next) {
  std::vector<std::vector<std::uint64_t>> all(calls.size());
  std::size_t held = 0;
  for (std::size_t i = 0; i < calls.size(); ++i) {
    const Call& call = *calls[i];
    held += call.input / kBlock * sizeof(std::uint64_t);
    if (held > kMaxDatasetBytes)
      throw DatasetError{call.line, "up to here a session is more than agents can hold (240 MiB); cut it",
                         true};
    if (const auto base = order.goes_on_from(i)) {
      const bool goes_on = call.input >= calls[*base]->input && agents[i] == agents[*base];
      const std::uint64_t grown = goes_on ? calls[*base]->input : 0;
      const std::uint64_t shared = std::min<std::uint64_t>(call.cached.value_or(grown), call.input) / kBlock;
      const auto& from = all[*base];
      all[i].assign(from.begin(),
                    from.begin() + static_cast<std::ptrdiff_t>(std::min<std::uint64_t>(shared, from.size())));
    }
    while (all[i].size() < call.input / kBlock) all[i].push_back(next++);
  }
  return all;
}

void add_session(const Session& calls, const Parents& parents, std::uint64_t& next_block,
                 DatasetCollector& into) {
  std::vector<TimedCall> timed;
  std::vector<std::string_view> agents;
  for (const Call* call : calls) {
    timed.push_back({call->begin, call->end, ancestors(*call, parents)});
    agents.push_back(sub_agent(timed.back().spans, parents));
  }
  const CallOrder order(std::move(timed));
  auto blocks = blocks_of(calls, order, agents, next_block);
  const std::size_t entry = into.dataset().entries.size();
  into.add({.input_tokens = calls[0]->input,
            .output_tokens = calls[0]->output,
            .arrival = calls[0]->begin,
            .blocks = std::move(blocks[0]),
            .lanes = order.lanes()},
           calls[0]->line);
  for (std::size_t i = 1; i < calls.size(); ++i) {
    const Call& call = *calls[i];
    if (order.gap(i) > kLongestTrace)
      throw DatasetError{call.line, "a call comes more than 31 days after the one before; cut the file",
                         true};
    std::vector<std::uint32_t> after;
    if (order.lanes() > 0) after = order.after(i);
    into.add_turn(entry, {call.input, call.output, std::move(blocks[i]), std::move(after)}, order.gap(i),
                  call.line);
  }
}

void add_sessions(const std::vector<Call>& calls, const Parents& parents, DatasetCollector& into) {
  std::map<std::string_view, Session> conversations;
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
    add_session(conversations[each], parents, next_block, into);
  }
  into.dataset().block_tokens = kBlock;
}

}  // namespace

void read_otel_spans(std::string_view text, bool sessions, DatasetCollector& into) {
  dom::parser parser;
  std::vector<Call> calls;
  Parents parents;
  std::size_t spans = 0;
  each_line(text, [&](std::string_view line, std::size_t number) {
    into.attempt([&] {
      dom::element root;
      if (parser.parse(line.data(), line.size(), true).get(root))
        throw DatasetError{number, "is no JSON object; one stands in each line ('jq -c .' makes it so)"};
      read_line(root, number, into, calls, parents, spans);
    });
    return true;  // a file's lines come as spans end, in no order
  });
  if (calls.empty() && into.skipped() == 0) {
    throw DatasetError{
        0, fmt::format("has {} spans, none of which calls a model: 'gen_ai.operation.name' is not "
                       "chat, generate_content or text_completion in any",
                       spans)};
  }
  leave_once(calls, parents);
  name_sessions(calls, parents);
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
