#include "tests/simhost/replica.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "tests/simhost/options.h"
#include "tests/simhost/text.h"

namespace kneepoint::simhost {

namespace net = boost::asio;
namespace http = boost::beast::http;
using boost::beast::error_code;

namespace {

constexpr std::string_view kJson = "application/json";
constexpr std::string_view kPrometheus = "text/plain; version=0.0.4; charset=utf-8";
constexpr int kNaturalTokens = 256;  // an answer whose length nobody limits
constexpr Nanos kLate = std::chrono::milliseconds(1);

PipelineConfig pipeline_for(const HostConfig& host, int index) {
  PipelineConfig config = host.profile.pipeline();
  if (host.slow_replica && host.slow_replica->index == index) {
    scale_time(config.engine, host.slow_replica->factor);
    scale_time(config.split, host.slow_replica->factor);
  }
  EngineConfig& engine = config.engine;
  engine.seed = SplitMix64::mix(host.seed * 1000003 + static_cast<std::uint64_t>(index));
  // Replicas that are started by one burst must not tick together.
  engine.phase += Nanos(static_cast<Nanos::rep>(SplitMix64(engine.seed).uniform() *
                                                static_cast<double>(engine.base.count()) * (index > 0)));
  return config;
}

/// I of "/pods/I/metrics", "/pods/" being `before`.
std::optional<std::size_t> index_in(std::string_view path, std::string_view before) {
  constexpr std::string_view kAfter = "/metrics";
  if (!path.starts_with(before) || !path.ends_with(kAfter)) return std::nullopt;
  std::size_t index = 0;
  const char* const begin = path.data() + before.size();
  const auto [rest, error] = std::from_chars(begin, path.data() + path.size(), index);
  if (error != std::errc() || rest != path.data() + path.size() - kAfter.size()) return std::nullopt;
  return index;
}

std::string_view header(const Connection::Request& request, std::string_view name) {
  const auto found = request.find(boost::beast::string_view(name.data(), name.size()));
  if (found == request.end()) return {};
  return {found->value().data(), found->value().size()};
}

/// A client's request id, kept only as far as it can stand unescaped in JSON and CSV.
std::string safe_id(std::string_view id) {
  std::string safe;
  for (char ch : id.substr(0, 128)) {
    if (std::isalnum(static_cast<unsigned char>(ch)) || ch == '-' || ch == '_' || ch == '.') safe += ch;
  }
  return safe;
}

std::string error_body(int status, std::string_view type, std::string_view message) {
  std::string escaped;
  append_json_escaped(escaped, message);
  return fmt::format(R"({{"error":{{"message":"{}","type":"{}","param":null,"code":{}}}}})", escaped, type,
                     status);
}

std::string name_header_of(const HostConfig& config, int index) {
  if (config.name.empty()) return {};
  const std::string suffix = config.replicas > 1 ? fmt::format("-{}", index) : std::string();
  return fmt::format("x-replica: {}{}\r\n", config.name, suffix);
}

}  // namespace

Replica::Replica(net::io_context& io, HostContext& context, int index)
    : io_(io),
      context_(context),
      index_(index),
      name_header_(name_header_of(context.config, index)),
      acceptor_(io),
      iteration_timer_(io),
      accept_timer_(io),
      pipeline_(pipeline_for(context.config, index)),
      random_(SplitMix64::mix(pipeline_.worker(0).config().seed)),
      telemetry_(pipeline_.workers()),
      gpu_(context.config.profile, index, std::chrono::steady_clock::now().time_since_epoch()),
      gate_(io, context.config.gate, [this](Connection& connection) { admitted(connection); }),
      tenants_(context.config.tenants),
      history_(context.config.page, std::chrono::steady_clock::now().time_since_epoch()),
      tick_timer_(io) {}

Replica::~Replica() = default;

Result<void> Replica::listen() {
  error_code error;
  const auto address = net::ip::make_address(context_.config.address, error);
  const int base = context_.config.port;
  const auto wanted = static_cast<std::uint16_t>(base == 0 ? 0 : base + index_);
  const net::ip::tcp::endpoint endpoint(address, wanted);
  if (!error) acceptor_.open(endpoint.protocol(), error);
  if (!error) acceptor_.set_option(net::socket_base::reuse_address(true), error);
  if (!error) acceptor_.bind(endpoint, error);
  if (!error) acceptor_.listen(4096, error);
  if (error) {
    return Error{fmt::format("cannot listen on {}:{}: {}", context_.config.address, wanted, error.message())};
  }
  port_ = acceptor_.local_endpoint().port();
  accept();
  begin_tenants();
  if (history_.on()) tick();
  return {};
}

void Replica::accept() {
  acceptor_.async_accept(io_, [this](const error_code& error, net::ip::tcp::socket socket) {
    if (stopping_) return;
    if (error) {  // out of descriptors, most likely: do not spin on it
      accept_timer_.expires_after(std::chrono::milliseconds(10));
      accept_timer_.async_wait([this](const error_code& cancelled) {
        if (!cancelled && !stopping_) accept();
      });
      return;
    }
    Replica& pod = context_.pods ? *context_.behind[static_cast<std::size_t>(context_.pods->next())] : *this;
    pod.adopt(std::move(socket));
    accept();
  });
}

void Replica::adopt(net::ip::tcp::socket socket) {
  error_code ignored;
  socket.set_option(net::ip::tcp::no_delay(true), ignored);
  socket.non_blocking(true, ignored);
  counters_.connections.add();
  auto connection = std::make_shared<Connection>(std::move(socket), *this);
  connections_.emplace(connection.get(), connection);
  const bool slow = draw_slow_accept(context_.config.faults, random_);
  if (slow) counters_.faults[static_cast<std::size_t>(Fault::kSlowAccept)].requests.add();
  const int limit = context_.config.serve_connections;
  if (limit > 0 && static_cast<int>(connections_.size()) > limit) return;  // and never read
  connection->start(slow ? context_.config.stall_time : Nanos(0));
}

void Replica::begin_tenants() {
  if (!tenants_.on()) return;
  const Nanos now = std::chrono::steady_clock::now().time_since_epoch();
  tenants_.begin(pipeline_, now);
  if (pipeline_.start(now)) schedule();
}

void Replica::tick() {
  history_.remember(std::chrono::steady_clock::now().time_since_epoch(), [this] { return true_page(); });
  tick_timer_.expires_after(std::chrono::milliseconds(200));
  tick_timer_.async_wait([this](const error_code& cancelled) {
    if (!cancelled && !stopping_) tick();
  });
}

std::string Replica::shown_page() {
  const std::string& model = context_.config.profile.model;
  if (context_.config.profile.split.on()) return render_router_metrics(gate_.held(), model);
  if (context_.config.page.of != PageOf::kRanks) return worker_page(0);
  std::vector<ShownEngine> engines;
  for (const Replica* rank : context_.behind)
    engines.push_back({rank->telemetry_[0], rank->pipeline_.worker(0).stats()});
  return render_vllm_metrics(engines, pipeline_.worker(0).config(), model);
}

std::string Replica::true_page() {
  std::string text = shown_page();
  const Nanos now = std::chrono::steady_clock::now().time_since_epoch();
  text +=
      render_process_metrics(started_, gate_.on() ? std::optional(gate_.front_end_busy(now)) : std::nullopt);
  return text;
}

std::string Replica::worker_page(std::size_t worker) {
  const Engine& engine = pipeline_.worker(worker);
  const std::string& model = context_.config.profile.model;
  const bool receives = context_.config.profile.split.on() && worker < pipeline_.decode_workers();
  EngineStats stats = engine.stats();
  if (receives) stats.waiting += pipeline_.arriving(worker);  // vLLM counts them so, too ("deferred")
  const ShownEngine shown{telemetry_[worker], stats};
  std::string text = render_vllm_metrics({&shown, 1}, engine.config(), model);
  if (receives) text += render_kv_transfer_metrics(telemetry_[worker], model);
  return text;
}

std::optional<std::size_t> Replica::worker_at(std::string_view path) const {
  if (!context_.config.profile.split.on()) return std::nullopt;
  const std::size_t decode = pipeline_.decode_workers();
  if (const auto index = index_in(path, "/decode/"); index && *index < decode) return index;
  const auto index = index_in(path, "/prefill/");
  return index && *index < pipeline_.workers() - decode ? std::optional(decode + *index) : std::nullopt;
}

std::string Replica::page() {
  if (!history_.on()) return true_page();
  const Nanos now = std::chrono::steady_clock::now().time_since_epoch();
  history_.remember(now, [this] { return true_page(); });
  return history_.shown(now);
}

void Replica::stop() {
  stopping_ = true;
  error_code ignored;
  acceptor_.close(ignored);
  accept_timer_.cancel();
  iteration_timer_.cancel();
  tick_timer_.cancel();
  gate_.stop();
  for (auto& [key, connection] : connections_) connection->close();
}

ModelLimits Replica::limits() const {
  const HostConfig& config = context_.config;
  return {config.profile.model,
          config.any_model,
          config.adapters,
          config.profile.max_model_len,
          config.profile.engine.prefix_cache ? Engine::kPrefixBlockTokens : 0,
          config.usage};
}

void Replica::on_request(Connection& connection) {
  const Connection::Request& request = connection.request();
  std::string_view path(request.target().data(), request.target().size());
  path = path.substr(0, path.find('?'));
  const HostConfig& config = context_.config;
  const bool post = request.method() == http::verb::post;
  const bool generates = path == "/v1/chat/completions" || path == "/v1/completions" || path == "/generate";
  if (post && generates) counters_.received.add();
  if (!config.api_key.empty() && path.starts_with("/v1") &&
      header(request, "Authorization") != "Bearer " + config.api_key) {
    if (post && generates) counters_.invalid.add();
    return connection.respond(401, kJson, R"({"error":"Unauthorized"})");
  }
  if (!post) return route_get(connection, path);
  if (path == "/v1/chat/completions") return completion(connection, Dialect::kChat);
  if (path == "/v1/completions") return completion(connection, Dialect::kCompletions);
  if (path == "/generate") return completion(connection, Dialect::kGenerate);
  if (path == "/tokenize") return tokenize(connection);
  connection.respond(404, kJson, R"({"detail":"Not Found"})");
}

void Replica::route_get(Connection& connection, std::string_view path) {
  const HostConfig& config = context_.config;
  const auto now = std::chrono::steady_clock::now();
  if (path == "/health") {
    const bool ready = now >= context_.ready_at;
    return connection.respond(ready ? 200 : 503, kJson, "");
  }
  if (path == "/metrics") {
    Replica& shown =
        context_.pods ? *context_.behind[static_cast<std::size_t>(context_.pods->page())] : *this;
    return connection.respond(200, kPrometheus, shown.page());
  }
  if (const auto pod = index_in(path, "/pods/"); pod && *pod < context_.behind.size()) {
    return connection.respond(200, kPrometheus, context_.behind[*pod]->page());
  }
  if (const auto worker = worker_at(path)) {
    return connection.respond(200, kPrometheus,
                              worker_page(*worker) + render_process_metrics(started_, std::nullopt));
  }
  if (path == "/gpu/metrics") {
    return connection.respond(200, kPrometheus,
                              gpu_.render(now.time_since_epoch(), pipeline_.worker(0).stats()));
  }
  if (path == "/v1/models") {
    std::string models = fmt::format(
        R"({{"object":"list","data":[{{"id":"{0}","object":"model","created":0,"owned_by":"vllm",)"
        R"("root":"{0}","parent":null,"max_model_len":{1}}})",
        config.profile.model, config.profile.max_model_len);
    for (const Adapter& adapter : config.adapters) {
      models += fmt::format(
          R"(,{{"id":"{0}","object":"model","created":0,"owned_by":"vllm","root":"{0}","parent":"{1}"}})",
          adapter.name, config.profile.model);
    }
    return connection.respond(200, kJson, models + "]}");
  }
  if (path == "/version") return connection.respond(200, kJson, R"({"version":"0.0.0+kneepoint.simhost"})");
  if (path == "/simhost/stats") return connection.respond(200, kJson, context_.stats_json());
  if (path == "/simhost/flush") {
    if (context_.log) context_.log->flush();
    return connection.respond(200, kJson, "{}");
  }
  const bool known = path == "/generate" || path == "/tokenize" || path.ends_with("/completions");
  connection.respond(known ? 405 : 404, kJson,
                     known ? R"({"detail":"Method Not Allowed"})" : R"({"detail":"Not Found"})");
}

void Replica::tokenize(Connection& connection) {
  const auto parsed = parser_.tokenize(connection.request().body(), limits());
  if (const auto* error = std::get_if<ApiError>(&parsed)) return respond_error(connection, *error);
  const int count = std::get<TokenizeRequest>(parsed).tokens;
  std::string body = fmt::format(R"({{"count":{},"max_model_len":{},"tokens":[)", count,
                                 context_.config.profile.max_model_len);
  for (int i = 0; i < count; ++i)
    fmt::format_to(std::back_inserter(body), "{}{}", i == 0 ? "" : ",", 1000 + i);
  body += R"(],"token_strs":null})";
  connection.respond(200, kJson, body);
}

void Replica::respond_error(Connection& connection, const ApiError& error) {
  connection.respond(error.status, kJson, error_body(error.status, error.type, error.message));
}

void Replica::reject(Connection& connection, int status, std::string_view type, std::string_view message) {
  counters_.rejected.add();
  connection.respond(status, kJson, error_body(status, type, message),
                     status == 429 ? "retry-after: 1\r\n" : "");
}

bool Replica::refused(Connection& connection, std::optional<Fault> fault) {
  const auto count = [&](Fault kind) { counters_.faults[static_cast<std::size_t>(kind)].requests.add(); };
  if (fault == Fault::kHttp429) {
    count(*fault);
    reject(connection, 429, "TooManyRequestsError", "injected by the simulated host");
    return true;
  }
  if (fault == Fault::kHttp503) {
    count(*fault);
    reject(connection, 503, "ServiceUnavailableError", "injected by the simulated host");
    return true;
  }
  if (fault == Fault::kCloseBeforeResponse && connection.requests() > 1) {
    count(*fault);
    counters_.failed.add();
    connection.close();
    return true;
  }
  if (context_.config.reject_above > 0 && pipeline_.held() >= context_.config.reject_above) {
    reject(connection, 429, "TooManyRequestsError", "too many requests are running or waiting");
    return true;
  }
  return false;
}

Exchange::Plan Replica::plan_for(Connection& connection, CompletionRequest request,
                                 std::optional<Fault> fault, std::optional<Misbehaviour> misbehaviour) {
  const HostConfig& config = context_.config;
  Exchange::Plan plan;
  plan.misbehaviour = misbehaviour;
  const std::uint64_t number = ++sequence_;
  const std::string own = safe_id(header(connection.request(), "X-Request-Id"));
  plan.id = fmt::format("{}-{}", request.dialect == Dialect::kChat ? "chatcmpl" : "cmpl",
                        own.empty() ? fmt::format("{:x}-{:08x}", index_, number) : own);
  int natural = request.max_tokens_given ? request.max_tokens : kNaturalTokens;
  if (config.eos_mean_tokens > 0) {
    natural = 1 + static_cast<int>(-std::log(1 - random_.uniform()) * (config.eos_mean_tokens - 1));
  }
  plan.output_tokens = request.ignore_eos
                           ? request.max_tokens
                           : std::min(request.max_tokens, std::max({natural, request.min_tokens, 1}));
  plan.finish_reason = plan.output_tokens == request.max_tokens ? "length" : "stop";
  plan.reasoning_tokens = request.dialect == Dialect::kChat ? config.profile.reasoning_tokens : 0;
  plan.tokens_per_chunk = config.tokens_per_chunk;
  plan.early_role = config.early_role;
  plan.usage_habit = config.usage_habit;
  plan.usage_details = config.usage_details;
  plan.hide_reasoning = config.hide_reasoning;
  plan.buffer = config.buffer && request.stream;
  plan.flush = request.stream ? config.flush : Nanos(0);
  plan.text_seed = SplitMix64::mix(number);
  plan.created =
      std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch())
          .count();
  plan.fault = fault;
  plan.fault_after = plan.output_tokens / 2;
  const std::string_view after = header(connection.request(), "X-Simhost-Fault-After");
  std::from_chars(after.data(), after.data() + after.size(), plan.fault_after);
  plan.stall_time = config.stall_time;
  if (fault == Fault::kNeverEnd) plan.output_tokens = config.profile.max_model_len - request.prompt_tokens;
  plan.request = std::move(request);
  return plan;
}

