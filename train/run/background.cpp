#include "train/run/background.h"

#include <utility>

#include "core/base/log.h"

namespace vicinity {

Background::~Background() {
  try {
    wait();
  } catch (const std::exception& error) {
    log_line(LogLevel::error, error.what());
  }
}

void Background::start(const std::string& what, std::function<void()> work) {
  wait();
  what_ = what;
  work_ = std::move(work);
  ended_ = false;
  thread_ = std::thread([this] {
    try {
      work_();
    } catch (...) {
      error_ = std::current_exception();
    }
    ended_ = true;
  });
}

void Background::poll() {
  if (thread_.joinable() && ended_) wait();
}

void Background::wait() {
  if (!thread_.joinable()) return;
  thread_.join();
  work_ = nullptr;  // and what it holds, in the thread that took the memory
  if (error_ != nullptr)
    in_context(what_, [&] { std::rethrow_exception(std::exchange(error_, nullptr)); });
}

}  // namespace vicinity
