#include "train/run/signals.h"

#include <unistd.h>

#include <csignal>

namespace vicinity {
namespace {

volatile std::sig_atomic_t arrived = 0;

void on_signal(int signal) {
  if (arrived == SIGINT && signal == SIGINT) _exit(128 + SIGINT);
  arrived = signal;
}

void handle(int signal, void (*handler)(int)) {
  struct sigaction action {};
  action.sa_handler = handler;
  action.sa_flags = SA_RESTART;
  sigaction(signal, &action, nullptr);
}

}  // namespace

SignalWatch::SignalWatch() {
  arrived = 0;
  handle(SIGINT, on_signal);
  handle(SIGTERM, on_signal);
}

SignalWatch::~SignalWatch() {
  handle(SIGINT, SIG_DFL);
  handle(SIGTERM, SIG_DFL);
}

int SignalWatch::received() const { return arrived; }

}  // namespace vicinity
