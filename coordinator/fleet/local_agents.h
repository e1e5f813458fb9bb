#pragma once

#include <sys/types.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/result.h"

namespace kneepoint::coordinator {

/// A directory under $TMPDIR that only this user can enter (0700), and a socket path in it; removed at the
/// end, and where this process is killed, by whoever makes the next one.
class PrivateSocket {
 public:
  static Result<PrivateSocket> create();
  ~PrivateSocket();
  PrivateSocket(PrivateSocket&& other) noexcept;
  PrivateSocket& operator=(PrivateSocket&&) = delete;

  /// "unix:PATH", for Fleet::listen and for agents.
  std::string address() const;

 private:
  PrivateSocket(std::string directory, int lock) : directory_(std::move(directory)), lock_(lock) {}
  std::string path() const;
  std::string directory_;
  int lock_ = -1;  // held for as long as this process lives: the directory is in use
};

/// Agent processes of this machine for one run, named local-0, local-1, … Owns them: whatever still runs at
/// the end is told to stop (SIGTERM) and, two seconds later, killed. They also die with this process. Their
/// stderr is this process's; a Ctrl-C in the terminal does not reach them, so that the coordinator can drain
/// them in order. Spawn from the main thread: the kernel ties the children's life to the thread that made
/// them.
class LocalAgents {
 public:
  struct Options {
    std::string program;  ///< Empty: `kneepoint-agent` beside this executable, else on PATH.
    std::string coordinator;
    unsigned count = 1;
    unsigned threads = 1;  ///< Of each.
    std::string log_level = "warn";
    /// What the plan needs: the hosts of its URLs, the environment variables and files that it names.
    std::vector<std::string> targets;
    std::vector<std::string> secrets;
  };

  static Result<LocalAgents> spawn(const Options& options);
  ~LocalAgents();
  LocalAgents(LocalAgents&&) noexcept = default;
  LocalAgents& operator=(LocalAgents&&) = delete;

  /// What happened to an agent that has ended by itself with a failure, as "local-1 ended with code 2";
  /// absent while all run or have ended well. Reaps what has ended.
  std::optional<std::string> failure();
  /// The agents whose processes have ended since the last call, by name, and how. Reaps them.
  std::map<std::string, std::string> take_ended();
  /// Of those still running.
  std::vector<pid_t> pids() const;

 private:
  struct Child {
    std::string name;
    pid_t pid = 0;
  };
  LocalAgents() = default;
  void reap();

  std::vector<Child> running_;
  std::optional<std::string> failure_;
  std::map<std::string, std::string> ended_;
};

}  // namespace kneepoint::coordinator
