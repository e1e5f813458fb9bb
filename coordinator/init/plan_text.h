#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/plan.h"
#include "coordinator/init/host_probe.h"

/// Pieces of plans that are written for a user, as YAML.
namespace kneepoint::coordinator {

/// A double-quoted YAML scalar; `${` would be a variable.
std::string yaml_quoted(std::string_view text);
/// A plan's name as YAML: as it is where that is safe, else quoted.
std::string yaml_name(std::string_view name);
/// One word of a shell's command line, quoted where it needs that.
std::string shell_word(std::string_view text);
/// The lines of a target that say how it is spoken to.
std::string api_text(const HostFacts& host);
/// The line of a target that names where its token is; empty without one.
std::string auth_text(const SecretRef& auth);
/// The lines of a workload that say what is wanted as an answer, of `tokens` on average: nothing but a vector
/// of a host of embeddings. @param remark behind the length.
std::string answer_text(const HostFacts& host, std::uint64_t tokens, std::string_view remark);
/// What its users wait for at most, where a host gives vectors.
inline constexpr std::string_view kEmbeddingTime = "200ms";
/// The seconds within which an answer of `tokens` comes that begins within `first` seconds and is as fast as
/// its reader.
std::uint64_t whole_answer_seconds(double first, std::uint64_t tokens);
/// Answers of one length would put all streams in step, which no users do: lengths vary by half around
/// `mean`.
std::string answer_lengths(std::uint64_t mean);

}  // namespace kneepoint::coordinator
