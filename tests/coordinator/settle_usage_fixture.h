#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "coordinator/calibration/settle_usage.h"
#include "coordinator/calibration/usage_probe.h"
#include "support/scripted_server.h"

namespace kneepoint::coordinator {

inline constexpr const char* kRunningOnly = "continuous_usage_stats";
inline constexpr const char* kAnyUsage = "stream_options";

/// A streamed answer of two words, which counts as it is told.
inline std::string answer(UsageReport report) {
  const std::string usage = R"(,"usage":{"completion_tokens":2,"prompt_tokens":7})";
  const std::string text = R"(data: {"choices":[{"delta":{"content":"one"}}])";
  std::string body = text + (report == UsageReport::kRunning ? usage : "") + "}\n\n";
  if (report != UsageReport::kNone) body += R"(data: {"choices":[])" + usage + "}\n\n";
  return http_response("200 OK", body + "data: [DONE]\n\n");
}

class SettleUsage : public testing::Test {
 protected:
  SettleUsage() {
    plan_.targets.push_back({.name = "host", .model = "m"});
    plan_.scenarios.push_back({.name = "chat"});
    options_.tell = [this](const std::string& line) { lines_.push_back(line); };
  }
  Workload& workload() { return plan_.scenarios[0].workload; }

  /// @param reply given the request.
  void serve(const std::function<std::string(const std::string&)>& reply) {
    server_ = std::make_unique<ScriptedServer>([=](ScriptedServer::Peer& peer, int) {
      for (std::string request; !(request = peer.read_request()).empty();) peer.send(reply(request));
    });
    plan_.targets[0].urls = {server_->url()};
  }
  /// 200 and running counts, but `status` for what contains `refused`.
  void serve_all_but(const std::string& refused, const std::string& status, const std::string& body) {
    serve([=](const std::string& request) {
      if (request.find(refused) != std::string::npos) return http_response(status, body);
      return answer(request.find(kAnyUsage) == std::string::npos ? UsageReport::kNone : UsageReport::kAtEnd);
    });
  }
  /// 200 and running counts, but `status` for a limit of the name `refused`.
  void serve_without_limit(const std::string& refused, const std::string& status, const std::string& body) {
    serve([=](const std::string& request) {
      const bool named = request.find('"' + refused + '"') != std::string::npos;
      return named ? http_response(status, body) : answer(UsageReport::kRunning);
    });
  }
  std::vector<UsageOption> settled() {
    auto cells = cells_of(plan_);
    faults_ = settle_usage(plan_, cells, options_);
    std::vector<UsageOption> usages;
    for (const Cell& cell : cells) usages.push_back(cell.usage);
    return usages;
  }

  Plan plan_;
  SettleUsageOptions options_;
  std::vector<std::string> lines_, faults_;
  std::unique_ptr<ScriptedServer> server_;
};

}  // namespace kneepoint::coordinator
