#include "train/run/signals.h"

#include <unistd.h>

#include <array>
#include <csignal>

namespace vicinity {
namespace {

constexpr std::array<int, 3> kWatched = {SIGINT, SIGTERM, SIGUSR1};

volatile std::sig_atomic_t arrived = 0, interrupted = 0;

void on_signal(int signal) {
  if (interrupted && signal == SIGINT) _exit(128 + SIGINT);
  if (signal == SIGINT) interrupted = 1;
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
  interrupted = 0;
  for (const int signal : kWatched) handle(signal, on_signal);
}

SignalWatch::~SignalWatch() {
  for (const int signal : kWatched) handle(signal, SIG_DFL);
}

int SignalWatch::received() { return arrived; }

}  // namespace vicinity
