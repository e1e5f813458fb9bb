#include "tests/simhost/options.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <iterator>

namespace kneepoint::simhost {

namespace {

/// The number at the start of `text`, which moves past it.
bool take_number(std::string_view& text, double& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) return false;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return true;
}

}  // namespace

Result<Nanos> parse_duration(std::string_view text) {
  std::string_view unit = text;
  double number = 0;
  const bool valid = take_number(unit, number) && number >= 0;
  const double scale = unit == "ns"                ? 1e-9
                       : unit == "us"              ? 1e-6
                       : unit == "ms"              ? 1e-3
                       : unit == "s" || unit == "" ? 1
                       : unit == "m"               ? 60
                                                   : 0;
  if (!valid || scale == 0)
    return Error{fmt::format("'{}' is not a duration such as 200us, 9ms, 1.5s or 2m", text)};
  return from_seconds(number * scale);
}

Result<FaultRate> parse_fault_rate(std::string_view text) {
  const std::size_t equals = text.find('=');
  FaultRate rate;
  const auto fault = parse_fault(text.substr(0, equals));
  if (!fault) {
    std::string names;
    for (std::size_t i = 0; i < kFaultCount; ++i) {
      names += fmt::format("{}{}", i == 0 ? "" : ", ", to_string(static_cast<Fault>(i)));
    }
    return Error{fmt::format("'{}' names no fault; there are {}", text, names)};
  }
  std::string_view value = equals == std::string_view::npos ? "" : text.substr(equals + 1);
  if (!take_number(value, rate.rate) || !value.empty() || rate.rate < 0 || rate.rate > 1) {
    return Error{fmt::format("'{}' should be KIND=RATE with a rate of 0 to 1", text)};
  }
  rate.fault = *fault;
  return rate;
}

Result<MisbehaviourRate> parse_misbehaviour_rate(std::string_view text) {
  const std::size_t equals = std::min(text.find('='), text.size());
  const auto kind = parse_misbehaviour(text.substr(0, equals));
  if (!kind) {
    std::string names;
    for (std::size_t i = 0; i < kMisbehaviourCount; ++i) {
      names += fmt::format("{}{}", i == 0 ? "" : ", ", to_string(static_cast<Misbehaviour>(i)));
    }
    return Error{fmt::format("'{}' names no misbehaviour; there are {}", text, names)};
  }
  MisbehaviourRate rate{.kind = *kind};
  std::string_view value = text.substr(std::min(equals + 1, text.size()));
  if (equals < text.size() &&
      (!take_number(value, rate.rate) || !value.empty() || rate.rate < 0 || rate.rate > 1)) {
    return Error{fmt::format("'{}' should be KIND or KIND=RATE with a rate of 0 to 1", text)};
  }
  return rate;
}

Result<UsageOption> parse_usage_option(std::string_view text) {
  if (text == "continuous") return UsageOption::kContinuous;
  if (text == "final") return UsageOption::kFinal;
  if (text == "none") return UsageOption::kNone;
  return Error{fmt::format("--usage is continuous, final or none, not '{}'", text)};
}

Result<Adapter> parse_adapter(std::string_view text) {
  const std::size_t equals = std::min(text.find('='), text.size());
  Adapter adapter{.name = std::string(text.substr(0, equals))};
  std::string_view value = text.substr(std::min(equals + 1, text.size()));
  if (adapter.name.empty() ||
      (equals < text.size() && (!take_number(value, adapter.prefill_factor) || !value.empty() ||
                                adapter.prefill_factor < 1 || adapter.prefill_factor > 100))) {
    return Error{fmt::format("'{}' should be NAME or NAME=FACTOR with a factor of 1 to 100", text)};
  }
  return adapter;
}

Result<SlowReplica> parse_slow_replica(std::string_view text) {
  const std::size_t equals = text.find('=');
  SlowReplica slow;
  double index = -1;
  std::string_view number = text.substr(0, equals);
  std::string_view factor = equals == text.npos ? std::string_view() : text.substr(equals + 1);
  if (!take_number(number, index) || !number.empty() || index < 0 || index > 1023 ||
      !take_number(factor, slow.factor) || !factor.empty() || slow.factor < 1 || slow.factor > 100) {
    return Error{fmt::format("'{}' should be I=FACTOR with a factor of 1 to 100", text)};
  }
  slow.index = static_cast<int>(index);
  return slow;
}

