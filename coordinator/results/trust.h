#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kneepoint::coordinator {

/// How far a result, or a whole run, may be relied on. One word for text, HTML, Markdown, JSON, metrics and
/// exit code. The order is from the best to the worst.
enum class Trust { kTrustworthy, kReserved, kUntrusted };

/// "trustworthy", "with reservations", "not trustworthy"
std::string_view to_string(Trust trust);

/// One thing that a reader has to know before relying on a result.
struct Remark {
  enum class Weight {
    kFatal,        ///< The result may not be relied on.
    kReservation,  ///< What was claimed was measured, and not confirmed.
    kWarning,      ///< Worth knowing; takes no trust away.
  };
  Weight weight = Weight::kWarning;
  std::string code;    ///< A stable word for scripts: "target_down", "client_bound".
  std::string text;    ///< A whole sentence without a stop.
  std::string remedy;  ///< What to do, as a sentence without a stop; empty: nothing.
};

/// "fatal", "reservation", "warning"
std::string_view to_string(Remark::Weight weight);
std::optional<Remark::Weight> remark_weight_from_string(std::string_view name);

/// All remarks on a result, or on a run, and what follows from them. Fatal ones stand first, then
/// reservations, then warnings; those of one weight in the order in which they were made.
class Verdict {
 public:
  /// What to do about it is what words/remedies.h has for the code.
  void refuse(std::string code, std::string text);
  void reserve(std::string code, std::string text);
  void warn(std::string code, std::string text);
  void add(Remark remark);

  const std::vector<Remark>& remarks() const { return remarks_; }
  Trust trust() const;
  bool valid() const { return trust() == Trust::kTrustworthy; }
  bool has(std::string_view code) const;
  /// The remarks' sentences.
  std::vector<std::string> reasons() const;

 private:
  std::vector<Remark> remarks_;
};

}  // namespace kneepoint::coordinator
