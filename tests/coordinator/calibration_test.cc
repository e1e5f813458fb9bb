#include "coordinator/calibration/calibrate.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "common/version.h"
#include "support/scripted_server.h"

namespace kneepoint::coordinator {
namespace {

std::size_t words_of(const std::string& request) {
  const auto from = request.rfind(R"("content":")");
  const auto text = request.substr(from, request.find('}', from) - from);
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), ' ')) + 1;
}

class Calibrate : public testing::Test {
 protected:
  Calibrate() {
    plan_.targets.push_back({.name = "host", .model = "m"});
    Scenario scenario{.name = "made"};
    scenario.workload.synthetic = Synthetic{};
    plan_.scenarios.push_back(scenario);
  }
  /// Answers /tokenize with `tokenize`, everything else with `usage`, given the words of the prompt.
  template <class Tokenize, class Usage>
  void serve(Tokenize tokenize, Usage usage) {
    server_ = std::make_unique<ScriptedServer>([=](ScriptedServer::Peer& peer, int) {
      for (std::string request; !(request = peer.read_request()).empty();) {
        peer.send(request.starts_with("POST /tokenize ") ? tokenize(words_of(request))
                                                         : usage(words_of(request)));
      }
    });
    plan_.targets[0].urls = {server_->url()};
  }
  std::vector<Cell> calibrated() {
    auto cells = cells_of(plan_);
    options_.tell = [this](const std::string& line) { lines_.push_back(line); };
    calibrate(plan_, cells, options_);
    return cells;
  }
  static std::string missing(std::size_t) { return http_response("404 Not Found", "{}"); }

  Plan plan_;
  CalibrationOptions options_;
  std::vector<std::string> lines_;
  std::unique_ptr<ScriptedServer> server_;
};

TEST(FitCalibration, IsTheLineThroughTwoSizes) {
  const Calibration fit = fit_calibration(64, 100, 1024, 1300);
  EXPECT_DOUBLE_EQ(fit.tokens_per_word, 1.25);
  EXPECT_DOUBLE_EQ(fit.overhead_tokens, 20);
  EXPECT_EQ(fit_calibration(64, 63, 1024, 1024).overhead_tokens, 0) << "rounding gives no negative template";
}

TEST_F(Calibrate, AsksTokenizeFirst) {
  serve(
      [](std::size_t words) {
        return http_response("200 OK", R"({"count":)" + std::to_string(2 * words + 12) + "}");
      },
      missing);
  const auto cells = calibrated();
  EXPECT_DOUBLE_EQ(cells[0].calibration.tokens_per_word, 2);
  EXPECT_DOUBLE_EQ(cells[0].calibration.overhead_tokens, 12);
  EXPECT_EQ(cells[0].calibration.source, Calibration::Source::kTokenize);
  EXPECT_EQ(server_->requests().size(), 4u);
}

TEST_F(Calibrate, ElseReadsTheUsageOfAFewRequests) {
  serve(missing, [](std::size_t words) {
    return http_response("200 OK",
                         R"({"choices":[],"usage":{"prompt_tokens":)" + std::to_string(words + 5) + "}}");
  });
  const auto cells = calibrated();
  EXPECT_DOUBLE_EQ(cells[0].calibration.tokens_per_word, 1);
  EXPECT_DOUBLE_EQ(cells[0].calibration.overhead_tokens, 5);
  EXPECT_EQ(cells[0].calibration.source, Calibration::Source::kUsage);
  const auto requests = server_->requests();
  EXPECT_TRUE(requests.back().starts_with("POST /v1/chat/completions "));
  EXPECT_NE(requests.back().find(R"("max_tokens":1,"stream":false)"), std::string::npos);
}

/// A description of a host that counts a prompt's tokens, when it does not stream.
DialectDescription described() {
  DialectDescription dialect;
  dialect.path = "/api/{model}/stream";
  dialect.answer_path = "/api/{model}/whole";
  dialect.request =
      R"({"input":{"instruction":"{system}","content":"{user}"},"most":"{output_tokens}","stream":"{stream}"})";
  dialect.stream.text = dialect.answer.text = {"/out"};
  dialect.answer.prompt_tokens = {"/gone", "/counts/in"};
  return dialect;
}

TEST_F(Calibrate, ADescribedDialectIsAskedInItsOwnWords) {
  serve(missing, [](std::size_t words) {
    return http_response("200 OK", R"({"out":"x","counts":{"in":)" + std::to_string(3 * words + 7) + "}}");
  });
  plan_.targets[0].api = Api::kCustom;
  plan_.targets[0].dialect = described();
  plan_.scenarios[0].workload.system = "Be brief.";
  const auto cells = calibrated();
  EXPECT_DOUBLE_EQ(cells[0].calibration.tokens_per_word, 3);
  EXPECT_DOUBLE_EQ(cells[0].calibration.overhead_tokens, 7);
  EXPECT_EQ(cells[0].calibration.source, Calibration::Source::kUsage);
  const auto requests = server_->requests();
  ASSERT_EQ(requests.size(), 4u) << "no /tokenize, which is OpenAI's and vLLM's";
  EXPECT_TRUE(requests[0].starts_with("POST /api/m/whole "));
  EXPECT_NE(requests[0].find(R"({"input":{"instruction":"Be brief.","content":")"), std::string::npos);
  EXPECT_NE(requests[0].find(R"("},"most":1,"stream":false})"), std::string::npos);
}

