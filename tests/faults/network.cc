#include "tests/faults/network.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "common/lease.h"
#include "coordinator/fleet/agent_messages.h"
#include "kneepoint/v1/fleet.pb.h"

namespace kneepoint::faults {

using namespace std::chrono_literals;

namespace {

/// How long a dial to nobody takes to fail where nobody says so.
constexpr Nanos kConnectLimit = 5s;

}  // namespace

/// Both ends of one stream.
struct Network::Stream {
  std::string agent;
  std::uint64_t id = 0;
  agent::CoordinatorLink::Sink agent_sink;  ///< Null once the agent's end is gone.
  MachineClock* agent_clock = nullptr;
  Process agent_process;
  Server* server = nullptr;  ///< Null once the coordinator's end is gone.
  Process coordinator_process;
  std::shared_ptr<CoordinatorEnd> coordinator_end;
  MonoTime last_down{}, last_up{};
  std::uint32_t parts = 0;  ///< In runs, that the agent has been told to begin anew.
  bool open = true;
  bool agent_told = false, coordinator_told = false;
};

class Network::CoordinatorEnd final : public coordinator::AgentLink {
 public:
  CoordinatorEnd(Network& network, std::weak_ptr<Stream> stream, std::string agent, MonoTime now)
      : heard(now), network_(network), stream_(std::move(stream)), agent_(std::move(agent)) {}
  void send(v1::CoordinatorMessage message) override {
    if (const auto stream = stream_.lock(); stream && !closing_)
      network_.to_agent(stream, std::make_shared<const v1::CoordinatorMessage>(std::move(message)));
  }
  void close() override {
    const auto stream = stream_.lock();
    if (!stream || !stream->coordinator_process.alive() || std::exchange(closing_, true)) return;
    const Nanos flushed = std::max(Nanos(0), stream->last_down - network_.world_.now());
    network_.break_stream(stream, flushed + 1ms, std::nullopt, "the coordinator closed the stream");
  }
  void abort() override {
    const auto stream = stream_.lock();
    if (!stream) return;
    closing_ = true;
    network_.break_stream(stream, 1ms, 1ms, "the stream broke");
  }
  void processed() override {}
  MonoTime heard_at() const override { return heard; }
  std::string peer() const override { return agent_; }
  bool may_be(const std::string&) const override { return true; }

  MonoTime heard;

 private:
  Network& network_;
  const std::weak_ptr<Stream> stream_;
  const std::string agent_;
  bool closing_ = false;
};

class Network::Server final : public coordinator::LinkServer {
 public:
  Server(Network& network, Sink the_sink, MachineClock& the_clock, Process the_process)
      : sink(std::move(the_sink)), clock(the_clock), process(std::move(the_process)), network_(network) {}
  ~Server() override {
    for (const auto& stream : network_.streams_) {
      if (stream->server != this) continue;
      if (stream->open) network_.break_stream(stream, 1ms, std::nullopt, "the coordinator is gone");
      stream->server = nullptr;
      stream->coordinator_end.reset();
    }
    if (network_.server_ == this) network_.server_ = nullptr;
  }
  const std::vector<int>& ports() const override { return ports_; }
  void tend() override {}

  const Sink sink;
  MachineClock& clock;
  const Process process;

 private:
  Network& network_;
  const std::vector<int> ports_;
};

class Network::AgentEnd final : public agent::CoordinatorLink {
 public:
  AgentEnd(Network& network, std::shared_ptr<Stream> stream)
      : network_(network), stream_(std::move(stream)) {}
  ~AgentEnd() override {
    stream_->agent_sink = nullptr;
    if (std::exchange(stream_->open, false))
      network_.break_stream(stream_, std::nullopt, 1ms, "the stream ended");
  }
  void send(v1::AgentMessage message) override {
    if (!finished_) network_.to_coordinator(stream_, std::make_shared<v1::AgentMessage>(std::move(message)));
  }
  void processed() override {}
  void finish() override {
    if (std::exchange(finished_, true)) return;
    const Nanos flushed = std::max(Nanos(0), stream_->last_up - network_.world_.now());
    network_.tell_coordinator(stream_, flushed + 1ms, "the stream ended");
    network_.tell_agent(stream_, flushed + 2ms, "the coordinator closed the stream");
  }

