#include "coordinator/words/bottlenecks.h"

#include <algorithm>
#include <array>

namespace kneepoint::coordinator {
namespace {

constexpr std::array kBottlenecks = {
    Bottleneck{"admission", "a higher limit at whoever refuses, or a replica"},
    Bottleneck{"before_engine", "load the host directly; raise its gateway's connection and worker limits"},
    Bottleneck{"client", "more threads, cores or load hosts, then measure again"},
    Bottleneck{"compute", "a faster GPU, quantisation, less prefill or a replica"},
    Bottleneck{"decode", "more decode servers, or more slots on each"},
    Bottleneck{"errors", "see why the host fails, then measure again"},
    Bottleneck{"front_end", "more API server processes (vLLM: --api-server-count) or a faster CPU"},
    Bottleneck{"kv_cache", "more memory for the KV cache, shorter contexts, a smaller KV type or a replica"},
    Bottleneck{"kv_transfer", "a faster network between prefill and decode servers, or shorter prompts"},
    Bottleneck{"memory_bandwidth", "quantisation, a faster GPU or a replica"},
    Bottleneck{"network", "look at load balancers, connection limits and packet loss on the way to the host"},
    Bottleneck{"prefill",
               "a larger token budget (vLLM: --max-num-batched-tokens), prefix caching or a replica"},
    Bottleneck{"queue_slots", "more slots (vLLM: --max-num-seqs) or a replica"},
    Bottleneck{"router", "higher limits on requests in flight at the router, or more servers behind it"},
    Bottleneck{"scheduler", "a newer engine, fewer and longer requests, or a replica"},
};

}  // namespace

std::span<const Bottleneck> bottlenecks() {
  return kBottlenecks;
}

std::string_view way_out(std::string_view name) {
  const auto* const found = std::find_if(kBottlenecks.begin(), kBottlenecks.end(),
                                         [&](const Bottleneck& b) { return b.name == name; });
  return found == kBottlenecks.end() ? std::string_view() : found->way_out;
}

}  // namespace kneepoint::coordinator
