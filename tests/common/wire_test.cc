#include "common/wire.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <random>

#include "kneepoint/v1/measurement.pb.h"
#include "kneepoint/v1/plan.pb.h"

namespace kneepoint {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

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
      result.record(past_range ? HistogramLayout::limit() + nanos() : nanos() - 1ns, 1 + below(5));
    }
    return result;
  }

  SeriesStats series() {
    SeriesStats s;
    s.started = number(), s.first_tokens = number(), s.chunks = number();
    for (auto& n : s.outcomes) n = number();
    for (auto& n : s.reported_tokens) n = number();
    for (auto& n : s.unreported_chunks) n = number();
    s.usage_tokens = number(), s.usage_chunks = number(), s.chunks_without_usage = number();
    s.prompt_tokens = number(), s.joint_good = number();
    for (std::uint64_t i = below(4); i > 0; --i) s.slo.push_back({number(), number()});
    s.censored = number(), s.early_stops = number(), s.reconnects = number();
    s.asked_prompts = number(), s.asked_prompt_tokens = number(), s.achieved_prompt_tokens = number();
    s.in_flight = real(), s.waiting = real(), s.backing_off = real(), s.thinking = real();
    s.ttft = histogram(), s.ttfo = histogram(), s.tpot = histogram(), s.icl = histogram(),
    s.e2e = histogram();
    return s;
  }

  GeneratorStats generator() {
    GeneratorStats g;
    g.cpu_user = real(), g.cpu_system = real(), g.busiest_thread = real();
    g.resident_bytes = number();
    g.rx_lag = histogram(), g.loop_gap = histogram(), g.send_lag = histogram(), g.connect = histogram();
    g.reads = number(), g.multi_event_reads = number(), g.client_coalesced = number(),
    g.unstamped_reads = number();
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
    if (t.api == Api::kCustom) t.dialect = dialect();
    for (std::uint64_t i = below(3) + 1; i > 0; --i) t.urls.push_back(text());
    for (std::uint64_t i = below(3); i > 0; --i) t.headers[text()] = text();
    t.tls = {.verify = coin(),
             .ca_file = text(),
             .client_cert = text(),
             .client_key = text(),
             .server_name = text()};
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
                             .lengths_only = coin()};
    }
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
    c.workload.extra_body = coin() ? text() : "";
    for (std::uint64_t i = below(4); i > 0; --i) {
      c.slo.push_back({static_cast<SloMetric>(below(5)), 0.01 * static_cast<double>(1 + below(99)), nanos()});
    }
    return c;
  }

  Assignment assignment() {
    Assignment a{.run_id = text(), .seed = number(), .zero = MonoTime(nanos())};
    for (std::uint64_t i = below(3) + 1; i > 0; --i) a.targets.push_back(target());
    for (std::uint32_t i = 0, n = static_cast<std::uint32_t>(below(5)); i < n; ++i) {
      a.cells.push_back(cell(i, a.targets.size()));
    }
    return a;
  }

  LoadLevel level() {
    LoadLevel l{
        .epoch = number(), .cell = 3, .attempt = 2, .concurrency = static_cast<std::uint32_t>(below(10'000))};
    l.slot_stride = 1 + static_cast<std::uint32_t>(below(100));
    l.slot_offset = static_cast<std::uint32_t>(below(l.slot_stride));
    l.effective_at = nanos(), l.spread_over = nanos();
    l.warm_slots = static_cast<std::uint32_t>(below(100));
    if (coin()) l.budget = number();
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

TEST(WireRoundTrip, HistogramsArriveAsTheyWere) {
  for (unsigned seed = 0; seed < 300; ++seed) {
    const Histogram sent = Random(seed).histogram();
    const auto received = round_trip<v1::Histogram>(sent);
    ASSERT_TRUE(received) << "seed " << seed << ": " << received.error().message;
    EXPECT_TRUE(*received == sent) << "seed " << seed;
  }
}

TEST(WireRoundTrip, BatchesArriveAsTheyWere) {
  for (unsigned seed = 0; seed < 300; ++seed) {
    const SnapshotBatch sent = Random(seed).batch();
    const auto received = round_trip<v1::SnapshotBatch>(sent);
    ASSERT_TRUE(received) << "seed " << seed << ": " << received.error().message;
    EXPECT_EQ(received->sequence, sent.sequence);
    EXPECT_EQ(received->complete_through, sent.complete_through);
    EXPECT_TRUE(received->seconds == sent.seconds) << "seed " << seed;
    EXPECT_EQ(received->in_flight, sent.in_flight);
    EXPECT_EQ(received->backing_off, sent.backing_off);
    EXPECT_EQ(received->active_slots, sent.active_slots);
  }
}

TEST(WireRoundTrip, AssignmentsArriveAsTheyWere) {
  for (unsigned seed = 0; seed < 300; ++seed) {
    const Assignment sent = Random(seed).assignment();
    const auto received = round_trip<v1::Assignment>(sent);
    ASSERT_TRUE(received) << "seed " << seed << ": " << received.error().message;
    EXPECT_EQ(received->run_id, sent.run_id);
    EXPECT_TRUE(received->targets == sent.targets) << "seed " << seed;
    EXPECT_TRUE(received->cells == sent.cells) << "seed " << seed;
    EXPECT_EQ(received->seed, sent.seed);
    EXPECT_EQ(received->zero, sent.zero);
  }
}

TEST(WireRoundTrip, LevelsArriveAsTheyWere) {
  for (unsigned seed = 0; seed < 300; ++seed) {
    const LoadLevel sent = Random(seed).level();
    const auto received = round_trip<v1::LoadLevel>(sent);
    ASSERT_TRUE(received) << "seed " << seed << ": " << received.error().message;
    EXPECT_TRUE(*received == sent) << "seed " << seed;
  }
}

TEST(WireRoundTrip, RoundingBelowZeroInAnIntegralIsZero) {
  SnapshotBatch batch{.sequence = 1, .complete_through = 0};
  batch.seconds.emplace_back().series[{}].in_flight = -1e-17;
  const auto received = round_trip<v1::SnapshotBatch>(batch);
  ASSERT_TRUE(received);
  EXPECT_EQ(received->seconds[0].series.begin()->second.in_flight, 0);
}

/// One way of spoiling a valid message, and what the refusal must name.
template <class Message>
struct Spoiled {
  std::string names;
  std::function<void(Message&)> spoil;
};

template <class Message, class Domain>
void expect_refusals(const Domain& valid, const std::vector<Spoiled<Message>>& cases) {
  Message message;
  to_wire(valid, message);
  ASSERT_TRUE(from_wire(message)) << from_wire(message).error().message;
  for (const auto& [names, spoil] : cases) {
    Message spoiled = message;
    spoil(spoiled);
    const auto result = from_wire(spoiled);
    ASSERT_FALSE(result) << names << " was accepted";
    EXPECT_THAT(result.error().message, HasSubstr(names));
  }
}

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

TEST(WireHostile, HistogramsAreRefusedByField) {
  Histogram valid;
  valid.record(2ms, 3);
  valid.record(9ms, 1);
  using M = v1::Histogram;
  expect_refusals<M>(
      valid,
      {
          {"layout", [](M& m) { m.set_layout(2); }},
          {"counts: 3 counts for 2", [](M& m) { m.add_counts(1); }},
          {"index_deltas[1]: repeats", [](M& m) { m.set_index_deltas(1, 0); }},
          {"index_deltas[1]: runs past", [](M& m) { m.set_index_deltas(1, HistogramLayout::kBucketCount); }},
          {"index_deltas[1]: runs past", [](M& m) { m.set_index_deltas(1, 0xffffffffu); }},
          {"counts[0]: is 0", [](M& m) { m.set_counts(0, 0); }},
          {"counts[1]", [](M& m) { m.set_counts(1, ~std::uint64_t{0}); }},
          {"overflow", [](M& m) { m.set_overflow(~std::uint64_t{0}); }},
          {"max_nanos", [](M& m) { m.set_overflow(1); }},
          {"min_nanos", [](M& m) { m.set_min_nanos(-1); }},
          {"min_nanos", [](M& m) { m.set_min_nanos(1); }},
          {"max_nanos", [](M& m) { m.set_max_nanos(1); }},
          {"max_nanos", [](M& m) { m.set_max_nanos(std::numeric_limits<std::int64_t>::max()); }},
          {"sum_seconds", [](M& m) { m.set_sum_seconds(kNaN); }},
          {"sum_seconds", [](M& m) { m.set_sum_seconds(1e9); }},
          {"sum_seconds", [](M& m) { m.set_sum_seconds(0); }},
          {"sum_squares", [](M& m) { m.set_sum_squares(kInfinity); }},
          {"sum_squares", [](M& m) { m.set_sum_squares(-1); }},
          {"no values", [](M& m) { m.clear_counts(), m.clear_index_deltas(); }},
      });
}

TEST(WireHostile, BatchesAreRefusedByField) {
  SnapshotBatch valid{.sequence = 7, .complete_through = 4};
  SecondSnapshot& second = valid.seconds.emplace_back();
  second.second = 4;
  second.series[{.cell = 1}].slo.resize(1);
  second.series[{.cell = 2}].ttft.record(5ms);
  second.generator.rx_lag.record(3us);
  second.requests.resize(1);
  using M = v1::SnapshotBatch;
  expect_refusals<M>(
      valid,
      {
          {"sequence", [](M& m) { m.set_sequence(0); }},
          {"complete_through", [](M& m) { m.set_complete_through(-2); }},
          {"seconds[0].second", [](M& m) { m.mutable_seconds(0)->set_second(-1); }},
          {"seconds[0].second", [](M& m) { m.mutable_seconds(0)->set_second(std::int64_t{1} << 40); }},
          {"seconds[0].requests[0].outcome",
           [](M& m) { m.mutable_seconds(0)->mutable_requests(0)->set_outcome(11); }},
          {"seconds[0].requests[0].first_nanos",
           [](M& m) { m.mutable_seconds(0)->mutable_requests(0)->set_first_nanos(-1); }},
          {"seconds[0].requests[0].output_tokens",
           [](M& m) { m.mutable_seconds(0)->mutable_requests(0)->set_output_tokens(~std::uint64_t{0}); }},
          {"seconds: 5000 entries",
           [](M& m) {
             for (int i = 1; i < 5000; ++i) m.add_seconds();
           }},
          {"seconds[0].series[2]: repeats",
           [](M& m) { *m.mutable_seconds(0)->add_series() = m.seconds(0).series(0); }},
          {"seconds[0].series[0].outcomes: 12 entries",
           [](M& m) { m.mutable_seconds(0)->mutable_series(0)->add_outcomes(0); }},
          {"seconds[0].series[0].outcomes[3]",
           [](M& m) { m.mutable_seconds(0)->mutable_series(0)->set_outcomes(3, ~std::uint64_t{0}); }},
          {"seconds[0].series[0].reported_tokens",
           [](M& m) { m.mutable_seconds(0)->mutable_series(0)->clear_reported_tokens(); }},
          {"seconds[0].series[0].slo[0].missed",
           [](M& m) {
             m.mutable_seconds(0)->mutable_series(0)->mutable_slo(0)->set_missed(~std::uint64_t{0});
           }},
          {"seconds[0].series[0].slo: 100 entries",
           [](M& m) {
             while (m.seconds(0).series(0).slo_size() < 100)
               m.mutable_seconds(0)->mutable_series(0)->add_slo();
           }},
          {"seconds[0].series[1].waiting",
           [](M& m) { m.mutable_seconds(0)->mutable_series(1)->set_waiting(kNaN); }},
          {"seconds[0].series[1].in_flight",
           [](M& m) { m.mutable_seconds(0)->mutable_series(1)->set_in_flight(-1); }},
          {"seconds[0].series[1].ttft.layout",
           [](M& m) { m.mutable_seconds(0)->mutable_series(1)->mutable_ttft()->set_layout(9); }},
          {"seconds[0].generator.cpu_user_seconds",
           [](M& m) { m.mutable_seconds(0)->mutable_generator()->set_cpu_user_seconds(kInfinity); }},
          {"seconds[0].generator.rx_lag.counts",
           [](M& m) { m.mutable_seconds(0)->mutable_generator()->mutable_rx_lag()->clear_counts(); }},
      });
}

TEST(WireHostile, AssignmentsAreRefusedByField) {
  Assignment valid{.run_id = "r"};
  valid.targets.push_back({.name = "t", .urls = {"http://127.0.0.1:1"}});
  Cell cell{.id = 0};
  cell.workload.classes.push_back({"c", {"p"}, 1});
  cell.slo.push_back({SloMetric::kTtft, 0.95, 500ms});
  valid.cells.push_back(cell);
  using M = v1::Assignment;
  expect_refusals<M>(
      valid,
      {
          {"run_id: is empty", [](M& m) { m.clear_run_id(); }},
          {"targets[0].name", [](M& m) { m.mutable_targets(0)->set_name(""); }},
          {"targets[0].urls: is empty", [](M& m) { m.mutable_targets(0)->clear_urls(); }},
          {"targets[0].urls[0]", [](M& m) { m.mutable_targets(0)->set_urls(0, "http://a\r\nb"); }},
          {"targets[0].api", [](M& m) { m.mutable_targets(0)->set_api(v1::API_UNSPECIFIED); }},
          {"targets[0].dialect", [](M& m) { m.mutable_targets(0)->set_api(v1::API_CUSTOM); }},
          {"targets[0].dialect: 'path' must start",
           [](M& m) {
             m.mutable_targets(0)->set_api(v1::API_CUSTOM);
             m.mutable_targets(0)->mutable_dialect()->set_path("no slash");
           }},
          {"targets[0].api: unknown value 77",
           [](M& m) { m.mutable_targets(0)->set_api(static_cast<v1::Api>(77)); }},
          {"targets[0].auth.environment",
           [](M& m) { m.mutable_targets(0)->mutable_auth()->set_environment(""); }},
          {"targets[0].headers[0].name", [](M& m) { m.mutable_targets(0)->add_headers(); }},
          {"targets[0].headers[0].value",
           [](M& m) {
             v1::Header& header = *m.mutable_targets(0)->add_headers();
             header.set_name("X-A");
             header.set_value("1\r\nX-B: 2");
           }},
          {"targets[0].headers[1]: repeats",
           [](M& m) {
             for (int i = 0; i < 2; ++i) m.mutable_targets(0)->add_headers()->set_name("X-A");
           }},
          {"targets[0].idle_timeout_nanos", [](M& m) { m.mutable_targets(0)->set_idle_timeout_nanos(0); }},
          {"targets[0].request_timeout_nanos",
           [](M& m) {
             m.mutable_targets(0)->set_request_timeout_nanos(std::numeric_limits<std::int64_t>::max());
           }},
          {"cells[0].id", [](M& m) { m.mutable_cells(0)->set_id(1); }},
          {"cells[0].target", [](M& m) { m.mutable_cells(0)->set_target(1); }},
          {"cells[0].workload.classes: is empty",
           [](M& m) { m.mutable_cells(0)->mutable_workload()->clear_classes(); }},
          {"cells[0].workload.classes[0].prompts",
           [](M& m) { m.mutable_cells(0)->mutable_workload()->mutable_classes(0)->clear_prompts(); }},
          {"cells[0].workload.classes[0].weight",
           [](M& m) { m.mutable_cells(0)->mutable_workload()->mutable_classes(0)->set_weight(0); }},
          {"cells[0].workload.temperature",
           [](M& m) { m.mutable_cells(0)->mutable_workload()->set_temperature(kNaN); }},
          {"cells[0].workload.output_tokens",
           [](M& m) { m.mutable_cells(0)->mutable_workload()->mutable_output_tokens(); }},
          {"cells[0].workload.output_tokens: is 0",
           [](M& m) {
             v1::Distribution& d = *m.mutable_cells(0)->mutable_workload()->mutable_output_tokens();
             d.set_kind(v1::DISTRIBUTION_KIND_FIXED);
           }},
          {"cells[0].workload.conversation.think_seconds.values",
           [](M& m) {
             auto& conversation = *m.mutable_cells(0)->mutable_workload()->mutable_conversation();
             conversation.mutable_think_seconds()->set_kind(v1::DISTRIBUTION_KIND_EMPIRICAL);
           }},
          {"cells[0].workload.conversation.think_seconds.weights",
           [](M& m) {
             auto& conversation = *m.mutable_cells(0)->mutable_workload()->mutable_conversation();
             v1::Distribution& think = *conversation.mutable_think_seconds();
             think.set_kind(v1::DISTRIBUTION_KIND_EMPIRICAL);
             think.add_values(1);
             think.add_weights(0);
           }},
          {"cells[0].workload.synthetic.prefix_groups",
           [](M& m) { m.mutable_cells(0)->mutable_workload()->mutable_synthetic(); }},
          {"cells[0].workload.dataset.hash",
           [](M& m) { m.mutable_cells(0)->mutable_workload()->mutable_dataset()->set_hash("../etc"); }},
          {"cells[0].workload.dataset.bytes",
           [](M& m) {
             v1::DatasetUse& use = *m.mutable_cells(0)->mutable_workload()->mutable_dataset();
             use.set_hash(std::string(64, 'a'));
             use.set_bytes(std::uint64_t{1} << 40);
           }},
          {"cells[0].calibration.tokens_per_word", [](M& m) { m.mutable_cells(0)->mutable_calibration(); }},
          {"cells[0].slo[0].metric", [](M& m) { m.mutable_cells(0)->mutable_slo(0)->clear_metric(); }},
          {"cells[0].slo[0].quantile", [](M& m) { m.mutable_cells(0)->mutable_slo(0)->set_quantile(kNaN); }},
          {"cells[0].slo[0].limit_nanos",
           [](M& m) { m.mutable_cells(0)->mutable_slo(0)->set_limit_nanos(-5); }},
      });
}

TEST(WireHostile, LevelsAreRefusedByField) {
  using M = v1::LoadLevel;
  expect_refusals<M>(LoadLevel{.epoch = 1, .concurrency = 8, .slot_offset = 1, .slot_stride = 2},
                     {
                         {"concurrency", [](M& m) { m.set_concurrency(0xffffffffu); }},
                         {"slot_stride", [](M& m) { m.set_slot_stride(0); }},
                         {"slot_offset", [](M& m) { m.set_slot_offset(2); }},
                         {"effective_at_nanos", [](M& m) { m.set_effective_at_nanos(-1); }},
                         {"spread_over_nanos",
                          [](M& m) { m.set_spread_over_nanos(std::numeric_limits<std::int64_t>::min()); }},
                         {"budget", [](M& m) { m.set_budget(~std::uint64_t{0}); }},
                     });
}

TEST(WireHostile, NoBytesBreakTheConversion) {
  // Every prefix and every flipped byte of a real batch either fails to parse, is refused, or stays
  // convertible.
  v1::SnapshotBatch message;
  to_wire(Random(5).batch(), message);
  const std::string bytes = message.SerializeAsString();
  std::mt19937 engine(1);
  std::size_t refused = 0;
  for (int i = 0; i < 4000; ++i) {
    std::string spoiled = bytes;
    spoiled[engine() % spoiled.size()] = static_cast<char>(engine());
    v1::SnapshotBatch parsed;
    if (!parsed.ParseFromString(spoiled)) continue;
    const auto result = from_wire(parsed);
    if (!result) {
      ++refused;
      continue;
    }
    EXPECT_TRUE(round_trip<v1::SnapshotBatch>(*result));
  }
  EXPECT_GT(refused, 0u);
}

}  // namespace
}  // namespace kneepoint