void Replica::completion(Connection& connection, Dialect dialect) {
  if (gate_.on()) return gate_.arrive(connection);
  submit(connection, dialect);
}

void Replica::admitted(Connection& connection) {
  const std::string_view target(connection.request().target().data(), connection.request().target().size());
  const Dialect dialect = target.starts_with("/v1/chat")          ? Dialect::kChat
                          : target.starts_with("/v1/completions") ? Dialect::kCompletions
                                                                  : Dialect::kGenerate;
  if (!submit(connection, dialect)) gate_.left();
}

bool Replica::submit(Connection& connection, Dialect dialect) {
  const HostConfig& config = context_.config;
  if (std::chrono::steady_clock::now() < context_.ready_at) {
    reject(connection, 503, "ServiceUnavailableError", "the model is being loaded");
    return false;
  }
  const std::string_view named = header(connection.request(), "X-Simhost-Fault");
  std::optional<Fault> fault = parse_fault(named);
  if (!named.empty() && !fault) {
    counters_.invalid.add();
    respond_error(connection, {400, "BadRequestError", fmt::format("unknown X-Simhost-Fault {}", named)});
    return false;
  }
  if (!fault) fault = draw_request_fault(config.faults, random_);
  if (refused(connection, fault)) return false;
  auto parsed = parser_.completion(dialect, connection.request().body(), limits());
  if (const auto* error = std::get_if<ApiError>(&parsed)) {
    counters_.invalid.add();
    respond_error(connection, *error);
    return false;
  }
  const std::string_view habit = header(connection.request(), "X-Simhost-Misbehave");
  std::optional<Misbehaviour> misbehaviour = parse_misbehaviour(habit);
  if (!habit.empty() && !misbehaviour) {
    counters_.invalid.add();
    respond_error(connection, {400, "BadRequestError", fmt::format("unknown X-Simhost-Misbehave {}", habit)});
    return false;
  }
  if (!misbehaviour) misbehaviour = draw_misbehaviour(config.misbehaviours, random_);
  Exchange::Plan plan =
      plan_for(connection, std::move(std::get<CompletionRequest>(parsed)), fault, misbehaviour);
  if (fault == Fault::kSlowAccept) connection.hold(config.stall_time);

  Exchange& exchange = connection.exchange();
  // Where nothing holds a request the engine has it from the instant at which it had been read.
  exchange.submitted =
      gate_.on() ? std::chrono::steady_clock::now().time_since_epoch() : connection.received();
  exchange.begin(std::move(plan), connection, counters_, context_.log.get(), index_);
  if (misbehaviour == Misbehaviour::kCached) {  // the engine never hears of it
    const int tokens = exchange.plan().output_tokens;
    for (int i = 1; i <= tokens; ++i)
      exchange.deliver(connection, {.tokens = 1, .first = i == 1, .finished = i == tokens});
    return false;
  }
  const CompletionRequest& request = exchange.plan().request;
  exchange.handle = pipeline_.submit(
      {&connection, static_cast<int>(std::lround(request.prompt_tokens * request.prefill_factor)),
       exchange.plan().output_tokens, request.prefix_blocks},
      exchange.submitted);
  if (pipeline_.start(exchange.submitted)) schedule();
  return true;
}

