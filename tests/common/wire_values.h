#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "common/wire.h"

namespace kneepoint {

/// Random domain values, any of which an agent or a plan could hold.
class Random {
 public:
  explicit Random(unsigned seed) : engine_(seed) {}
  std::uint64_t below(std::uint64_t bound) {
    return std::uniform_int_distribution<std::uint64_t>(0, bound - 1)(engine_);
  }
  bool coin() { return below(2) == 1; }
  std::uint64_t number() { return below(std::uint64_t{1} << below(40)); }
  double real() { return static_cast<double>(number()) / 1000; }
  Nanos nanos() { return Nanos(static_cast<Nanos::rep>(1 + number())); }

  std::string text() {
    static constexpr std::string_view kLetters[] = {"a", "Z", "7", " ", "é", "漢", "-", "{\"", "🙂"};
    std::string result = "x";
    for (std::uint64_t i = below(12); i > 0; --i) result += kLetters[below(std::size(kLetters))];
    return result;
  }

  Histogram histogram() {
    Histogram result;
    for (std::uint64_t i = below(40); i > 0; --i) {
      const bool past_range = below(20) == 0;
      result.record(past_range ? HistogramLayout::limit() + nanos() : nanos() - Nanos(1), 1 + below(5));
    }
    return result;
  }

  SeriesStats series() {
    SeriesStats s;
    s.arrivals = number(), s.backlog = real(), s.replica_changes = number();
    s.started = number(), s.first_tokens = number(), s.chunks = number();
    for (auto& n : s.outcomes) n = number();
    for (auto& n : s.reported_tokens) n = number();
    for (auto& n : s.unreported_chunks) n = number();
    s.usage_tokens = number(), s.usage_chunks = number(), s.chunks_without_usage = number();
    for (const auto field : AnswerWitnesses::fields()) s.witnesses.*field = number();
    s.segments = {number(), number(), number(), number()};
    for (std::uint64_t i = below(4); i > 0; --i) {
      const auto outcome = Outcome::kRejected;
      const auto status = static_cast<std::uint16_t>(429 + i);
      *s.failures.of({outcome, status}) = {.count = 1 + below(9), .said = text(), .request_id = text()};
      s.outcomes[static_cast<std::size_t>(outcome)] += 9;
    }
    s.prompt_tokens = number(), s.joint_good = number();
    for (std::uint64_t i = below(4); i > 0; --i) s.slo.push_back({number(), number()});
    s.censored = number(), s.early_stops = number(), s.reconnects = number();
    s.asked_prompts = number(), s.asked_prompt_tokens = number(), s.achieved_prompt_tokens = number();
    s.in_flight = real(), s.waiting = real(), s.backing_off = real(), s.thinking = real(), s.beside = real();
    s.ttft = histogram(), s.ttfo = histogram(), s.tpot = histogram(), s.icl = histogram(),
    s.e2e = histogram(), s.ttft_intended = histogram(), s.e2e_intended = histogram();
    return s;
  }

  GeneratorStats generator() {
    GeneratorStats g;
    g.cpu_user = real(), g.cpu_system = real(), g.busiest_thread = real();
    g.resident_bytes = number();
    g.rx_lag = histogram(), g.loop_gap = histogram(), g.send_lag = histogram(), g.connect = histogram();
    g.reads = number(), g.multi_event_reads = number(), g.client_coalesced = number(),
    g.unstamped_reads = number(), g.joined_events = number(), g.late_joined_events = number(),
    g.late_reads = number();
    return g;
  }

  RequestRow row() {
    const auto instant = [&] { return Nanos(static_cast<Nanos::rep>(below(1'000'000'000'000))); };
    RequestRow r{.key = {static_cast<std::uint32_t>(below(4)), number()},
                 .slot = static_cast<std::uint32_t>(below(9)),
                 .k = number(),
                 .outcome = kOutcomes[below(kOutcomeCount)],
                 .scheduled = instant(),
                 .sent = instant(),
                 .ended = instant(),
                 .chunks = number()};
    if (below(2) == 0) r.first = instant(), r.last = instant();
    if (below(2) == 0) r.first_answer = instant();
    if (below(2) == 0) r.prompt_tokens = number(), r.output_tokens = number();
    if (below(2) == 0) r.cached_tokens = number(), r.reasoning_tokens = number();
    if (below(2) == 0) r.audio_prompt_tokens = number(), r.audio_tokens = number();
    return r;
  }

