#include "coordinator/plan/target_printer.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <string_view>

#include "common/plural.h"
#include "coordinator/plan/duration.h"

namespace kneepoint::coordinator {
namespace {

std::string describe_auth(const Target& target) {
  const SecretRef& auth = target.auth;
  if (auth.source == SecretRef::Source::kNone) return "none";
  const std::string where = fmt::format(
      "{} {}", auth.source == SecretRef::Source::kEnvironment ? "environment variable" : "file", auth.name);
  if (target.auth_header == "Authorization" && target.auth_scheme == "Bearer")
    return "bearer token from " + where;
  return fmt::format("{}{} from {}", target.auth_header,
                     target.auth_scheme.empty() ? "" : ": " + target.auth_scheme, where);
}

std::string describe_tls(const TlsOptions& tls) {
  std::string text = tls.verify ? "verified against " : "NOT VERIFIED";
  if (tls.verify) text += tls.ca_file.empty() ? "the system's roots" : tls.ca_file;
  if (!tls.client_cert.empty()) text += fmt::format(", client certificate {}", tls.client_cert);
  if (!tls.server_name.empty()) text += fmt::format(", server name {}", tls.server_name);
  return text;
}

bool uses_https(const Target& target) {
  return std::any_of(target.urls.begin(), target.urls.end(),
                     [](const std::string& url) { return url.starts_with("https:"); });
}

std::string describe_dialect(const DialectDescription& dialect) {
  const bool lines = dialect.framing == DialectDescription::Framing::kJsonLines;
  return fmt::format("POST {}, streamed as {}", dialect.path, lines ? "JSON lines" : "server-sent events");
}

std::string describe_telemetry(const TelemetryOptions& telemetry) {
  if (telemetry.off) return "off";
  std::string text = fmt::format("{}", fmt::join(telemetry.urls, ", "));
  if (!telemetry.pods.empty()) {
    text += fmt::format("{}every pod behind {}", text.empty() ? "" : ", ", fmt::join(telemetry.pods, ", "));
  }
  if (text.empty()) text = "each replica's /metrics";
  for (const GpuExporter& gpu : telemetry.gpus) {
    text += fmt::format("; GPUs of {}", gpu.url);
    for (const auto& [label, value] : gpu.labels) text += fmt::format(" with {}={}", label, value);
  }
  if (telemetry.nvml) text += *telemetry.nvml ? "; this machine's GPUs" : "; not this machine's GPUs";
  return text;
}

std::string describe_replica(const Target& target) {
  std::vector<std::string> facts;
  if (target.gpus) facts.push_back(plural(*target.gpus, "GPU"));
  if (target.cost_per_hour) facts.push_back(fmt::format("costs {:g} an hour", *target.cost_per_hour));
  return fmt::format("{}", fmt::join(facts, ", "));
}

bool is_loopback(std::string_view url) {
  const std::string_view host = url.substr(std::min(url.size(), url.find("://") + 3));
  return host.starts_with("127.") || host.starts_with("localhost") || host.starts_with("[::1]");
}

}  // namespace

std::string describe_target(const Target& target) {
  std::string text = fmt::format("  {}: {}, {}\n", target.name, to_string(target.api),
                                 target.model.empty() ? "the host's model" : "model " + target.model);
  for (const std::string& url : target.urls) text += fmt::format("    {}\n", url);
  if (target.dialect) text += fmt::format("    dialect   {}\n", describe_dialect(*target.dialect));
  text += fmt::format("    auth      {}\n", describe_auth(target));
  if (uses_https(target)) text += fmt::format("    tls       {}\n", describe_tls(target.tls));
  // Values may be nobody's business; names say enough.
  std::vector<std::string> names;
  for (const auto& [name, value] : target.headers) names.push_back(name);
  if (!names.empty()) text += fmt::format("    headers   {}\n", fmt::join(names, ", "));
  if (!target.session_header.empty()) {
    text += fmt::format("    session   header {}, {}\n", target.session_header,
                        target.session_from_server ? "as the host names it" : "new for each");
  }
  if (target.token_limit != TokenLimit::kMaxTokens)
    text += fmt::format("    lengths   limited by {}\n", to_string(target.token_limit));
  if (target.urls.size() > 1) text += fmt::format("    routing   {}\n", to_string(target.routing));
  if (!target.replica_header.empty())
    text += fmt::format("    replicas  named by the response header {}\n", target.replica_header);
  if (target.connection == ConnectionUse::kPerRequest) text += "    connection  a new one for each request\n";
  if (target.telemetry != TelemetryOptions{})
    text += fmt::format("    telemetry {}\n", describe_telemetry(target.telemetry));
  if (target.wait_ready) {
    text += fmt::format("    waits     up to {} until it serves its model\n",
                        format_duration(target.wait_ready->timeout));
  }
  if (target.gpus || target.cost_per_hour)
    text += fmt::format("    replica   {}\n", describe_replica(target));
  return text + fmt::format("    timeouts  connect {}, request {}, silence in a stream {}\n",
                            format_duration(target.connect_timeout), format_duration(target.request_timeout),
                            format_duration(target.idle_timeout));
}

void warn_about_target(const Target& target, const Plan& plan, std::vector<std::string>& warnings) {
  const std::vector<Cell> cells = cells_of(plan);
  const auto used = [&](const Cell& cell) { return plan.targets[cell.target].name == target.name; };
  if (std::none_of(cells.begin(), cells.end(), used)) {
    warnings.push_back(fmt::format("target {}: no scenario runs on it.", target.name));
  }
  const bool open_http = std::any_of(target.urls.begin(), target.urls.end(), [](const std::string& url) {
    return url.starts_with("http:") && !is_loopback(url);
  });
  if (open_http && target.auth.source != SecretRef::Source::kNone) {
    warnings.push_back(
        fmt::format("target {}: the token travels unencrypted over http; use https.", target.name));
  }
  if (uses_https(target) && !target.tls.verify) {
    warnings.push_back(
        fmt::format("target {}: the host's certificate is not verified; give tls.ca instead of "
                    "verify: false.",
                    target.name));
  }
  if (!uses_https(target) && target.tls != TlsOptions{}) {
    warnings.push_back(
        fmt::format("target {}: its tls settings have no effect, no URL is https.", target.name));
  }
}

}  // namespace kneepoint::coordinator
