#include "coordinator/plan/target_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>
#include <cctype>
#include <charconv>
#include <string_view>
#include <utility>

#include "common/name.h"
#include "common/secrets.h"
#include "coordinator/plan/dialect_reader.h"
#include "coordinator/plan/header_reader.h"
#include "coordinator/plan/telemetry_reader.h"
#include "coordinator/plan/yaml_reader.h"

namespace kneepoint::coordinator {
namespace {

using namespace std::chrono_literals;
using yaml::MappingReader;
using yaml::Node;
using yaml::PlanError;

constexpr Nanos kLongestTimeout = 24h;
constexpr std::uint64_t kMostGpus = 1024;  ///< Of one replica.
constexpr double kHighestCost = 100'000;
/// Refuses secrets by the names that people give them, before the general complaint about unknown keys: that
/// one would suggest a key, where the answer is to take the secret out. The value is never repeated.
void refuse_inline_secret(const Node& node) {
  constexpr std::array<std::string_view, 9> kSecretKeys = {
      "token", "key", "api_key", "apikey", "api-key", "password", "bearer", "secret", "value"};
  for (const yaml::Member& member : node.members) {
    if (std::find(kSecretKeys.begin(), kSecretKeys.end(), lower(member.key)) == kSecretKeys.end()) continue;
    throw PlanError{member.at, fmt::format("'{}' is refused: {}", member.key, kNoInlineSecret)};
  }
}

SecretRef read_secret(const Node& node, const MappingReader& auth) {
  auth.exclusive("env", "file");
  if (const Node* const file = auth.find("file")) {
    return {.source = SecretRef::Source::kFile, .name = yaml::read_text(*file, "'file'")};
  }
  if (auth.find("env") == nullptr) {
    throw PlanError{node.at, "auth names no source; write {env: NAME} or {file: PATH}"};
  }
  const Node& env = auth.require("env");
  const std::string& name = yaml::read_text(env, "'env'");
  if (!is_environment_name(name)) {
    // It may be the secret itself, so it is not repeated.
    throw PlanError{env.at,
                    "'env' must be the name of an environment variable (letters, digits and '_'), "
                    "not its value"};
  }
  return {.source = SecretRef::Source::kEnvironment, .name = name};
}

void read_auth(const Node& node, Target& target) {
  if (node.kind == Node::Kind::kScalar) {
    throw PlanError{node.at, fmt::format("'auth' is no mapping: {}", kNoInlineSecret)};
  }
  refuse_inline_secret(node);
  const MappingReader auth(node, "auth", {"env", "file", "header", "scheme"});
  target.auth = read_secret(node, auth);
  if (const Node* const header = auth.find("header")) {
    target.auth_header = read_header_name(*header, "header");
    if (lower(target.auth_header) != "authorization") target.auth_scheme.clear();
  }
  if (const Node* const scheme = auth.find("scheme")) {
    target.auth_scheme = yaml::read_text(*scheme, "'scheme'");
    if (!is_header_name(target.auth_scheme)) {
      throw PlanError{scheme->at, fmt::format("'{}' is no scheme; write one word, such as Bearer or Basic",
                                              yaml::excerpt(target.auth_scheme))};
    }
  }
}

void read_session(const Node& node, Target& target) {
  const MappingReader session(node, "session", {"header", "from"});
  target.session_header = read_header_name(session.require("header"), "header");
  if (const Node* const from = session.find("from"))
    target.session_from_server = yaml::read_choice(*from, "from", {"kneepoint", "server"}) == "server";
}

TlsOptions read_tls(const Node& node) {
  const MappingReader tls(node, "tls", {"verify", "ca", "cert", "key", "server_name"});
  TlsOptions options;
  if (const Node* const verify = tls.find("verify")) options.verify = yaml::read_bool(*verify, "'verify'");
  if (const Node* const ca = tls.find("ca")) options.ca_file = yaml::read_text(*ca, "'ca'");
  if (const Node* const cert = tls.find("cert")) options.client_cert = yaml::read_text(*cert, "'cert'");
  if (const Node* const key = tls.find("key")) options.client_key = yaml::read_text(*key, "'key'");
  if (const Node* const name = tls.find("server_name"))
    options.server_name = yaml::read_text(*name, "'server_name'");
  if (options.client_cert.empty() != options.client_key.empty()) {
    throw PlanError{node.at, "tls has only one of 'cert' and 'key'; a client certificate needs both"};
  }
  return options;
}

std::vector<std::string> read_urls(const MappingReader& target) {
  target.exclusive("url", "urls");
  if (const Node* const url = target.find("url")) return {read_base_url(*url)};
  const Node* const list = target.find("urls");
  if (list == nullptr) {
    throw PlanError{target.node().at, fmt::format("{} has no 'urls'; add it", target.what())};
  }
  std::vector<std::string> urls;
  for (const Node& item : yaml::read_list(*list, "'urls'")) {
    std::string url = read_base_url(item);
    if (std::find(urls.begin(), urls.end(), url) != urls.end()) {
      throw PlanError{item.at, fmt::format("'{}' is given twice; each replica needs a URL of its own", url)};
    }
    urls.push_back(std::move(url));
  }
  return urls;
}

/// Not left to the URL library, whose port number wraps above 65535.
bool is_port(const std::string& text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return error == std::errc{} && end == text.data() + text.size() && port != 0;
}

Api read_api(const Node& node) {
  const std::string& name = yaml::read_text(node, "'api'");
  if (const auto api = api_from_string(name)) return *api;
  throw PlanError{
      node.at,
      fmt::format("unknown api '{}'{}", yaml::excerpt(name),
                  yaml::suggestion(name, {to_string(Api::kOpenAiChat), to_string(Api::kOpenAiCompletions),
                                          to_string(Api::kVllmGenerate), to_string(Api::kCustom)}))};
}

Routing read_routing(const Node& node) {
  const std::string& name = yaml::read_text(node, "'routing'");
  if (const auto routing = routing_from_string(name)) return *routing;
  throw PlanError{node.at, fmt::format("unknown routing '{}'{}", yaml::excerpt(name),
                                       yaml::suggestion(name, {to_string(Routing::kPinned),
                                                               to_string(Routing::kRoundRobin),
                                                               to_string(Routing::kLeastInFlight)}))};
}

ConnectionUse read_connection_use(const Node& node) {
  const std::string& name = yaml::read_text(node, "'connection'");
  if (name == "reuse") return ConnectionUse::kReuse;
  if (name == "per_request") return ConnectionUse::kPerRequest;
  throw PlanError{node.at, fmt::format("unknown connection '{}'{}", yaml::excerpt(name),
                                       yaml::suggestion(name, {"reuse", "per_request"}))};
}

TokenLimit read_token_limit(const MappingReader& target, const Node& node, Api api) {
  const std::string& name = yaml::read_text(node, "'token_limit'");
  const auto limit = token_limit_from_string(name);
  if (!limit) {
    throw PlanError{node.at,
                    fmt::format("unknown token_limit '{}'{}", yaml::excerpt(name),
                                yaml::suggestion(name, {to_string(TokenLimit::kMaxTokens),
                                                        to_string(TokenLimit::kMaxCompletionTokens)}))};
  }
  if (api != Api::kOpenAiChat) {
    throw PlanError{
        target.key_position("token_limit"),
        fmt::format("'token_limit' belongs to openai-chat; {} has one name for it", to_string(api))};
  }
  return *limit;
}

[[noreturn]] void refuse_url(const Node& node, std::string_view why) {
  // A query may hold a key: it is not repeated.
  const std::string shown = node.text.substr(0, node.text.find_first_of("?#"));
  throw PlanError{node.at, fmt::format("'{}' {}", yaml::excerpt(shown), why)};
}

/// http or https, a host, no secrets, no query.
const std::string& read_url(const Node& node) {
  const std::string& text = yaml::read_text(node, "a URL");
  const auto parsed = boost::urls::parse_uri(text);
  const auto refuse = [&](std::string_view why) { refuse_url(node, why); };
  if (text.find('@') != text.npos) {  // Has no other use in a base URL.
    throw PlanError{node.at, fmt::format("this URL holds credentials: {}", kNoInlineSecret)};
  }
  if (!parsed.has_value() || !parsed->has_authority() || parsed->host().empty()) {
    const bool plain =
        std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
    refuse(
        plain
            ? "is no URL; write http://HOST:PORT or https://HOST:PORT"
            : "is no URL: it holds characters beyond ASCII; write ':' and '/' half-width, and a name such as "
              "münchen.example as xn--…");
  }
  // The rest of a list would pass for a path.
  if (text.find(",http") != text.npos) refuse("is several URLs in one text; give each by itself");
  const boost::urls::url_view url = *parsed;
  if (url.scheme() != "http" && url.scheme() != "https") refuse("must start with http:// or https://");
  if (url.has_query() || url.has_fragment()) refuse("must end before '?' or '#'");
  if (url.has_port() && !is_port(std::string(url.port()))) refuse("has no valid port; ports are 1 to 65535");
  return text;
}

}  // namespace

std::string read_metrics_url(const Node& node) {
  const std::string& url = read_url(node);
  if (url.find('/', url.find("://") + 3) == url.npos) {
    refuse_url(node, "has no path; write where the metrics are, such as http://HOST:PORT/metrics");
  }
  return url;
}

std::string read_base_url(const Node& node) {
  std::string base = read_url(node);
  const auto drop = [&](std::string_view ending) {
    if (!base.ends_with(ending)) return false;
    base.resize(base.size() - ending.size());
    return true;
  };
  const auto drop_slashes = [&] {
    while (drop("/")) {
    }
  };
  drop_slashes();
  for (const std::string_view endpoint : {"/completions", "/generate", "/models"}) {
    if (base.ends_with(endpoint))
      refuse_url(node, "names an endpoint; give the base URL, the 'api' adds the rest");
  }
  if (drop("/v1")) drop_slashes();
  return base;
}

Result<std::string> parse_base_url(const std::string& text) {
  Node node;
  node.kind = Node::Kind::kScalar;
  node.text = text;
  try {
    return read_base_url(node);
  } catch (const PlanError& error) {
    return Error{error.what};
  }
}

Target read_target(const Node& node, std::size_t number, const std::filesystem::path& folder) {
  if (node.kind == Node::Kind::kMapping) refuse_inline_secret(node);
  const Node* const name = node.find("name");
  const bool named = name != nullptr && is_valid_name(name->text);
  const MappingReader reader(
      node, named ? fmt::format("target '{}'", name->text) : fmt::format("target {}", number),
      {"name",
       "url",
       "urls",
       "api",
       "dialect",
       "model",
       "token_limit",
       "auth",
       "session",
       "headers",
       "tls",
       "connect_timeout",
       "request_timeout",
       "idle_timeout",
       "routing",
       "connection",
       "replica_header",
       "telemetry",
       "wait_ready",
       "gpus",
       "cost_per_hour"});
  Target target;
  target.name = yaml::read_name(reader.require("name"), "a target's 'name'");
  target.urls = read_urls(reader);
  if (const Node* const api = reader.find("api")) target.api = read_api(*api);
  if (const Node* const dialect = reader.find("dialect"); target.api == Api::kCustom) {
    target.dialect = read_dialect(reader.require("dialect"), folder);
  } else if (dialect != nullptr) {
    throw PlanError{reader.key_position("dialect"),
                    "'dialect' describes a server of its own kind; it needs api: custom"};
  }
  // vLLM's /generate serves one model and takes no name.
  const bool names_model = target.dialect ? target.dialect->names_model() : target.api != Api::kVllmGenerate;
  if (const Node* const model = reader.find("model")) {
    target.model = yaml::read_text(*model, "'model'");
  } else if (names_model) {
    reader.require("model");
  }
  if (const Node* const limit = reader.find("token_limit"))
    target.token_limit = read_token_limit(reader, *limit, target.api);
  if (const Node* const auth = reader.find("auth")) read_auth(*auth, target);
  if (const Node* const session = reader.find("session")) read_session(*session, target);
  if (const Node* const headers = reader.find("headers")) {
    target.headers = read_headers(*headers);
    for (const auto& [name, value] : target.headers) {
      if (target.auth.source != SecretRef::Source::kNone && lower(name) == lower(target.auth_header))
        throw PlanError{headers->at,
                        fmt::format("header '{}' is the one that auth sends; leave it out here", name)};
    }
  }
  if (const Node* const tls = reader.find("tls")) target.tls = read_tls(*tls);
  if (const Node* const routing = reader.find("routing")) target.routing = read_routing(*routing);
  if (const Node* const use = reader.find("connection")) target.connection = read_connection_use(*use);
  if (const Node* const header = reader.find("replica_header"))
    target.replica_header = read_header_name(*header, "replica_header");
  const auto read_timeout = [&](std::string_view key, Nanos& timeout) {
    const Node* const value = reader.find(key);
    if (value != nullptr)
      timeout = yaml::read_duration(*value, fmt::format("'{}'", key), 1ms, kLongestTimeout);
  };
  read_timeout("connect_timeout", target.connect_timeout);
  read_timeout("request_timeout", target.request_timeout);
  read_timeout("idle_timeout", target.idle_timeout);
  if (const Node* const telemetry = reader.find("telemetry")) target.telemetry = read_telemetry(*telemetry);
  if (const Node* const wait = reader.find("wait_ready")) target.wait_ready = read_wait_ready(*wait);
  if (const Node* const gpus = reader.find("gpus")) {
    target.gpus = static_cast<std::uint32_t>(yaml::read_integer(*gpus, "'gpus'", 1, kMostGpus));
  }
  if (const Node* const cost = reader.find("cost_per_hour")) {
    target.cost_per_hour = yaml::read_number(*cost, "'cost_per_hour'", 0, kHighestCost);
  }
  return target;
}

}  // namespace kneepoint::coordinator