void Replica::schedule() {
  const auto next = pipeline_.next();
  if (!next) return;
  iteration_timer_.expires_at(MonoTime(*next));
  iteration_timer_.async_wait([this](const error_code& cancelled) {
    if (cancelled || stopping_) return;
    // A wait that was over already cannot be taken back by the one that took its place.
    const auto due = pipeline_.next();
    if (due && MonoTime(*due) <= std::chrono::steady_clock::now()) on_iteration_end();
  });
}

void Replica::on_iteration_end() {
  const Nanos end = *pipeline_.next();
  if (std::chrono::steady_clock::now().time_since_epoch() - end > kLate) counters_.iterations_late.add();
  const Pipeline::Event event = pipeline_.finish();
  EngineTelemetry& telemetry = telemetry_[event.worker];
  if (event.stage == Stage::kKvTransfer) telemetry.kv_transfer_time.record(to_seconds(event.took));
  std::uint64_t tokens = 0, decodes = 0;
  int ended = 0;
  for (const Emission& emission : event.emissions) {
    if (const Tenants::Served served = tenants_.take(pipeline_, emission, end); served.theirs) {
      if (served.took) {
        ++telemetry.finished_length;
        telemetry.request_inference_time.record(to_seconds(*served.took));
      }
      continue;
    }
    Connection& connection = *static_cast<Connection*>(emission.tag);
    Exchange& exchange = connection.exchange();
    tokens += static_cast<std::uint64_t>(emission.tokens);
    decodes += !emission.first;
    observe(event, exchange, emission, end);
    if (event.stage != Stage::kDecode) continue;
    const Pipeline::Handle handle = *exchange.handle;
    if (emission.finished) exchange.handle.reset();
    const Exchange::Ending ending = exchange.deliver(connection, emission);
    if (ending == Exchange::Ending::kFailed && !emission.finished) {
      exchange.handle.reset();
      pipeline_.abort(handle);
    }
    ended += ending != Exchange::Ending::kNone;
  }
  if (tokens > 0) telemetry.iteration_tokens.record(static_cast<double>(tokens));
  if (decodes > 0) telemetry.inter_token_latency.record(to_seconds(event.took), decodes);
  pipeline_.start(end);
  schedule();
  // Only now: whoever is let in begins an iteration where the engine stands idle.
  for (; gate_.on() && ended > 0; --ended) gate_.left();
}