Result<void> parse_listen(std::string_view text, HostConfig& config) {
  const std::size_t colon = text.rfind(':');
  if (colon != std::string_view::npos && colon > 0) {
    std::string_view address = text.substr(0, colon);
    const std::string_view port = text.substr(colon + 1);
    if (address.front() == '[' && address.back() == ']') address = address.substr(1, address.size() - 2);
    const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), config.port);
    if (error == std::errc() && end == port.data() + port.size() && !address.empty()) {
      config.address = address == "localhost" ? "127.0.0.1" : std::string(address);
      return {};
    }
  }
  return Error{fmt::format("'{}' should be HOST:PORT, such as 127.0.0.1:8000", text)};
}

void scale_time(EngineConfig& engine, double factor) {
  const auto scale = [&](Nanos& time) { time = from_seconds(to_seconds(time) * factor); };
  scale(engine.base);
  scale(engine.per_sequence);
  scale(engine.per_prefill_token);
  scale(engine.admission_latency);
  scale(engine.phase);
  engine.per_kv_token_nanos *= factor;
}

void scale_time(SplitConfig& split, double factor) {
  scale_time(split.prefill, factor);
  split.transfer_per_thousand = from_seconds(to_seconds(split.transfer_per_thousand) * factor);
}

namespace {

/// "curve" of an oracle.
template <class Model>
void append_curve(std::string& out, const Model& oracle, double knee) {
  const auto to = std::back_inserter(out);
  fmt::format_to(to, R"("batch_cap":{:.1f},"curve":[)", oracle.batch_cap());
  for (int n = 1; n <= 4 * knee + 1; n *= 2) {
    fmt::format_to(to, R"({}{{"concurrency":{},"output_tokens_per_second":{:.1f},"tpot_seconds":{:.6f}}})",
                   n == 1 ? "" : ",", n, oracle.tokens_per_second(n), oracle.tpot_seconds(n));
  }
  out += ']';
}

void append_stations(std::string& out, const SplitOracle& oracle) {
  const auto to = std::back_inserter(out);
  fmt::format_to(to, R"("gives_out":"{}","stations":[)", to_string(oracle.bottleneck().stage));
  for (const SplitOracle::Station& station : oracle.stations()) {
    fmt::format_to(to,
                   R"({}{{"stage":"{}","servers":{},"seconds":{:.6f},"most_requests_per_second":{:.3f}}})",
                   station.stage == Stage::kPrefill ? "" : ",", to_string(station.stage), station.servers,
                   station.seconds, station.most_per_second);
  }
  out += "],";
}

}  // namespace

std::string truth_json(const HostConfig& config, Workload workload, const Truth& truth) {
  const Profile& profile = config.profile;
  std::string out;
  const auto to = std::back_inserter(out);
  fmt::format_to(
      to,
      R"({{"profile":"{}","model":"{}","replicas":{},"workload":{{"prompt_tokens":{},"output_tokens":{}}},)"
      R"("knee_kind":"{}","saturation_concurrency":{:.3f},"max_output_tokens_per_second":{:.1f},)",
      profile.name, profile.model, config.replicas, workload.prompt_tokens, workload.output_tokens,
      to_string(truth.kind), truth.saturation_concurrency * config.replicas,
      truth.max_tokens_per_second * config.replicas);
  fmt::format_to(to,
                 R"("per_replica":{{"saturation_concurrency":{:.3f},"oracle_saturation_concurrency":{:.3f},)"
                 R"("simulated_saturation_concurrency":{:.3f},"max_output_tokens_per_second":{:.1f},)",
                 truth.saturation_concurrency, truth.oracle_saturation_concurrency,
                 truth.simulated_saturation_concurrency, truth.max_tokens_per_second);
  if (profile.split.on()) {
    const SplitOracle oracle(profile.split, profile.engine, workload);
    append_stations(out, oracle);
    append_curve(out, oracle, truth.saturation_concurrency);
  } else {
    append_curve(out, Oracle(profile.engine, workload), truth.saturation_concurrency);
  }
  out += "}}\n";
  return out;
}

}  // namespace kneepoint::simhost
