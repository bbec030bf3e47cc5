// Typed errors: what happened, both values, for whom. Only main() turns them into an exit code.
#pragma once

#include <exception>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

namespace vicinity {

/// What the process returns to the shell (docs/reference.md, "Exit codes").
enum class ExitCode {
  ok = 0,
  runtime = 1,
  config = 2,
  data = 3,
  device = 4,
  diverged = 5,
  rank_lost = 6,
  interrupted = 130,
  requeue = 138,
  terminated = 143,
};

/// Concatenates its arguments as an ostream prints them.
template <class... Parts>
std::string str(const Parts&... parts) {
  std::ostringstream out;
  (out << ... << parts);
  return out.str();
}

/// Base of every error the project throws. `message()` is what went wrong; each caller that knows
/// more adds one line of context ("while running levels.1.blocks.1").
class Error : public std::exception {
 public:
  explicit Error(std::string message, const char* file = nullptr, int line = 0);

  const char* what() const noexcept override { return full_.c_str(); }
  const std::string& message() const { return message_; }
  /// The message and its contexts, without the source line: what a user needs.
  std::string user_text() const;
  virtual const char* kind() const { return "Error"; }
  virtual ExitCode exit_code() const { return ExitCode::runtime; }
  /// True for faults of ours, whose source line is worth showing to a user.
  virtual bool internal() const { return false; }
  void add_context(std::string context);

 private:
  void compose();

  std::string message_;
  std::string where_;
  std::vector<std::string> contexts_;
  std::string full_;
};

#define VIC_ERROR_TYPE(Name, code)                       \
  class Name : public Error {                            \
   public:                                               \
    using Error::Error;                                  \
    const char* kind() const override { return #Name; }  \
    ExitCode exit_code() const override { return code; } \
  }

VIC_ERROR_TYPE(ShapeError, ExitCode::runtime);      // shapes that do not fit each other
VIC_ERROR_TYPE(DTypeError, ExitCode::runtime);      // an op does not take this element type
VIC_ERROR_TYPE(DeviceError, ExitCode::device);      // no such device, or out of its memory
VIC_ERROR_TYPE(OutOfMemory, ExitCode::device);      // a device has not that much left
VIC_ERROR_TYPE(UsageError, ExitCode::config);       // command line
VIC_ERROR_TYPE(ConfigError, ExitCode::config);      // keys, types, ranges, cross-checks
VIC_ERROR_TYPE(DataError, ExitCode::data);          // images, labels, packs, weight files
VIC_ERROR_TYPE(IoError, ExitCode::runtime);         // the system refused to read or write
VIC_ERROR_TYPE(DivergedError, ExitCode::diverged);  // loss or gradient is not finite
VIC_ERROR_TYPE(CommError, ExitCode::rank_lost);     // a rank was lost

/// A broken invariant of our own code.
class InternalError : public Error {
 public:
  using Error::Error;
  const char* kind() const override { return "InternalError"; }
  bool internal() const override { return true; }
};

/// Checks what a caller can get wrong, in every build. VIC_CHECK(ShapeError, a == b, "op: ", a, "
/// != ", b)
#define VIC_CHECK(Type, condition, ...)                                                         \
  do {                                                                                          \
    if (!(condition)) throw ::vicinity::Type(::vicinity::str(__VA_ARGS__), __FILE__, __LINE__); \
  } while (false)

/// Throws Type with the concatenation of the parts.
#define VIC_FAIL(Type, ...) throw ::vicinity::Type(::vicinity::str(__VA_ARGS__), __FILE__, __LINE__)

/// Checks what only we can get wrong.
#define VIC_ASSERT(condition, ...)    \
  VIC_CHECK(InternalError, condition, \
            "broken invariant: " #condition " " __VA_OPT__(, ) __VA_ARGS__)

/// Runs `work()` and adds `context` to any Error that passes through.
template <class Work>
decltype(auto) in_context(const std::string& context, Work&& work) {
  try {
    return std::forward<Work>(work)();
  } catch (Error& error) {
    error.add_context(context);
    throw;
  }
}

}  // namespace vicinity
