#include <gtest/gtest.h>

#include <string>

#include "coordinator/init/host_probe.h"
#include "support/scripted_server.h"

namespace kneepoint::coordinator {
namespace {

/// A host that answers what a probe asks.
class EngineVersion : public testing::Test {
 protected:
  /// @param metric of which /metrics consists. @param page that tells the version, and what it says; a page
  /// of nothing is never answered.
  std::string words_of(const std::string& metric, const std::string& page, const std::string& says,
                       const std::string& status = "200 OK") {
    const auto reply = [=](const std::string& request) {
      const auto asks = [&](const std::string& path) {
        return request.find(" " + path + " ") != request.npos;
      };
      if (asks(page)) return http_response(status, says);
      if (asks("/v1/models")) return http_response("200 OK", R"({"data":[{"id":"m"}]})");
      if (asks("/metrics")) return http_response("200 OK", metric + " 1\n");
      if (asks("/v1/chat/completions"))
        return http_response("200 OK",
                             "data: {\"choices\":[{\"delta\":{\"content\":\"one\"}}]}\n\ndata: [DONE]\n\n");
      return http_response("404 Not Found", "");
    };
    ScriptedServer server([=](ScriptedServer::Peer& peer, int) {
      for (std::string request; !(request = peer.read_request()).empty();) {
        if (says.empty() && request.find(" " + page + " ") != request.npos) return peer.wait_for_close();
        peer.send(reply(request));
      }
    });
    const auto facts = probe_host({.url = server.url(), .model = {}, .auth = {}});
    if (!facts) return facts.error().message;
    return facts->engine ? engine_words(*facts) : "no engine";
  }
};

constexpr const char* kVllmMetric = "vllm:num_requests_running";

TEST_F(EngineVersion, IsAskedWhereTheEngineTellsIt) {
  EXPECT_EQ(words_of(kVllmMetric, "/version", R"({"version":"0.26.0"})"), "vLLM 0.26.0");
  EXPECT_EQ(words_of("sglang:num_running_reqs", "/get_server_info", R"({"tp_size":1,"version":"0.5.4"})"),
            "SGLang 0.5.4");
  EXPECT_EQ(words_of("tgi_batch_current_size", "/info", R"({"model_id":"m","version":"3.3.1"})"),
            "TGI 3.3.1");
  EXPECT_EQ(words_of("llamacpp:requests_processing", "/props", R"({"build_info":"b6000-1234567"})"),
            "llama.cpp b6000-1234567");
}

TEST_F(EngineVersion, IsLeftOutWhereTheHostDoesNotSay) {
  EXPECT_EQ(words_of(kVllmMetric, "/version", "Not Found", "404 Not Found"), "vLLM");
  EXPECT_EQ(words_of(kVllmMetric, "/version", "[1]"), "vLLM");
  EXPECT_EQ(words_of(kVllmMetric, "/version", R"({"version":26})"), "vLLM");
  EXPECT_EQ(words_of("some_page", "/version", R"({"version":"0.26.0"})"), "no engine");
}

TEST_F(EngineVersion, IsNotWaitedForLong) {
  EXPECT_EQ(words_of(kVllmMetric, "/version", ""), "vLLM");
}

TEST_F(EngineVersion, IsOneShortPrintableLine) {
  EXPECT_EQ(words_of(kVllmMetric, "/version", R"({"version":"0.1\u001b[2J"})"), "vLLM 0.1?[2J");
  EXPECT_EQ(words_of(kVllmMetric, "/version", R"({"version":")" + std::string(500, '9') + R"("})"),
            "vLLM " + std::string(40, '9') + "…");
}

}  // namespace
}  // namespace kneepoint::coordinator
