#pragma once

#include <atomic>
#include <mutex>
#include <string>

#include "common/serve/http_message.h"

namespace kneepoint::coordinator {

/// A user's wish, from the live page, that a run end. Any thread.
class StopRequest {
 public:
  explicit StopRequest(std::string run_id) : run_id_(std::move(run_id)) {}

  /// `POST /stop?run=ID`: a page of another run, or of an earlier one, stops nothing.
  HttpResponse ask(const HttpRequest& request);
  /// Who asked and when, as RunFacts::stopped_by has it; empty: nobody has.
  std::string reason() const;

 private:
  const std::string run_id_;
  std::atomic<bool> asked_ = false;
  mutable std::mutex mutex_;
  std::string reason_;
};

}  // namespace kneepoint::coordinator
