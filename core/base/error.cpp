#include "core/base/error.h"

namespace vicinity {

Error::Error(std::string message, const char* file, int line) : message_(std::move(message)) {
  if (file != nullptr) where_ = str(file, ":", line);
  compose();
}

void Error::add_context(std::string context) {
  contexts_.push_back(std::move(context));
  compose();
}

std::string Error::user_text() const {
  std::string text = message_;
  for (const std::string& context : contexts_) text += "\n  while " + context;
  return text;
}

void Error::compose() {
  full_ = user_text();
  if (!where_.empty()) full_ += "\n  at " + where_;
}

}  // namespace vicinity
