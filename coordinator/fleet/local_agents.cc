#include "coordinator/fleet/local_agents.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string_view>
#include <utility>

extern char** environ;

namespace kneepoint::coordinator {
namespace {

constexpr const char* kProgram = "kneepoint-agent";
constexpr std::chrono::seconds kTermLimit{2};
constexpr int kReapMillis = 10;

std::string program_or_default(const std::string& program) {
  if (!program.empty()) return program;
  std::error_code problem;
  const auto self = std::filesystem::read_symlink("/proc/self/exe", problem);
  if (!problem) {
    const std::string beside = (self.parent_path() / kProgram).string();
    if (access(beside.c_str(), X_OK) == 0) return beside;
  }
  return kProgram;  // posix_spawnp looks on PATH
}

/// Attributes and file actions of every child: its own process group, no inherited mask or ignored signals,
/// no stdin.
class SpawnSetup {
 public:
  SpawnSetup() {
    posix_spawnattr_init(&attributes_);
    posix_spawn_file_actions_init(&actions_);
    sigset_t none;
    sigemptyset(&none);
    sigset_t defaults;
    sigemptyset(&defaults);
    for (const int signal : {SIGINT, SIGTERM, SIGPIPE, SIGHUP}) sigaddset(&defaults, signal);
    posix_spawnattr_setsigmask(&attributes_, &none);
    posix_spawnattr_setsigdefault(&attributes_, &defaults);
    posix_spawnattr_setpgroup(&attributes_, 0);
    posix_spawnattr_setflags(&attributes_,
                             POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
    posix_spawn_file_actions_addopen(&actions_, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    // Standard output is for reports.
    posix_spawn_file_actions_adddup2(&actions_, STDERR_FILENO, STDOUT_FILENO);
    // Neither listeners nor files of this process are theirs to keep open.
    posix_spawn_file_actions_addclosefrom_np(&actions_, STDERR_FILENO + 1);
  }
  ~SpawnSetup() {
    posix_spawn_file_actions_destroy(&actions_);
    posix_spawnattr_destroy(&attributes_);
  }
  SpawnSetup(const SpawnSetup&) = delete;
  SpawnSetup& operator=(const SpawnSetup&) = delete;

  Result<pid_t> spawn(const std::string& program, std::vector<std::string> words) const {
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    pid_t pid = 0;
    const int problem = posix_spawnp(&pid, program.c_str(), &actions_, &attributes_, argv.data(), environ);
    if (problem != 0) return Error{fmt::format("cannot start {}: {}", program, std::strerror(problem))};
    return pid;
  }

 private:
  posix_spawnattr_t attributes_{};
  posix_spawn_file_actions_t actions_{};
};

}  // namespace

namespace {

constexpr const char* kSocketName = "fleet.sock";
constexpr const char* kLockName = "lock";
constexpr std::string_view kDirectoryName = "kneepoint-";

/// The directory's lock, made if need be; −1 where somebody has it.
int try_lock(const std::string& directory) {
  const int lock =
      open((directory + "/" + kLockName).c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (lock >= 0 && flock(lock, LOCK_EX | LOCK_NB) == 0) return lock;
  if (lock >= 0) close(lock);
  return -1;
}

void remove_directory(const std::string& directory) {
  unlink((directory + "/" + kSocketName).c_str());
  unlink((directory + "/" + kLockName).c_str());
  rmdir(directory.c_str());
}

/// What runs that were killed have left: directories of this user with our name, with a lock that nobody
/// holds.
void sweep(const std::string& base) {
  std::error_code problem;
  for (std::filesystem::directory_iterator at(base, problem), end; !problem && at != end;
       at.increment(problem)) {
    const std::string path = at->path().string();
    const std::string name = at->path().filename().string();
    struct stat found {};
    if (!name.starts_with(kDirectoryName) || name.size() != kDirectoryName.size() + 6 ||
        lstat(path.c_str(), &found) != 0 || !S_ISDIR(found.st_mode) || found.st_uid != geteuid() ||
        (found.st_mode & 0777) != 0700 || access((path + "/" + kLockName).c_str(), F_OK) != 0)
      continue;
    const int lock = try_lock(path);
    if (lock < 0) continue;
    remove_directory(path);
    close(lock);
  }
}

}  // namespace

Result<PrivateSocket> PrivateSocket::create() {
  const char* configured = std::getenv("TMPDIR");
  std::string base = configured != nullptr && *configured != '\0' ? configured : "/tmp";
  const std::string pattern = "/kneepoint-XXXXXX";
  if (base.size() + pattern.size() + 1 + std::strlen(kSocketName) >= sizeof(sockaddr_un::sun_path))
    base = "/tmp";
  std::string directory = base + pattern;
  sweep(base);
  if (mkdtemp(directory.data()) == nullptr) {
    return Error{fmt::format("cannot make a directory under {} for the agents' socket: {}", base,
                             std::strerror(errno))};
  }
  const int lock = try_lock(directory);
  return PrivateSocket(std::move(directory), lock);
}

PrivateSocket::PrivateSocket(PrivateSocket&& other) noexcept
    : directory_(std::exchange(other.directory_, {})), lock_(std::exchange(other.lock_, -1)) {}

PrivateSocket::~PrivateSocket() {
  if (!directory_.empty()) remove_directory(directory_);
  if (lock_ >= 0) close(lock_);
}

std::string PrivateSocket::path() const {
  return directory_ + "/" + kSocketName;
}
std::string PrivateSocket::address() const {
  return "unix:" + path();
}

Result<LocalAgents> LocalAgents::spawn(const Options& options) {
  LocalAgents agents;
  const std::string program = program_or_default(options.program);
  const SpawnSetup setup;
  for (unsigned i = 0; i < options.count; ++i) {
    const std::string name = fmt::format("local-{}", i);
    std::vector<std::string> words{program,
                                   "--coordinator",
                                   options.coordinator,
                                   "--name",
                                   name,
                                   "--threads",
                                   std::to_string(options.threads),
                                   "--log-level",
                                   options.log_level,
                                   "--die-with-parent",
                                   std::to_string(getpid()),
                                   "--max-streams=0",
                                   "--max-rate=0"};
    for (const std::string& target : options.targets) words.push_back("--allow-target=" + target);
    for (const std::string& secret : options.secrets) words.push_back("--allow-secret=" + secret);
    auto pid = setup.spawn(program, std::move(words));
    if (!pid) return pid.error();
    agents.running_.push_back({name, *pid});
  }
  return agents;
}

LocalAgents::~LocalAgents() {
  reap();
  for (const Child& child : running_) kill(child.pid, SIGTERM);
  const auto deadline = std::chrono::steady_clock::now() + kTermLimit;
  for (reap(); !running_.empty() && std::chrono::steady_clock::now() < deadline; reap()) {
    poll(nullptr, 0, kReapMillis);
  }
  for (const Child& child : running_) {
    kill(child.pid, SIGKILL);
    waitpid(child.pid, nullptr, 0);
  }
}

std::optional<std::string> LocalAgents::failure() {
  reap();
  return failure_;
}

std::map<std::string, std::string> LocalAgents::take_ended() {
  reap();
  return std::exchange(ended_, {});
}

std::vector<pid_t> LocalAgents::pids() const {
  std::vector<pid_t> pids;
  for (const Child& child : running_) pids.push_back(child.pid);
  return pids;
}

void LocalAgents::reap() {
  std::erase_if(running_, [this](const Child& child) {
    int status = 0;
    if (waitpid(child.pid, &status, WNOHANG) != child.pid) return false;
    const std::string how = WIFSIGNALED(status) ? fmt::format("was ended by signal {}", WTERMSIG(status))
                                                : fmt::format("ended with code {}", WEXITSTATUS(status));
    if (WIFSIGNALED(status) || WEXITSTATUS(status) != 0) failure_ = child.name + " " + how;
    ended_[child.name] = "its process " + how;
    return true;
  });
}

}  // namespace kneepoint::coordinator
