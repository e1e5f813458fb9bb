#include <algorithm>
#include <array>
#include <utility>

#include "common/wire.h"
#include "common/wire_check.h"
#include "common/wire_workload.h"
#include "kneepoint/v1/plan.pb.h"

namespace kneepoint {
namespace {

using wire::domain_of;
using wire::Field;
using wire::filled_line;
using wire::kMaxName;
using wire::kMaxPath;
using wire::line;
using wire::message_of;
using wire::refuse;
using wire::text;

constexpr std::size_t kMaxRequestTemplate = 1 << 20;
constexpr std::size_t kMaxTargets = 1024;
constexpr std::size_t kMaxUrls = 4096;
constexpr std::size_t kMaxCells = 65'536;
constexpr std::uint32_t kMaxSlots = 10'000'000;
constexpr std::uint32_t kMaxShares = 1'000'000;
/// A trace's mean rate may be slow, and no fleet sends faster.
constexpr double kLowestRate = 1e-9;
constexpr double kHighestRate = 1e7;
constexpr double kLeastBurstiness = 1e-3;

constexpr std::array<std::pair<Api, v1::Api>, 4> kApis = {
    {{Api::kOpenAiChat, v1::API_OPENAI_CHAT},
     {Api::kOpenAiCompletions, v1::API_OPENAI_COMPLETIONS},
     {Api::kVllmGenerate, v1::API_VLLM_GENERATE},
     {Api::kCustom, v1::API_CUSTOM}}};

constexpr std::array<std::pair<Routing, v1::Routing>, 3> kRoutings = {
    {{Routing::kPinned, v1::ROUTING_PINNED},
     {Routing::kRoundRobin, v1::ROUTING_ROUND_ROBIN},
     {Routing::kLeastInFlight, v1::ROUTING_LEAST_IN_FLIGHT}}};

constexpr std::array<std::pair<ArrivalProcess::Kind, v1::ArrivalKind>, 4> kArrivalKinds = {
    {{ArrivalProcess::Kind::kConstant, v1::ARRIVAL_KIND_CONSTANT},
     {ArrivalProcess::Kind::kPoisson, v1::ARRIVAL_KIND_POISSON},
     {ArrivalProcess::Kind::kGamma, v1::ARRIVAL_KIND_GAMMA},
     {ArrivalProcess::Kind::kTrace, v1::ARRIVAL_KIND_TRACE}}};

constexpr std::array<std::pair<UsageOption, v1::UsageOption>, 3> kUsageOptions = {
    {{UsageOption::kContinuous, v1::USAGE_OPTION_CONTINUOUS},
     {UsageOption::kFinal, v1::USAGE_OPTION_FINAL},
     {UsageOption::kNone, v1::USAGE_OPTION_NONE}}};

constexpr std::array<std::pair<SloMetric, v1::SloMetric>, 5> kMetrics = {
    {{SloMetric::kTtft, v1::SLO_METRIC_TTFT},
     {SloMetric::kTtfo, v1::SLO_METRIC_TTFO},
     {SloMetric::kTpot, v1::SLO_METRIC_TPOT},
     {SloMetric::kIcl, v1::SLO_METRIC_ICL},
     {SloMetric::kE2e, v1::SLO_METRIC_E2E}}};

SecretRef secret_from(const Field& at, const v1::SecretRef& message) {
  switch (message.source_case()) {
    case v1::SecretRef::kEnvironment:
      return {SecretRef::Source::kEnvironment,
              filled_line({&at, "environment"}, message.environment(), kMaxName)};
    case v1::SecretRef::kFile:
      return {SecretRef::Source::kFile, filled_line({&at, "file"}, message.file(), kMaxPath)};
    case v1::SecretRef::SOURCE_NOT_SET:
      return {};
  }
  refuse(at, "unknown source");
}

void to_message(const SecretRef& secret, v1::SecretRef& out) {
  if (secret.source == SecretRef::Source::kEnvironment) out.set_environment(secret.name);
  if (secret.source == SecretRef::Source::kFile) out.set_file(secret.name);
}

TlsOptions tls_from(const Field& at, const v1::TlsOptions& message) {
  return {.verify = message.verify(),
          .ca_file = line({&at, "ca_file"}, message.ca_file(), kMaxPath),
          .client_cert = line({&at, "client_cert"}, message.client_cert(), kMaxPath),
          .client_key = line({&at, "client_key"}, message.client_key(), kMaxPath),
          .server_name = line({&at, "server_name"}, message.server_name(), kMaxName)};
}

AnswerPointers pointers_from(const Field& at, const v1::AnswerPointers& message) {
  const auto list = [&](std::string_view name, const auto& from) {
    std::vector<std::string> pointers;
    for (const std::string& pointer : from) pointers.push_back(line({&at, name}, pointer, kMaxPath));
    return pointers;
  };
  return {.text = list("text", message.text()),
          .reasoning = list("reasoning", message.reasoning()),
          .tool_call = list("tool_call", message.tool_call()),
          .finish = list("finish", message.finish()),
          .error = list("error", message.error()),
          .completion_tokens = list("completion_tokens", message.completion_tokens()),
          .prompt_tokens = list("prompt_tokens", message.prompt_tokens()),
          .cached_tokens = list("cached_tokens", message.cached_tokens()),
          .reasoning_tokens = list("reasoning_tokens", message.reasoning_tokens())};
}

void to_message(const AnswerPointers& pointers, v1::AnswerPointers& out) {
  for (const std::string& pointer : pointers.text) out.add_text(pointer);
  for (const std::string& pointer : pointers.reasoning) out.add_reasoning(pointer);
  for (const std::string& pointer : pointers.tool_call) out.add_tool_call(pointer);
  for (const std::string& pointer : pointers.finish) out.add_finish(pointer);
  for (const std::string& pointer : pointers.error) out.add_error(pointer);
  for (const std::string& pointer : pointers.completion_tokens) out.add_completion_tokens(pointer);
  for (const std::string& pointer : pointers.prompt_tokens) out.add_prompt_tokens(pointer);
  for (const std::string& pointer : pointers.cached_tokens) out.add_cached_tokens(pointer);
  for (const std::string& pointer : pointers.reasoning_tokens) out.add_reasoning_tokens(pointer);
}

DialectDescription dialect_from(const Field& at, const v1::DialectDescription& message) {
  using Framing = DialectDescription::Framing;
  using Carries = DialectDescription::Carries;
  DialectDescription dialect;
  dialect.path = line({&at, "path"}, message.path(), kMaxPath);
  dialect.answer_path = line({&at, "answer_path"}, message.answer_path(), kMaxPath);
  dialect.request = text({&at, "request"}, message.request(), kMaxRequestTemplate);
  dialect.framing = message.json_lines() ? Framing::kJsonLines : Framing::kServerSentEvents;
  dialect.text_is = message.cumulative_text() ? Carries::kCumulative : Carries::kDelta;
  dialect.usage_is = message.usage_per_event() ? Carries::kDelta : Carries::kCumulative;
  dialect.done = line({&at, "done"}, message.done(), kMaxName);
  dialect.stream = pointers_from({&at, "stream"}, message.stream());
  dialect.answer = pointers_from({&at, "answer"}, message.answer());
  if (auto checked = check(dialect); !checked) refuse(at, checked.error().message);
  return dialect;
}

void to_message(const DialectDescription& dialect, v1::DialectDescription& out) {
  out.set_path(dialect.path);
  out.set_answer_path(dialect.answer_path);
  out.set_request(dialect.request);
  out.set_json_lines(dialect.framing == DialectDescription::Framing::kJsonLines);
  out.set_cumulative_text(dialect.text_is == DialectDescription::Carries::kCumulative);
  out.set_usage_per_event(dialect.usage_is == DialectDescription::Carries::kDelta);
  out.set_done(dialect.done);
  to_message(dialect.stream, *out.mutable_stream());
  to_message(dialect.answer, *out.mutable_answer());
}

Target target_from(const Field& at, const v1::Target& message) {
  Target target;
  target.name = filled_line({&at, "name"}, message.name(), kMaxName);
  const Field urls{&at, "urls"};
  if (message.urls().empty()) refuse(urls, "is empty");
  wire::size_at_most(urls, static_cast<std::size_t>(message.urls_size()), kMaxUrls);
  for (int i = 0; i < message.urls_size(); ++i) {
    target.urls.push_back(filled_line({&at, "urls", i}, message.urls(i), kMaxPath));
  }
  target.api = domain_of({&at, "api"}, kApis, message.api());
  if (message.has_dialect()) target.dialect = dialect_from({&at, "dialect"}, message.dialect());
  if (target.dialect.has_value() != (target.api == Api::kCustom))
    refuse({&at, "dialect"}, "is given exactly when the api is custom");
  target.model = line({&at, "model"}, message.model(), kMaxName);
  if (message.max_completion_tokens()) target.token_limit = TokenLimit::kMaxCompletionTokens;
  target.auth = secret_from({&at, "auth"}, message.auth());
  if (message.has_auth_header())
    target.auth_header = filled_line({&at, "auth_header"}, message.auth_header(), kMaxName);
  if (message.has_auth_scheme())
    target.auth_scheme = line({&at, "auth_scheme"}, message.auth_scheme(), kMaxName);
  target.session_header = line({&at, "session_header"}, message.session_header(), kMaxName);
  target.session_from_server = message.session_from_server();
  target.headers = wire::headers_from({&at, "headers"}, message.headers());
  target.tls = tls_from({&at, "tls"}, message.tls());
  target.routing = domain_of({&at, "routing"}, kRoutings, message.routing());
  target.replica_header = line({&at, "replica_header"}, message.replica_header(), kMaxName);
  target.connection = message.connection_per_request() ? ConnectionUse::kPerRequest : ConnectionUse::kReuse;
  target.connect_timeout =
      wire::duration({&at, "connect_timeout_nanos"}, message.connect_timeout_nanos(), Nanos(1));
  target.request_timeout =
      wire::duration({&at, "request_timeout_nanos"}, message.request_timeout_nanos(), Nanos(1));
  target.idle_timeout = wire::duration({&at, "idle_timeout_nanos"}, message.idle_timeout_nanos(), Nanos(1));
  return target;
}

void to_message(const Target& target, v1::Target& out) {
  out.set_name(target.name);
  for (const std::string& url : target.urls) out.add_urls(url);
  out.set_api(message_of(kApis, target.api));
  if (target.dialect) to_message(*target.dialect, *out.mutable_dialect());
  out.set_model(target.model);
  out.set_max_completion_tokens(target.token_limit == TokenLimit::kMaxCompletionTokens);
  to_message(target.auth, *out.mutable_auth());
  out.set_auth_header(target.auth_header);
  out.set_auth_scheme(target.auth_scheme);
  out.set_session_header(target.session_header);
  out.set_session_from_server(target.session_from_server);
  wire::to_messages(target.headers, *out.mutable_headers());
  v1::TlsOptions& tls = *out.mutable_tls();
  tls.set_verify(target.tls.verify);
  tls.set_ca_file(target.tls.ca_file);
  tls.set_client_cert(target.tls.client_cert);
  tls.set_client_key(target.tls.client_key);
  tls.set_server_name(target.tls.server_name);
  out.set_routing(message_of(kRoutings, target.routing));
  out.set_replica_header(target.replica_header);
  out.set_connection_per_request(target.connection == ConnectionUse::kPerRequest);
  out.set_connect_timeout_nanos(target.connect_timeout.count());
  out.set_request_timeout_nanos(target.request_timeout.count());
  out.set_idle_timeout_nanos(target.idle_timeout.count());
}

ArrivalProcess arrivals_from(const Field& at, const v1::ArrivalProcess& message) {
  ArrivalProcess arrivals;
  arrivals.kind = domain_of({&at, "kind"}, kArrivalKinds, message.kind());
  arrivals.rate = wire::amount({&at, "rate"}, message.rate());
  arrivals.burstiness = wire::amount({&at, "burstiness"}, message.burstiness());
  if (arrivals.rate < kLowestRate || arrivals.rate > kHighestRate)
    refuse({&at, "rate"}, fmt::format("{} is absurd", arrivals.rate));
  if (arrivals.burstiness < kLeastBurstiness) refuse({&at, "burstiness"}, "is too small");
  arrivals.over = wire::duration({&at, "over_nanos"}, message.over_nanos());
  arrivals.end_rate = wire::amount({&at, "end_rate"}, message.end_rate());
  if (arrivals.over > Nanos(0) && (arrivals.end_rate < kLowestRate || arrivals.end_rate > kHighestRate))
    refuse({&at, "end_rate"}, fmt::format("{} is absurd", arrivals.end_rate));
  return arrivals;
}

SloLimit limit_from(const Field& at, const v1::SloLimit& message) {
  const double quantile = message.quantile();
  if (!(quantile > 0 && quantile <= 1))
    refuse({&at, "quantile"}, fmt::format("{} is not in (0, 1]", quantile));
  return {.metric = domain_of({&at, "metric"}, kMetrics, message.metric()),
          .quantile = quantile,
          .limit = wire::duration({&at, "limit_nanos"}, message.limit_nanos(), Nanos(1)),
          .prompt_class = line({&at, "prompt_class"}, message.prompt_class(), kMaxName)};
}

Cell cell_from(const Field& at, const v1::Cell& message, int place, int targets) {
  if (message.id() != static_cast<std::uint32_t>(place)) refuse({&at, "id"}, "is not its place in the list");
  if (message.target() >= static_cast<std::uint32_t>(targets)) {
    refuse({&at, "target"}, fmt::format("{} is not one of {} targets", message.target(), targets));
  }
  Cell cell{.id = message.id(), .scenario = message.scenario(), .target = message.target()};
  cell.workload = wire::workload_from({&at, "workload"}, message.workload());
  wire::size_at_most({&at, "slo"}, static_cast<std::size_t>(message.slo_size()), kMostSloLimits);
  for (int i = 0; i < message.slo_size(); ++i)
    cell.slo.push_back(limit_from({&at, "slo", i}, message.slo(i)));
  if (message.has_calibration())
    cell.calibration = wire::calibration_from({&at, "calibration"}, message.calibration());
  cell.usage = domain_of({&at, "usage"}, kUsageOptions, message.usage());
  return cell;
}

}  // namespace

void to_wire(const Assignment& assignment, v1::Assignment& out) {
  out.Clear();
  out.set_run_id(assignment.run_id);
  for (const Target& target : assignment.targets) to_message(target, *out.add_targets());
  for (const Cell& cell : assignment.cells) {
    v1::Cell& to = *out.add_cells();
    to.set_id(cell.id);
    to.set_scenario(cell.scenario);
    to.set_target(cell.target);
    wire::to_message(cell.workload, *to.mutable_workload());
    if (cell.workload.makes_text()) wire::to_message(cell.calibration, *to.mutable_calibration());
    to.set_usage(message_of(kUsageOptions, cell.usage));
    for (const SloLimit& limit : cell.slo) {
      v1::SloLimit& slo = *to.add_slo();
      slo.set_metric(message_of(kMetrics, limit.metric));
      slo.set_quantile(limit.quantile);
      slo.set_limit_nanos(limit.limit.count());
      slo.set_prompt_class(limit.prompt_class);
    }
  }
  out.set_seed(assignment.seed);
  out.set_text_seed(assignment.text_seed);
  out.set_zero_nanos(assignment.zero.time_since_epoch().count());
  out.set_records(assignment.records);
}

Result<Assignment> from_wire(const v1::Assignment& message) {
  return wire::guarded([&] {
    Assignment assignment;
    assignment.run_id = filled_line({nullptr, "run_id"}, message.run_id(), kMaxName);
    wire::size_at_most({nullptr, "targets"}, static_cast<std::size_t>(message.targets_size()), kMaxTargets);
    for (int i = 0; i < message.targets_size(); ++i) {
      assignment.targets.push_back(target_from({nullptr, "targets", i}, message.targets(i)));
    }
    wire::size_at_most({nullptr, "cells"}, static_cast<std::size_t>(message.cells_size()), kMaxCells);
    for (int i = 0; i < message.cells_size(); ++i) {
      assignment.cells.push_back(
          cell_from({nullptr, "cells", i}, message.cells(i), i, message.targets_size()));
    }
    assignment.seed = message.seed();
    assignment.text_seed = message.has_text_seed() ? message.text_seed() : message.seed();
    // Of a run that goes on it may lie before this machine was started.
    assignment.zero = wire::instant({nullptr, "zero_nanos"}, message.zero_nanos(), -wire::kMaxInstant);
    assignment.records = message.records();
    return assignment;
  });
}

namespace {

std::vector<std::vector<std::uint32_t>> held_from(const v1::LoadLevel& message) {
  std::vector<std::vector<std::uint32_t>> held;
  std::vector<bool> taken(message.shares());
  wire::size_at_most({nullptr, "held"}, static_cast<std::size_t>(message.held_size()), kMostThreads);
  for (const v1::HeldShares& from : message.held()) {
    const Field at{nullptr, "held", static_cast<int>(held.size())};
    std::uint64_t share = 0;
    std::vector<std::uint32_t>& to = held.emplace_back();
    for (const std::uint32_t delta : from.deltas()) {
      share += delta;
      if (share >= taken.size()) refuse(at, fmt::format("share {} of {}", share, taken.size()));
      if (taken[share]) refuse(at, fmt::format("share {} twice", share));
      taken[share] = true;
      to.push_back(static_cast<std::uint32_t>(share));
    }
  }
  return held;
}

}  // namespace

void to_wire(const LoadLevel& level, v1::LoadLevel& out) {
  out.Clear();
  out.set_epoch(level.epoch);
  out.set_cell(level.cell);
  out.set_attempt(level.attempt);
  out.set_concurrency(level.concurrency);
  out.set_shares(level.shares);
  for (const auto& held : level.held) {
    v1::HeldShares& to = *out.add_held();
    std::uint32_t previous = 0;
    for (const std::uint32_t share : held) {
      to.add_deltas(share - previous);
      previous = share;
    }
  }
  out.set_effective_at_nanos(level.effective_at.count());
  out.set_warm_slots(level.warm_slots);
  out.set_spread_over_nanos(level.spread_over.count());
  if (level.budget) out.set_budget(*level.budget);
  if (const auto& arrivals = level.arrivals) {
    v1::ArrivalProcess& to = *out.mutable_arrivals();
    to.set_kind(message_of(kArrivalKinds, arrivals->kind));
    to.set_rate(arrivals->rate);
    to.set_burstiness(arrivals->burstiness);
    to.set_over_nanos(arrivals->over.count());
    to.set_end_rate(arrivals->end_rate);
  }
}

Result<LoadLevel> from_wire(const v1::LoadLevel& message) {
  return wire::guarded([&] {
    LoadLevel level;
    level.epoch = message.epoch();
    level.cell = message.cell();
    level.attempt = message.attempt();
    level.concurrency = message.concurrency();
    if (level.concurrency > kMaxSlots)
      refuse({nullptr, "concurrency"}, fmt::format("{} is absurd", level.concurrency));
    level.shares = message.shares();
    if (level.shares == 0 || level.shares > kMaxShares)
      refuse({nullptr, "shares"}, fmt::format("{} is not in 1 to {}", level.shares, kMaxShares));
    level.held = held_from(message);
    level.effective_at = wire::duration({nullptr, "effective_at_nanos"}, message.effective_at_nanos());
    level.warm_slots = message.warm_slots();
    level.spread_over = wire::duration({nullptr, "spread_over_nanos"}, message.spread_over_nanos());
    if (message.has_budget()) level.budget = wire::count({nullptr, "budget"}, message.budget());
    if (message.has_arrivals()) level.arrivals = arrivals_from({nullptr, "arrivals"}, message.arrivals());
    return level;
  });
}

}  // namespace kneepoint