  SnapshotBatch batch() {
    SnapshotBatch b{.sequence = 1 + number(), .complete_through = static_cast<std::int64_t>(below(1000)) - 1};
    for (std::uint64_t i = below(4); i > 0; --i) {
      SecondSnapshot& second = b.seconds.emplace_back();
      second.second = static_cast<std::int64_t>(below(100'000));
      second.generator = generator();
      for (std::uint64_t k = below(5); k > 0; --k) {
        const SeriesKey key{static_cast<std::uint32_t>(below(4)), number(),
                            static_cast<std::uint32_t>(below(3)), static_cast<std::uint32_t>(below(3)),
                            static_cast<std::uint32_t>(below(3))};
        second.series[key] = series();
      }
      for (std::uint64_t k = below(4); k > 0; --k) second.requests.push_back(row());
    }
    b.in_flight = static_cast<std::uint32_t>(below(5000));
    b.backing_off = static_cast<std::uint32_t>(below(5000));
    for (std::uint64_t k = below(3); k > 0; --k) {
      const std::string name = text();
      b.replica_names[named_replica(name)] = name;
    }
    b.active_slots = static_cast<std::uint32_t>(below(5000));
    return b;
  }

  SecretRef secret() {
    const auto source = static_cast<SecretRef::Source>(below(3));
    return {source, source == SecretRef::Source::kNone ? "" : text()};
  }

  std::vector<std::string> pointers(std::uint64_t least) {
    std::vector<std::string> list;
    for (std::uint64_t i = below(3) + least; i > 0; --i) list.push_back("/" + text() + "/0");
    return list;
  }

  AnswerPointers answer_pointers() {
    return {pointers(1), pointers(0), pointers(0), pointers(0), pointers(0), pointers(0), pointers(0)};
  }

  DialectDescription dialect() {
    return {.path = "/" + std::to_string(number()),
            .answer_path = "/{model}/" + std::to_string(number()),
            .request = text() + "\"{prompt}\"",
            .framing = static_cast<DialectDescription::Framing>(below(2)),
            .text_is = static_cast<DialectDescription::Carries>(below(2)),
            .usage_is = static_cast<DialectDescription::Carries>(below(2)),
            .done = coin() ? text() : "",
            .stream = answer_pointers(),
            .answer = answer_pointers()};
  }

  Target target() {
    Target t{.name = text(), .api = static_cast<Api>(below(4)), .model = text(), .auth = secret()};
    t.auth_header = text(), t.auth_scheme = coin() ? text() : "";
    t.session_header = coin() ? text() : "", t.session_from_server = coin();
    if (t.api == Api::kCustom) t.dialect = dialect();
    for (std::uint64_t i = below(3) + 1; i > 0; --i) t.urls.push_back(text());
    for (std::uint64_t i = below(3); i > 0; --i) t.headers[text()] = text();
    t.tls = {.verify = coin(),
             .ca_file = text(),
             .client_cert = text(),
             .client_key = text(),
             .server_name = text()};
    t.token_limit = static_cast<TokenLimit>(below(2));
    t.routing = static_cast<Routing>(below(3));
    t.connection = static_cast<ConnectionUse>(below(2));
    t.replica_header = coin() ? text() : "";
    t.connect_timeout = nanos(), t.request_timeout = nanos(), t.idle_timeout = nanos();
    return t;
  }

  Distribution distribution() {
    if (coin()) return 1 + number();
    Distribution d;
    d.kind = static_cast<Distribution::Kind>(below(5));
    d.mean = 1 + real(), d.stddev = real(), d.min = 1 + real(), d.max = d.min + real();
    if (d.kind != Distribution::Kind::kEmpirical) return d;
    for (std::uint64_t i = below(4) + 1; i > 0; --i) d.values.push_back(1 + real());
    if (coin()) d.weights.assign(d.values.size(), 1 + real());
    return d;
  }

  void source(Workload& w) {
    w.unique = coin();
    w.repeat_texts = coin();
    if (coin()) {
      w.synthetic = Synthetic{.input_tokens = distribution(),
                              .shared_prefix_tokens = static_cast<std::uint32_t>(below(4096)),
                              .prefix_groups = static_cast<std::uint32_t>(1 + below(9))};
    }
    if (coin()) {
      w.dataset = DatasetUse{.hash = std::string(64, "0123456789abcdef"[below(16)]),
                             .bytes = 1 + below(1000),
                             .order = coin() ? DatasetOrder::kRandom : DatasetOrder::kSequential,
                             .time_scale = real(),
                             .lengths_only = coin(),
                             .output_lengths = coin(),
                             .bodies = coin(),
                             .messages = coin()};
    }
    if (coin()) w.think_time = distribution();
    if (coin()) {
      w.conversation = Conversation{.think_time = distribution()};
      if (coin()) w.conversation->turns = distribution();
    }
  }

  Cell cell(std::uint32_t id, std::size_t targets) {
    Cell c{.id = id,
           .scenario = static_cast<std::uint32_t>(below(9)),
           .target = static_cast<std::uint32_t>(below(targets))};
    for (std::uint64_t i = below(3) + 1; i > 0; --i) {
      c.workload.classes.push_back({text(), {text(), text()}, static_cast<std::uint32_t>(1 + below(9))});
      if (coin()) c.workload.classes.back().headers[text()] = text();
      c.workload.classes.back().model = coin() ? text() : "";
      c.workload.classes.back().extra_body = coin() ? text() : "";
    }
    if (coin()) c.workload.system = text();
    source(c.workload);
    if (c.workload.makes_text()) {
      c.calibration = {.tokens_per_word = 0.1 + static_cast<double>(below(50)) / 10,
                       .overhead_tokens = real(),
                       .source = static_cast<Calibration::Source>(below(3))};
    }
    if (coin()) c.workload.output_tokens = distribution();
    if (coin()) c.workload.temperature = real();
    if (coin()) c.workload.top_p = real();
    c.workload.stream = coin();
    c.usage = static_cast<UsageOption>(below(3));
    c.workload.extra_body = coin() ? text() : "";
    for (std::uint64_t i = below(4); i > 0; --i) {
      c.slo.push_back({static_cast<SloMetric>(below(5)), 0.01 * static_cast<double>(1 + below(99)), nanos(),
                       coin() ? text() : ""});
    }
    return c;
  }

  Assignment assignment() {
    Assignment a{.run_id = text(), .seed = number(), .text_seed = number(), .zero = MonoTime(nanos())};
    for (std::uint64_t i = below(3) + 1; i > 0; --i) a.targets.push_back(target());
    for (std::uint32_t i = 0, n = static_cast<std::uint32_t>(below(5)); i < n; ++i) {
      a.cells.push_back(cell(i, a.targets.size()));
    }
    return a;
  }

  LoadLevel level() {
    LoadLevel l{
        .epoch = number(), .cell = 3, .attempt = 2, .concurrency = static_cast<std::uint32_t>(below(10'000))};
    l.shares = 1 + static_cast<std::uint32_t>(below(100));
    l.held.resize(below(5));
    for (std::uint32_t share = 0; share < l.shares && !l.held.empty(); ++share) {
      if (coin()) l.held[below(l.held.size())].push_back(share);
    }
    l.effective_at = nanos(), l.spread_over = nanos();
    l.warm_slots = static_cast<std::uint32_t>(below(100));
    if (coin()) l.budget = number();
    if (coin()) {
      l.arrivals = ArrivalProcess{.kind = static_cast<ArrivalProcess::Kind>(below(4)),
                                  .rate = 0.1 + static_cast<double>(below(1000)),
                                  .burstiness = 0.1 + static_cast<double>(below(10))};
      if (coin()) l.arrivals->over = nanos() + Nanos(1), l.arrivals->end_rate = 2.5;
    }
    return l;
  }

 private:
  std::mt19937 engine_;
};

/// Through the bytes, as over the network.
template <class Message, class Domain>
auto round_trip(const Domain& value) {
  Message sent;
  to_wire(value, sent);
  Message received;
  EXPECT_TRUE(received.ParseFromString(sent.SerializeAsString()));
  return from_wire(received);
}

}  // namespace kneepoint
