// An agent process whose engine is a fake, for the tests of local agents. Takes the options that LocalAgents
// gives; with the one argument --abandon it starts such an agent, prints its process id, and ends without a
// word to it.
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "agent/session/agent_session.h"
#include "agent/session/process.h"
#include "coordinator/fleet/local_agents.h"
#include "tests/support/fake_engine.h"

int main(int argc, char** argv) {
  using namespace kneepoint;
  if (argc == 2 && std::strcmp(argv[1], "--abandon") == 0) {
    auto agents =
        coordinator::LocalAgents::spawn({.program = argv[0], .coordinator = "unix:/nonexistent/socket"});
    if (!agents) return 1;
    std::printf("%d\n", agents->pids().at(0));
    std::fflush(stdout);
    _exit(0);
  }
  agent::block_stop_signals();
  agent::AgentSession::Options options;
  for (int i = 1; i + 1 < argc; i += 2) {
    if (std::strcmp(argv[i], "--coordinator") == 0) options.coordinator = *parse_endpoint(argv[i + 1]);
    if (std::strcmp(argv[i], "--name") == 0) options.name = argv[i + 1];
    if (std::strcmp(argv[i], "--die-with-parent") == 0 && !agent::die_with_parent(std::atoi(argv[i + 1])))
      return 5;
  }
  agent::AgentSession session(options, agent::FakeEngine::factory(std::make_shared<agent::EngineLog>()));
  const agent::StopSignals signals([&](std::string name) { session.request_stop(name); });
  return static_cast<int>(session.run().code);
}
