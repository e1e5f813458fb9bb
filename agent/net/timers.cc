#include "agent/net/timers.h"

namespace kneepoint::agent {

void Timer::arm(MonoTime at) {
  disarm();
  at_ = at;
  timers_.heap_.push_back(this);
  timers_.sift_up(timers_.heap_.size() - 1);
}

void Timer::disarm() {
  if (armed()) timers_.remove(*this);
}

void Timers::fire_due(MonoTime now) {
  while (!heap_.empty() && heap_.front()->at_ <= now) {
    Timer& timer = *heap_.front();
    remove(timer);
    timer.callback_(timer.context_);  // may destroy the timer
  }
}

void Timers::place(std::size_t at, Timer* timer) {
  heap_[at] = timer;
  timer->place_ = at;
}

void Timers::sift_up(std::size_t at) {
  Timer* timer = heap_[at];
  while (at > 0 && timer->at_ < heap_[(at - 1) / 2]->at_) {
    place(at, heap_[(at - 1) / 2]);
    at = (at - 1) / 2;
  }
  place(at, timer);
}

void Timers::sift_down(std::size_t at) {
  Timer* timer = heap_[at];
  for (std::size_t child = 2 * at + 1; child < heap_.size(); child = 2 * at + 1) {
    if (child + 1 < heap_.size() && heap_[child + 1]->at_ < heap_[child]->at_) ++child;
    if (timer->at_ <= heap_[child]->at_) break;
    place(at, heap_[child]);
    at = child;
  }
  place(at, timer);
}

void Timers::remove(Timer& timer) {
  const std::size_t hole = timer.place_;
  timer.place_ = Timer::kNowhere;
  Timer* last = heap_.back();
  heap_.pop_back();
  if (last == &timer) return;
  place(hole, last);
  sift_up(hole);
  sift_down(last->place_);
}

}  // namespace kneepoint::agent