TEST_F(Calibrate, ADescribedDialectThatCountsNoPromptIsNotAsked) {
  serve(missing, missing);
  plan_.targets[0].api = Api::kCustom;
  plan_.targets[0].dialect = described();
  plan_.targets[0].dialect->answer.prompt_tokens.clear();
  EXPECT_EQ(calibrated()[0].calibration, Calibration());
  EXPECT_EQ(lines_,
            std::vector<std::string>{"host: not calibrated, one token a word is assumed: its dialect has "
                                     "no 'prompt_tokens' of answers that are not streamed"});
  EXPECT_EQ(server_->connections(), 0);
}

TEST_F(Calibrate, RequestsSayWhoAsksAndUseTheTargetsNameOfTheLimit) {
  serve(missing, [](std::size_t words) {
    return http_response("200 OK", R"({"usage":{"prompt_tokens":)" + std::to_string(words) + "}}");
  });
  plan_.targets[0].token_limit = TokenLimit::kMaxCompletionTokens;
  options_.run_id = "r1";
  calibrated();
  const std::string request = server_->requests().back();
  EXPECT_NE(request.find("\r\nUser-Agent: kneepoint/" + std::string(version()) + " run/r1\r\n"),
            std::string::npos);
  EXPECT_NE(request.find(R"("max_completion_tokens":1)"), std::string::npos);
  EXPECT_EQ(request.find(R"("max_tokens")"), std::string::npos);
}

TEST_F(Calibrate, AssumesAWordATokenWhereNobodyTells) {
  serve(missing, missing);
  const auto cells = calibrated();
  EXPECT_EQ(cells[0].calibration, Calibration());
  ASSERT_EQ(lines_.size(), 1u);
  EXPECT_EQ(lines_[0], "host: not calibrated, one token a word is assumed: HTTP 404");
}

TEST_F(Calibrate, AsksOnceForEachSystemPromptAndOnlyWhereTextIsMade) {
  serve(
      [](std::size_t words) { return http_response("200 OK", R"({"count":)" + std::to_string(words) + "}"); },
      missing);
  plan_.scenarios.push_back(plan_.scenarios[0]);
  plan_.scenarios.push_back(plan_.scenarios[0]);
  plan_.scenarios[2].workload.system = "Be \"brief\".";
  plan_.scenarios.push_back({.name = "given"});
  const auto cells = calibrated();
  EXPECT_EQ(lines_.size(), 2u);
  EXPECT_EQ(server_->requests().size(), 8u);
  EXPECT_EQ(cells[1].calibration, cells[0].calibration);
  EXPECT_EQ(cells[3].calibration.source, Calibration::Source::kAssumed);
  EXPECT_NE(server_->requests().back().find(R"({"role":"system","content":"Be \"brief\"."})"),
            std::string::npos);
}

TEST_F(Calibrate, AHostThatSaysNothingIsGivenUpAfterTheLimit) {
  server_ = std::make_unique<ScriptedServer>(ScriptedServer::keep_silent);
  plan_.targets[0].urls = {server_->url()};
  options_.limit = std::chrono::milliseconds(100);
  EXPECT_EQ(calibrated()[0].calibration, Calibration());
  EXPECT_EQ(lines_, std::vector<std::string>{
                        "host: not calibrated, one token a word is assumed: no answer within 0.1 s"});
  EXPECT_EQ(server_->requests().size(), 1u) << "the second way would be as silent";
}

TEST_F(Calibrate, AHostThatCannotBeReachedIsAskedOnce) {
  server_ = std::make_unique<ScriptedServer>(ScriptedServer::keep_silent);
  plan_.targets[0].urls = {server_->url()};
  server_.reset();
  calibrated();
  ASSERT_EQ(lines_.size(), 1u);
  EXPECT_TRUE(lines_[0].ends_with("Connection refused")) << lines_[0];
}

TEST_F(Calibrate, TargetsAreAskedAtTheSameTime) {
  const auto weigh = [](std::size_t words) {
    return http_response("200 OK", R"({"count":)" + std::to_string(words) + "}");
  };
  Gate other_asked;
  ScriptedServer waits([&](ScriptedServer::Peer& peer, int) {
    for (std::string request; !(request = peer.read_request()).empty();) {
      EXPECT_TRUE(other_asked.wait());
      peer.send(weigh(words_of(request)));
    }
  });
  serve(
      [&](std::size_t words) {
        other_asked.open();
        return weigh(words);
      },
      missing);
  plan_.targets.push_back({.name = "other", .urls = {server_->url()}, .model = "m"});
  plan_.targets[0].urls = {waits.url()};
  for (const Cell& cell : calibrated()) EXPECT_EQ(cell.calibration.source, Calibration::Source::kTokenize);
}

TEST_F(Calibrate, AnInterruptEndsItAtOnce) {
  std::stop_source interrupt;
  options_.stop = interrupt.get_token();
  server_ = std::make_unique<ScriptedServer>([&](ScriptedServer::Peer& peer, int) {
    peer.read_request();
    interrupt.request_stop();
    peer.wait_for_close();
  });
  plan_.targets[0].urls = {server_->url()};
  options_.limit = std::chrono::hours(1);
  plan_.scenarios.push_back(plan_.scenarios[0]);
  plan_.scenarios[1].workload.system = "another";
  calibrated();
  EXPECT_EQ(lines_.size(), 0u);
  EXPECT_EQ(server_->connections(), 1);
}

}  // namespace
}  // namespace kneepoint::coordinator