void Replica::observe(const Pipeline::Event& event, Exchange& exchange, const Emission& emission, Nanos now) {
  EngineTelemetry& telemetry = telemetry_[event.worker];
  // To a worker of a split host a request is new when it comes to it, and prefill is a request for one token.
  const bool split = context_.config.profile.split.on();
  const bool prefill = event.stage == Stage::kPrefill;
  const Nanos submitted = exchange.submitted + emission.before;
  const Nanos received = split ? submitted : exchange.received();
  if (emission.first) {
    exchange.first_token_at = now;
    const double queued = to_seconds(emission.queued);
    telemetry.time_to_first_token.record(to_seconds(now - received));
    telemetry.request_queue_time.record(queued);
    telemetry.request_prefill_time.record(to_seconds(now - submitted) - queued);
    exchange.queued = emission.queued;
  }
  if (!emission.finished) return;
  const Exchange::Plan& plan = exchange.plan();
  const int tokens = prefill ? 1 : plan.output_tokens;
  const double decode = to_seconds(now - exchange.first_token_at);
  telemetry.e2e_request_latency.record(to_seconds(now - received));
  telemetry.request_inference_time.record(to_seconds(now - submitted - exchange.queued));
  telemetry.request_decode_time.record(decode);
  telemetry.request_prompt_tokens.record(plan.request.prompt_tokens);
  telemetry.request_generation_tokens.record(tokens);
  if (tokens > 1) telemetry.time_per_output_token.record(decode / (tokens - 1));
  ++(prefill || plan.finish_reason == "length" ? telemetry.finished_length : telemetry.finished_stop);
}

void Replica::on_closed(Connection& connection) {
  Exchange& exchange = connection.exchange();
  if (gate_.on() && gate_.forget(connection)) counters_.cancelled.add();
  if (exchange.handle) {
    ++telemetry_[pipeline_.worker_of(*exchange.handle)].finished_abort;
    pipeline_.abort(*exchange.handle);
    exchange.handle.reset();
    if (gate_.on()) gate_.left();
  }
  exchange.disconnected();
  connections_.erase(&connection);
}

}  // namespace kneepoint::simhost
