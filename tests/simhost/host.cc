#include "tests/simhost/host.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <thread>

#include "tests/simhost/replica.h"

namespace kneepoint::simhost {

namespace net = boost::asio;

struct Host::Impl {
  HostContext context;
  std::vector<std::unique_ptr<net::io_context>> loops;
  std::vector<std::unique_ptr<Replica>> replicas;
  std::vector<std::thread> threads;

  net::io_context& loop_of(std::size_t replica) { return *loops[replica % loops.size()]; }
  std::vector<HostStats> stats() const {
    std::vector<HostStats> all;
    for (const auto& replica : replicas) all.push_back(replica->stats());
    return all;
  }
};

Result<void> validate(HostConfig& config) {
  const EngineConfig& engine = config.profile.engine;
  if (config.replicas < 1 || config.replicas > 1024) return Error{"replicas must be 1 to 1024"};
  if (config.threads < 1) return Error{"threads must be at least 1"};
  if (config.port != 0 && config.port + config.replicas - 1 > 65535)
    return Error{"the last replica's port is past 65535"};
  if (engine.slots < 1 || engine.batched_tokens < 1 || engine.kv_tokens < 2) {
    return Error{"slots and batched tokens must be at least 1, KV tokens at least 2"};
  }
  if (engine.base <= Nanos(0)) return Error{"an iteration's base time (a) must be above 0"};
  const SplitConfig& split = config.profile.split;
  if (split.on()) {
    if (split.prefill.slots < 1 || split.prefill.batched_tokens < 1 || split.prefill.base <= Nanos(0) ||
        split.prefill.kv_tokens < 2 || split.decode_workers < 1 || split.links < 1 ||
        split.transfer_per_thousand <= Nanos(0)) {
      return Error{"a split needs workers, slots, links, and times above 0"};
    }
    if (config.page.behind_one_address() || config.page.age > Nanos(0) ||
        config.page.freeze_after > Nanos(0) || config.tenants.requests > 0) {
      return Error{"the pages of a split host tell no lies, and it has no tenants"};
    }
  }
  if (config.tokens_per_chunk < 1) return Error{"tokens per chunk must be at least 1"};
  double rates = 0;
  for (const FaultRate& rate : config.faults) {
    if (rate.rate < 0 || rate.rate > 1)
      return Error{fmt::format("the rate of {} must be 0 to 1", to_string(rate.fault))};
    if (rate.fault != Fault::kSlowAccept) rates += rate.rate;
  }
  if (rates > 1) return Error{"the fault rates add up to more than 1"};
  double odd = 0;
  for (const MisbehaviourRate& rate : config.misbehaviours) odd += rate.rate;
  if (odd > 1) return Error{"the rates of misbehaviour add up to more than 1"};
  // A longer request could never finish.
  const std::int64_t cache =
      split.on() ? std::min(engine.kv_tokens, split.prefill.kv_tokens) : engine.kv_tokens;
  config.profile.max_model_len =
      static_cast<int>(std::min<std::int64_t>(config.profile.max_model_len, cache));
  return {};
}

Host::Host(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Host::~Host() {
  stop();
}

Result<std::unique_ptr<Host>> Host::start(HostConfig config) {
  if (auto valid = validate(config); !valid) return valid.error();
  auto impl = std::make_unique<Impl>();
  if (!config.send_log.empty()) {
    auto log = SendLog::open(config.send_log, config.send_log_all);
    if (!log) return log.error();
    impl->context.log = std::move(*log);
  }
  impl->context.config = std::move(config);
  impl->context.ready_at = std::chrono::steady_clock::now() + impl->context.config.load_time;
  Impl* raw = impl.get();
  impl->context.stats_json = [raw] { return stats_json(raw->stats()); };

  const HostConfig& settled = impl->context.config;
  const bool one_address = settled.page.behind_one_address();
  const int threads = one_address ? 1 : std::min(settled.threads, settled.replicas);
  for (int i = 0; i < threads; ++i) impl->loops.push_back(std::make_unique<net::io_context>(1));
  for (int i = 0; i < settled.replicas; ++i) {
    auto& loop = impl->loop_of(static_cast<std::size_t>(i));
    impl->replicas.push_back(std::make_unique<Replica>(loop, impl->context, i));
    if (one_address) impl->context.behind.push_back(impl->replicas.back().get());
    if (auto listening = impl->replicas.back()->listen(); !listening) return listening.error();
  }
  if (one_address) impl->context.pods = std::make_unique<Pods>(settled.page.of, settled.replicas);
  for (auto& loop : impl->loops) {
    impl->threads.emplace_back([&io = *loop] {
      const auto guard = net::make_work_guard(io);
      io.run();
    });
  }
  return std::unique_ptr<Host>(new Host(std::move(impl)));
}

void Host::stop() {
  if (impl_->threads.empty()) return;
  for (std::size_t i = 0; i < impl_->replicas.size(); ++i) {
    net::post(impl_->loop_of(i), [&replica = *impl_->replicas[i]] { replica.stop(); });
  }
  // Each loop ends once what the closing has posted has run too: a second post comes behind it.
  for (auto& loop : impl_->loops) {
    net::post(*loop, [&io = *loop] { net::post(io, [&io] { io.stop(); }); });
  }
  for (std::thread& thread : impl_->threads) thread.join();
  impl_->threads.clear();
  flush_send_log();
}

const HostConfig& Host::config() const {
  return impl_->context.config;
}

std::vector<std::uint16_t> Host::ports() const {
  std::vector<std::uint16_t> ports;
  for (const auto& replica : impl_->replicas) ports.push_back(replica->port());
  return ports;
}

std::vector<std::string> Host::urls() const {
  const std::string& address = config().address;
  const std::string host = address.find(':') == std::string::npos ? address : fmt::format("[{}]", address);
  std::vector<std::string> urls;
  for (std::uint16_t port : ports()) urls.push_back(fmt::format("http://{}:{}", host, port));
  return urls;
}

HostStats Host::stats() const {
  HostStats total;
  for (const HostStats& replica : replica_stats()) total += replica;
  return total;
}

std::vector<HostStats> Host::replica_stats() const {
  return impl_->stats();
}

void Host::flush_send_log() {
  if (impl_->context.log) impl_->context.log->flush();
}

}  // namespace kneepoint::simhost
