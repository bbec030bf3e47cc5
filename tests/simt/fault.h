// Launches on the emulated device, for tests of what it says.
#pragma once

#include <gtest/gtest.h>

#include <regex>
#include <string>

#include "core/cuda/dev.h"
#include "tests/support/schedule.h"

namespace vicinity::testing {

/// Runs a kernel now. `data` may be memory of the host: the emulated device lives in it.
template <class... Parameters, class... Arguments>
void run(void (*kernel)(Parameters...), const LaunchShape& shape, const Arguments&... arguments) {
  dev::launch(cuda(), "kernel_under_test", kernel, shape, arguments...);
  cuda().synchronize();
}

/// The message of the fault that a kernel is stopped for; empty if it passes.
template <class... Parameters, class... Arguments>
std::string fault_of(void (*kernel)(Parameters...), const LaunchShape& shape,
                     const Arguments&... arguments) {
  try {
    run(kernel, shape, arguments...);
  } catch (const simt::Fault& fault) {
    return fault.message();
  }
  return "";
}

/// The message of the Error that `work` ends with; empty if with none.
template <class Work>
std::string error_of(const Work& work) {
  try {
    work();
  } catch (const Error& error) {
    return error.message();
  }
  return "";
}

/// Whether the regular expression is found in the text.
inline ::testing::AssertionResult says(const std::string& text, const std::string& pattern) {
  if (std::regex_search(text, std::regex(pattern))) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << "\"" << text << "\" does not say \"" << pattern << "\"";
}

}  // namespace vicinity::testing