 private:
  Network& network_;
  const std::shared_ptr<Stream> stream_;
  bool finished_ = false;
};

std::unique_ptr<coordinator::LinkServer> Network::serve(coordinator::LinkServer::Sink sink,
                                                        MachineClock& clock, Process process) {
  auto server = std::make_unique<Server>(*this, std::move(sink), clock, std::move(process));
  server_ = server.get();
  return server;
}

std::unique_ptr<agent::CoordinatorLink> Network::dial(const std::string& agent, std::uint64_t id,
                                                      agent::CoordinatorLink::Sink sink, MachineClock& clock,
                                                      Process process) {
  const bool there = server_ != nullptr && server_->process.alive();
  auto stream = std::make_shared<Stream>(Stream{.agent = agent,
                                                .id = id,
                                                .agent_sink = std::move(sink),
                                                .agent_clock = &clock,
                                                .agent_process = process,
                                                .server = there ? server_ : nullptr,
                                                .coordinator_process = there ? server_->process : process});
  std::erase_if(streams_, [](const auto& old) { return !old->open; });
  streams_.insert(stream);
  const Weather& weather = weather_[agent];
  stream->open = there && world_.now() >= weather.cut_until;
  if (world_.now() < weather.cut_until) {
    break_stream(stream, weather.silent ? kConnectLimit : latency(agent), std::nullopt, "no route");
  } else if (!there) {
    break_stream(stream, latency(agent), std::nullopt, "nobody listens");
  } else {
    stream->coordinator_end = std::make_shared<CoordinatorEnd>(*this, stream, agent, server_->clock.now());
  }
  return std::make_unique<AgentEnd>(*this, std::move(stream));
}

Nanos Network::latency(const std::string& agent) {
  const Weather& weather = weather_[agent];
  const Nanos extra = world_.now() < weather.slow_until ? weather.delay : Nanos(0);
  return from_seconds(0.0002 + 0.0005 * random_.uniform() + to_seconds(extra) * random_.uniform());
}

MonoTime Network::arrival(const std::string& agent, MonoTime& last) {
  return last = std::max(last, world_.now() + latency(agent));
}

void Network::to_agent(const std::shared_ptr<Stream>& stream,
                       std::shared_ptr<const v1::CoordinatorMessage> message) {
  if (!stream->open || !stream->coordinator_process.alive()) return;
  if (message->has_welcome() && !message->welcome().resume()) ++stream->parts;
  world_.at(arrival(stream->agent, stream->last_down), [this, stream, message = std::move(message)] {
    if (!stream->open) return;
    stream->agent_process.run_after(0ns, [this, stream, message] {
      if (!stream->agent_sink || stream->agent_told) return;
      if (on_delivery) on_delivery(stream->agent, *message);
      stream->agent_sink({stream->id, stream->agent_clock->now(), message});
    });
  });
}

void Network::to_coordinator(const std::shared_ptr<Stream>& stream,
                             std::shared_ptr<v1::AgentMessage> message) {
  if (!stream->open || stream->server == nullptr) return;
  const auto deliver = [this, stream](const v1::AgentMessage& sent, bool repeated) {
    return
        [this, stream, repeated, parts = stream->parts, message = std::make_shared<v1::AgentMessage>(sent)] {
          if (!stream->open || stream->server == nullptr) return;
          // No stream repeats what was before a conversation of its own: the other end has answered it.
          if (repeated && parts != stream->parts) return;
          stream->coordinator_process.run_after(0ns, [this, stream, message] {
            if (stream->server == nullptr || stream->coordinator_told) return;
            const MonoTime now = stream->server->clock.now();
            stream->coordinator_end->heard = now;
            auto event = coordinator::event_of(message);
            if (!event) {
              tell_coordinator(stream, 0ns, event.error().message);
              return;
            }
            stream->server->sink({stream->coordinator_end, now, *std::move(event)});
          });
        };
  };
  const bool again = message->has_batch() && world_.now() < weather_[stream->agent].repeats_until;
  world_.at(arrival(stream->agent, stream->last_up), deliver(*message, false));
  if (again) world_.at(stream->last_up + from_seconds(3 * random_.uniform()), deliver(*message, true));
}

void Network::tell_agent(const std::shared_ptr<Stream>& stream, Nanos wait, const std::string& why) {
  world_.after(wait, [stream, why] {
    stream->open = false;
    stream->agent_process.run_after(0ns, [stream, why] {
      if (std::exchange(stream->agent_told, true) || !stream->agent_sink) return;
      stream->agent_sink({stream->id, stream->agent_clock->now(), agent::LinkClosed{why}});
    });
  });
}

void Network::tell_coordinator(const std::shared_ptr<Stream>& stream, Nanos wait, const std::string& why) {
  world_.after(wait, [stream, why] {
    stream->coordinator_process.run_after(0ns, [stream, why] {
      if (std::exchange(stream->coordinator_told, true) || stream->server == nullptr) return;
      if (!stream->coordinator_end) return;
      stream->server->sink(
          {stream->coordinator_end, stream->server->clock.now(), coordinator::LinkClosed{.reason = why}});
    });
  });
}

void Network::break_stream(const std::shared_ptr<Stream>& stream, std::optional<Nanos> agent_after,
                           std::optional<Nanos> coordinator_after, const std::string& why) {
  if (agent_after) tell_agent(stream, *agent_after, why);
  if (coordinator_after) tell_coordinator(stream, *coordinator_after, why);
}

void Network::cut(const std::string& agent, Nanos span, bool silent) {
  Weather& weather = weather_[agent];
  weather.cut_until = world_.now() + span;
  weather.silent = silent;
  for (const auto& stream : streams_) {
    if (stream->agent != agent || !stream->open) continue;
    stream->open = false;
    // A ping without an answer is the last that finds it.
    const Nanos silence = lease::kKeepaliveInterval + lease::kKeepaliveTimeout;
    break_stream(stream, silent ? silence : latency(agent), silent ? silence : latency(agent), "no route");
  }
}

void Network::slow(const std::string& agent, Nanos span, Nanos delay) {
  weather_[agent].slow_until = world_.now() + span;
  weather_[agent].delay = delay;
}

void Network::repeat(const std::string& agent, Nanos span) {
  weather_[agent].repeats_until = world_.now() + span;
}

}  // namespace kneepoint::faults
