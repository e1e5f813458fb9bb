#include "coordinator/report/json.h"

#include <gtest/gtest.h>
#include <simdjson.h>

#include "tests/coordinator/sample_report.h"

namespace kneepoint::coordinator {
namespace {

using scenes::sample_report;

/// Read with another library than the one that wrote it.
struct Parsed {
  simdjson::dom::parser parser;
  simdjson::dom::element root;
  explicit Parsed(const std::string& text) { root = parser.parse(text); }
};

TEST(ReportJson, HasTheNamesThatOthersDependOn) {
  Parsed json(render_json(sample_report()));
  EXPECT_EQ(std::string_view(json.root["schema"]), "kneepoint.report/1");
  for (const char* name : {"id", "name", "started_at", "version"}) {
    EXPECT_EQ(json.root["run"][name].error(), simdjson::SUCCESS) << name;
  }
  EXPECT_EQ(std::string_view(json.root["run"]["started_at"]), "2026-11-21T19:45:55Z");
  const auto step = json.root.at_pointer("/results/0/steps/2");
  for (const char* name : {"concurrency", "achieved_concurrency", "attempt", "valid", "state", "flags",
                           "note", "duration_seconds", "requests", "requests_per_second",
                           "output_tokens_per_second", "ttft_seconds", "tpot_seconds", "icl_seconds",
                           "e2e_seconds", "ttfo_seconds", "token_source", "generator", "replicas"}) {
    EXPECT_EQ(step[name].error(), simdjson::SUCCESS) << name;
  }
  for (const char* name : {"started", "completed", "failed", "by_outcome"}) {
    EXPECT_EQ(step["requests"][name].error(), simdjson::SUCCESS) << name;
  }
  for (const char* name : {"count", "mean", "stddev", "p50", "p90", "p95", "p99", "min", "max"}) {
    EXPECT_EQ(step["ttft_seconds"][name].error(), simdjson::SUCCESS) << name;
  }
  for (const char* name : {"cpu_us_per_token", "cpu_seconds", "rx_lag_p99_seconds", "loop_gap_p99_seconds",
                           "send_lag_p99_seconds", "multi_event_read_ratio"}) {
    EXPECT_EQ(step["generator"][name].error(), simdjson::SUCCESS) << name;
  }
  const auto result = json.root.at_pointer("/results/0");
  for (const char* name :
       {"concurrency", "ci95", "lower_bound", "max_output_tokens_per_second", "knee_kind", "bottleneck"}) {
    EXPECT_EQ(result["saturation"][name].error(), simdjson::SUCCESS) << name;
  }
  EXPECT_EQ(std::string_view(result["slo"]["criteria"].at(0)["name"]), "ttft_p95");
  EXPECT_EQ(std::string_view(result["slo"]["joint"]["state"]), "INDETERMINATE");
  EXPECT_TRUE(bool(json.root["verdict"]["valid"]));
  EXPECT_EQ(std::uint64_t(json.root["totals"]["output_tokens"]), 102400u);
}

TEST(ReportJson, AbsentFiguresAreNullAndIntervalsPairs) {
  Parsed json(render_json(sample_report()));
  const auto few = json.root.at_pointer("/results/0/steps/0");
  EXPECT_TRUE(few["ttft_seconds"]["p95"].is_null());
  EXPECT_EQ(double(few["ttft_seconds"]["p50"]), 0.0391);
  EXPECT_TRUE(json.root.at_pointer("/results/0/saturation/lower_bound").is_null());
  EXPECT_EQ(json.root.at_pointer("/results/0/saturation/ci95").get_array().size(), 2u);
  EXPECT_TRUE(json.root.at_pointer("/results/0/steps/3/generator/cpu_us_per_token").is_null());
  Report odd;
  odd.results.push_back({});
  odd.results[0].saturation.concurrency = std::numeric_limits<double>::infinity();
  Parsed infinite(render_json(odd));
  EXPECT_TRUE(infinite.root.at_pointer("/results/0/saturation/concurrency").is_null());
}

TEST(ReportJson, ReadsBackWhatItWrote) {
  const std::string text = render_json(sample_report());
  const auto parsed = parse_report_json(text);
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(render_json(*parsed), text);
  EXPECT_EQ(parsed->started_at, sample_report().started_at);
  EXPECT_EQ(parsed->results.at(0).steps.at(3).requests.by_outcome,
            sample_report().results[0].steps[3].requests.by_outcome);
  EXPECT_EQ(parsed->results.at(0).steps.at(1).token_source, TokenSource::kUsage);
  EXPECT_FALSE(parsed->results.at(0).steps.at(0).ttft_seconds.p95);
}

TEST(ReportJson, SaysWhatTheRunExitsWithAndWhy) {
  Report report = sample_report();
  Parsed done(render_json(report));
  EXPECT_EQ(std::int64_t(done.root["exit"]["code"]), 0);
  EXPECT_EQ(std::string_view(done.root["exit"]["reason"]), "done");
  report.thresholds = {{"n_slo<32", "MISSED", "16"}};
  const std::string text = render_json(report);
  Parsed missed(text);
  EXPECT_EQ(std::int64_t(missed.root["exit"]["code"]), 4);
  EXPECT_EQ(std::string_view(missed.root["exit"]["reason"]), "threshold_missed");
  EXPECT_EQ(std::string_view(missed.root["thresholds"].at(0)["expression"]), "n_slo<32");
  const auto parsed = parse_report_json(text);
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(render_json(*parsed), text);
}

TEST(ReportJson, TrustIsARunsAndAResults) {
  Report report = sample_report();
  report.results.push_back(report.results[0]);
  report.results[1].verdict.refuse("target_down", "the host stopped answering at 03:12");
  report.verdict.refuse("target_down", "batch on host: the host stopped answering at 03:12");
  const std::string text = render_json(report);
  Parsed json(text);
  EXPECT_EQ(std::string_view(json.root["verdict"]["trust"]), "not trustworthy");
  EXPECT_FALSE(bool(json.root["verdict"]["valid"]));
  EXPECT_EQ(std::string_view(json.root.at_pointer("/results/0/verdict/trust")), "trustworthy");
  EXPECT_EQ(std::string_view(json.root.at_pointer("/results/1/verdict/remarks/0/weight")), "fatal");
  EXPECT_EQ(std::string_view(json.root.at_pointer("/results/1/verdict/remarks/0/code")), "target_down");
  EXPECT_EQ(std::string_view(json.root.at_pointer("/results/1/verdict/remarks/0/remedy")),
            "see why it went, start it again, and run again");
  const auto parsed = parse_report_json(text);
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(parsed->results.at(0).verdict.trust(), Trust::kTrustworthy);
  EXPECT_EQ(parsed->results.at(1).verdict.trust(), Trust::kUntrusted);
}

/// Written before remarks had weights and results a verdict of their own.
TEST(ReportJson, ReadsTheVerdictOfAnOlderReport) {
  const auto read = [](const std::string& verdict) {
    return parse_report_json(R"({"schema":"kneepoint.report/1","verdict":)" + verdict +
                             R"(,"results":[{"target":"t"}]})");
  };
  const auto bad = read(R"({"valid":false,"reasons":["1 of 2 windows are short","an agent was lost"]})");
  ASSERT_TRUE(bad) << bad.error().message;
  EXPECT_EQ(bad->verdict.trust(), Trust::kUntrusted);
  EXPECT_EQ(bad->results.at(0).verdict.trust(), Trust::kUntrusted);
  EXPECT_EQ(bad->verdict.reasons(),
            (std::vector<std::string>{"1 of 2 windows are short", "an agent was lost"}));
  const auto silent = read(R"({"valid":false,"reasons":[]})");
  ASSERT_TRUE(silent);
  EXPECT_EQ(silent->verdict.trust(), Trust::kUntrusted);
  const auto good = read(R"({"valid":true,"reasons":["saturation was not reached"]})");
  ASSERT_TRUE(good);
  EXPECT_EQ(good->verdict.trust(), Trust::kTrustworthy);
  EXPECT_EQ(good->results.at(0).verdict.reasons().size(), 1u);
}

TEST(ReportJson, SkipsWhatItDoesNotKnowAndLeavesOutWhatIsMissing) {
  const auto parsed = parse_report_json(R"({"schema":"kneepoint.report/1","future":{"x":[1]},
      "results":[{"target":"t","steps":[{"concurrency":4,"new":true}]}]})");
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(parsed->results.at(0).steps.at(0).concurrency, 4u);
  EXPECT_FALSE(parsed->results.at(0).saturation.concurrency);
}

TEST(ReportJson, NamesWhatIsWrong) {
  const auto message = [](std::string_view text) {
    const auto parsed = parse_report_json(text);
    return parsed ? std::string("accepted") : parsed.error().message;
  };
  EXPECT_NE(message("{").find("not JSON"), std::string::npos);
  EXPECT_NE(message("[]").find("schema"), std::string::npos);
  EXPECT_NE(message(R"({"schema":"kneepoint.report/2"})").find("kneepoint.report/1"), std::string::npos);
  const auto with = [&](const std::string& rest) {
    return message(R"({"schema":"kneepoint.report/1",)" + rest + "}");
  };
  EXPECT_EQ(with(R"("results":[{"steps":[{"concurrency":-1}]}])"),
            "report.results[0].steps[0].concurrency is not a whole number in range");
  EXPECT_EQ(with(R"("results":7)"), "report.results is not an array");
  EXPECT_EQ(with(R"("verdict":{"valid":"yes"})"), "report.verdict.valid is not true or false");
  EXPECT_EQ(with(R"("verdict":{"remarks":[{"weight":"heavy"}]})"),
            "report.verdict.remarks[0].weight is not fatal, reservation or warning");
  EXPECT_EQ(with(R"("run":{"started_at":"yesterday"})"),
            "report.run.started_at is not a time like 2026-01-31T12:00:00Z");
  EXPECT_EQ(with(R"("results":[{"saturation":{"ci95":[1]}}])"),
            "report.results[0].saturation.ci95 is not [low, high]");
}

}  // namespace
}  // namespace kneepoint::coordinator
