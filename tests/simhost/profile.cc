#include "tests/simhost/profile.h"

#include <algorithm>
#include <vector>

namespace kneepoint::simhost {

namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

std::vector<Profile> make_profiles() {
  std::vector<Profile> all;

  // Hard cap between the steps 16 and 32: 24 slots, TPOT 9.1 to 10.6 ms, a 64-token request in 0.6 to 0.7 s.
  Profile demo;
  demo.name = "demo";
  demo.description = "24 slots, TPOT about 10 ms: a hard knee between 16 and 32 streams";
  demo.engine.slots = 24;
  demo.engine.base = milliseconds(9);
  demo.engine.per_sequence = microseconds(60);
  demo.engine.per_prefill_token = microseconds(20);
  demo.engine.per_kv_token_nanos = 10;
  demo.engine.jitter = 0.02;
  demo.workload = {6, 64};
  all.push_back(demo);

  // X = N / (a + cN) with 9a/c = 48, far below the slots: every doubling still adds, but less and less.
  Profile soft;
  soft.name = "soft";
  soft.description = "512 slots that never fill: a soft knee at 9a/c = 48 sequences in the batch";
  soft.engine.slots = 512;
  soft.engine.base = milliseconds(2);
  soft.engine.per_sequence = microseconds(375);
  soft.engine.jitter = 0.02;
  soft.workload = {6, 64};
  all.push_back(soft);

  // 12,000 KV tokens hold about 31 sequences of 256 + 256/2: past that the cache preempts and recomputes.
  Profile kv;
  kv.name = "kv-bound";
  kv.description = "128 slots but KV space for about 31 sequences of 256 in, 256 out: preempts past the knee";
  kv.engine.slots = 128;
  kv.engine.base = milliseconds(8);
  kv.engine.per_sequence = microseconds(50);
  kv.engine.per_prefill_token = microseconds(20);
  kv.engine.kv_tokens = 12000;
  kv.max_model_len = 8192;
  kv.workload = {256, 256};
  all.push_back(kv);

  // Long prompts, few tokens: prefill takes the GPU's time, and tensor activity shows it.
  Profile prefill;
  prefill.name = "prefill-bound";
  prefill.description = "64 slots, 0.1 ms per prompt token: compute gives out first on long prompts";
  prefill.engine.slots = 64;
  prefill.engine.base = milliseconds(6);
  prefill.engine.per_sequence = microseconds(20);
  prefill.engine.per_prefill_token = microseconds(100);
  prefill.workload = {1024, 32};
  all.push_back(prefill);

  // Llama-3-8B fp16 on an A100-80G: 16 GB of weights at about 1.5 TB/s; 131 KB of KV a token; 16 GFLOP a
  // prompt token at about 60 % of 312 TFLOP/s.
  Profile a100;
  a100.name = "a100-like";
  a100.description = "an 8B model in fp16 on an A100-80G: 256 slots, long contexts cost bandwidth";
  a100.model = "llama-3-8b-instruct";
  a100.max_model_len = 131072;
  a100.engine.slots = 256;
  a100.engine.base = milliseconds(11);
  a100.engine.per_sequence = microseconds(30);
  a100.engine.per_prefill_token = microseconds(85);
  a100.engine.per_kv_token_nanos = 80;
  a100.engine.admission_latency = milliseconds(4);
  a100.engine.kv_tokens = 400000;
  a100.engine.jitter = 0.02;
  a100.workload = {128, 256};
  a100.gpu_name = "NVIDIA A100-SXM4-80GB";
  a100.gpu_memory_mib = 81920;
  a100.gpu_power_limit_watts = 400;
  all.push_back(a100);

  // Published: TTFT 124 / 136 / 158 ms at about 10 / 20 / 100 prompt tokens, 89.3 tokens/s, 8 streams below
  // 50 ms of TPOT. a + c = 1 s / 89.3; a + 8c < 50 ms < a + 9c; d from the slope of TTFT; the rest of TTFT is
  // fixed latency.
  Profile deepseek;
  deepseek.name = "t4-deepseek-1.5b";
  deepseek.description =
      "DeepSeek-R1-Distill-Qwen-1.5B AWQ on a T4, towards the published figures; reasons first";
  deepseek.model = "deepseek-r1-distill-qwen-1.5b";
  deepseek.max_model_len = 4096;
  deepseek.engine.slots = 64;
  deepseek.engine.base = milliseconds(6);
  deepseek.engine.per_sequence = microseconds(5200);
  deepseek.engine.per_prefill_token = microseconds(380);
  deepseek.engine.admission_latency = milliseconds(109);
  deepseek.engine.kv_tokens = 250000;
  deepseek.engine.jitter = 0.05;
  deepseek.workload = {20, 128};
  deepseek.reasoning_tokens = 48;
  deepseek.load_time = milliseconds(18300);
  deepseek.gpu_name = "Tesla T4";
  deepseek.gpu_memory_mib = 15360;
  deepseek.gpu_power_limit_watts = 70;
  all.push_back(deepseek);

  // Published: TTFT 148 / 162 / 189 ms, 76.5 tokens/s, 6 streams below 50 ms. Same derivation.
  Profile phi;
  phi.name = "t4-phi-3-mini";
  phi.description = "Phi-3-mini-4k-instruct AWQ on a T4, towards the published figures";
  phi.model = "phi-3-mini-4k-instruct";
  phi.max_model_len = 4096;
  phi.engine.slots = 64;
  phi.engine.base = microseconds(6270);
  phi.engine.per_sequence = microseconds(6800);
  phi.engine.per_prefill_token = microseconds(455);
  phi.engine.admission_latency = milliseconds(130);
  phi.engine.kv_tokens = 40000;
  phi.engine.jitter = 0.05;
  phi.workload = {20, 128};
  phi.load_time = milliseconds(21700);
  phi.gpu_name = "Tesla T4";
  phi.gpu_memory_mib = 15360;
  phi.gpu_power_limit_watts = 70;
  all.push_back(phi);

  // Published gains over one stream: ×3.4 at 4, ×5.9 at 8, ×7.1 at 16, ×7.4 at 32; the absolute figures (512
  // tokens in 0.38 s) exceed the card's bandwidth, so the shape is kept (c/a = 0.06, 12 slots) and a is what
  // 8 GB of weights take at 570 GB/s. KV holds 262,144 tokens, more than 24 GB would, because the published
  // server was started so.
  Profile qwen;
  qwen.name = "a10g-qwen3-4b";
  qwen.description =
      "Qwen3-4B-Instruct-2507 on an A10G, towards the published shape: saturates near 12 streams";
  qwen.max_model_len = 262144;
  qwen.engine.slots = 12;
  qwen.engine.base = milliseconds(14);
  qwen.engine.per_sequence = microseconds(650);
  qwen.engine.per_prefill_token = microseconds(150);
  qwen.engine.per_kv_token_nanos = 245;
  qwen.engine.admission_latency = milliseconds(8);
  qwen.engine.kv_tokens = 262144;
  qwen.engine.jitter = 0.02;
  qwen.workload = {128, 512};
  all.push_back(qwen);

  // Three split hosts, each with one stage that gives out first, at about 11 requests in flight; one prompt
  // at a time in each of two prefill workers, and room in the batch of two decode workers. A request alone
  // takes about 0.33 s, 0.27 s of it in decode.
  Profile split;
  split.engine.slots = 32;
  split.engine.base = milliseconds(8);
  split.engine.per_sequence = microseconds(30);
  split.engine.per_prefill_token = microseconds(20);
  split.engine.jitter = 0.02;
  split.split.prefill_workers = 2;
  split.split.prefill.slots = 1;
  split.split.prefill.base = milliseconds(5);
  split.split.prefill.per_prefill_token = microseconds(20);
  split.split.prefill.jitter = 0.02;
  split.split.decode_workers = 2;
  split.split.links = 2;
  split.split.transfer_per_thousand = milliseconds(10);
  split.workload = {512, 32};

  Profile split_prefill = split;  // 2 prompts in 56 ms: 36 requests a second
  split_prefill.name = "split-prefill";
  split_prefill.description =
      "prefill, KV transfer and decode apart: 0.1 ms per prompt token, prefill gives out";
  split_prefill.split.prefill.per_prefill_token = microseconds(100);
  all.push_back(split_prefill);

  Profile split_transfer = split;  // 2 caches in 61 ms: 33 requests a second
  split_transfer.name = "split-transfer";
  split_transfer.description =
      "the same with 120 ms for the KV cache of 1,000 tokens: the transfer gives out";
  split_transfer.split.transfer_per_thousand = milliseconds(120);
  all.push_back(split_transfer);

  Profile split_decode = split;  // 12 answers in 0.65 s: 18 requests a second
  split_decode.name = "split-decode";
  split_decode.description = "the same with 6 slots in each of two decode workers: decode gives out";
  split_decode.engine.slots = 6;
  split_decode.engine.base = milliseconds(10);
  split_decode.workload = {256, 64};
  all.push_back(split_decode);

  // A metronome: every stream gets one token each 20 ms, whatever the load. For benchmarks of clients.
  Profile instant;
  instant.name = "instant";
  instant.description =
      "4,096 slots, one token per stream every 20 ms whatever the load: for benchmarks, no knee below";
  instant.engine.slots = 4096;
  instant.engine.base = milliseconds(20);
  instant.engine.batched_tokens = 1 << 20;
  instant.engine.kv_tokens = std::int64_t{1} << 30;
  instant.workload = {6, 64};
  instant.gpu_name = "none";
  all.push_back(instant);

  return all;
}

}  // namespace

std::span<const Profile> profiles() {
  static const std::vector<Profile> all = make_profiles();
  return all;
}

const Profile* find_profile(std::string_view name) {
  const auto all = profiles();
  const auto found = std::find_if(all.begin(), all.end(), [&](const Profile& p) { return p.name == name; });
  return found == all.end() ? nullptr : &*found;
}

}  // namespace kneepoint::simhost
