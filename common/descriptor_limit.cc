#include "common/descriptor_limit.h"

#include <fmt/format.h>
#include <sys/resource.h>

namespace kneepoint {

bool raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return false;
  limit.rlim_cur = limit.rlim_max;
  return setrlimit(RLIMIT_NOFILE, &limit) == 0;
}

Result<void> check_descriptor_limit() {
  constexpr rlim_t kLeast = 32;
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_max >= kLeast) return {};
  return Error{
      fmt::format("only {} files may be open here, at least {} are needed: raise the hard limit (ulimit "
                  "-Hn, LimitNOFILE=), every stream takes one more",
                  limit.rlim_max, kLeast)};
}

}  // namespace kneepoint
