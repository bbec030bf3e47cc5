// Ranks that are threads of one process: what the exchange does can be tested without MPI. What is
// sent is what lay in the buffer when it was begun, and a buffer that changes before it was sent,
// or that is read before it was received, is noticed.
#pragma once

#include <barrier>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>

#include "core/comm/communicator.h"

namespace vicinity {

class ThreadRanks {
 public:
  explicit ThreadRanks(int size) : size_(size), meet_(size), places_(static_cast<size_t>(size)) {}

  /// work(comm) as each rank; throws what the first of them threw.
  void run(const std::function<void(Communicator&)>& work) {
    std::vector<std::exception_ptr> errors(static_cast<size_t>(size_));
    std::vector<std::thread> threads;
    for (int r = 0; r < size_; ++r) {
      threads.emplace_back([&, r] {
        One comm(*this, r);
        try {
          work(comm);
        } catch (...) {
          errors[static_cast<size_t>(r)] = std::current_exception();
          meet_.arrive_and_drop();
          const std::lock_guard lock(mutex_);
          failed_ = true;
          changed_.notify_all();
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    for (const std::exception_ptr& error : errors)
      if (error) std::rethrow_exception(error);
  }

 private:
  struct Place {
    const char* data = nullptr;
    const Blocks* blocks = nullptr;
  };
  // What a rank sends in one exchange, and what lay there at the beginning.
  struct Sent {
    const char* data = nullptr;
    Blocks to = {};
    std::vector<std::string> as_begun = {};
  };
  struct Operation {
    std::vector<Sent> sent;
    int begun = 0, received = 0;  // by so many ranks
  };

  class One : public Communicator {
   public:
    One(ThreadRanks& all, int rank) : all_(all), rank_(rank) {}
    int rank() const override { return rank_; }
    int size() const override { return all_.size_; }

    void begin_all_to_all(const char* send, const Blocks& to, char* receive,
                          const Blocks& from) override {
      const std::lock_guard lock(all_.mutex_);
      const size_t index = done_ + own_.size();
      if (all_.operations_.size() == index) {
        all_.operations_.emplace_back();
        all_.operations_[index].sent.resize(static_cast<size_t>(size()));
      }
      Operation& operation = all_.operations_[index];
      Sent sent{send, to};
      for (const Block& block : to)
        sent.as_begun.push_back(block.bytes > 0 ? std::string(send + block.offset, block.bytes)
                                                : "");
      operation.sent[static_cast<size_t>(rank_)] = std::move(sent);
      for (const Block& block : from)  // not a number
        if (block.bytes > 0) std::memset(receive + block.offset, 0xff, block.bytes);
      own_.push_back({receive, from});
      ++operation.begun;
      all_.changed_.notify_all();
    }

    int running() override {
      const std::lock_guard lock(all_.mutex_);
      return drive();
    }

    void wait_for_running(int most) override {
      std::unique_lock lock(all_.mutex_);
      while (drive() > most) {
        VIC_CHECK(CommError, !all_.failed_, "another rank has failed");
        all_.changed_.wait(lock);
      }
    }

    void all_gather(char* data, const Blocks& blocks) override {
      show(data, &blocks);
      for (int r = 0; r < size(); ++r) {
        const Block& block = blocks[static_cast<size_t>(r)];
        if (r != rank_ && block.bytes > 0)
          std::memcpy(data + block.offset, all_.places_[static_cast<size_t>(r)].data + block.offset,
                      block.bytes);
      }
      all_.meet_.arrive_and_wait();
    }

    void broadcast(char* data, size_t bytes, int root) override {
      show(data, nullptr);
      if (rank_ != root && bytes > 0)
        std::memcpy(data, all_.places_[static_cast<size_t>(root)].data, bytes);
      all_.meet_.arrive_and_wait();
    }

    void barrier() override { all_.meet_.arrive_and_wait(); }
    void finish() override { barrier(); }
    void abort(const std::string&) noexcept override {}
    void doing(const char*, int64_t) override {}
    void waiting(const char*) override {}
    void set_timeout(double) override {}

   private:
    struct Receiving {
      char* data;
      Blocks from;
      bool received = false;
    };

    // Under the lock. Receives where all have begun; done is what all have received.
    int drive() {
      for (size_t i = 0; i < own_.size(); ++i) {
        Operation& operation = all_.operations_[done_ + i];
        if (operation.begun < size() || own_[i].received) continue;
        for (int r = 0; r < size(); ++r) receive(operation, r, own_[i]);
        own_[i].received = true;
        ++operation.received;
        all_.changed_.notify_all();
      }
      for (; !own_.empty() && all_.operations_[done_].received == size(); ++done_) own_.pop_front();
      return static_cast<int>(own_.size());
    }

    void receive(const Operation& operation, int from, const Receiving& own) const {
      const auto self = static_cast<size_t>(rank_);
      const Sent& sent = operation.sent[static_cast<size_t>(from)];
      const Block &block = sent.to[self], &place = own.from[static_cast<size_t>(from)];
      VIC_CHECK(CommError, block.bytes == place.bytes, "rank ", from, " sends ", block.bytes,
                " bytes, rank ", rank_, " expects ", place.bytes);
      if (block.bytes == 0) return;
      VIC_CHECK(CommError,
                std::memcmp(sent.data + block.offset, sent.as_begun[self].data(), block.bytes) == 0,
                "what rank ", from, " sends to rank ", rank_, " has changed since it was begun");
      std::memcpy(own.data + place.offset, sent.as_begun[self].data(), block.bytes);
    }

    void show(const char* data, const Blocks* blocks) {
      VIC_CHECK(CommError, own_.empty(), own_.size(), " exchanges run during another collective");
      all_.places_[static_cast<size_t>(rank_)] = {data, blocks};
      all_.meet_.arrive_and_wait();
    }

    ThreadRanks& all_;
    int rank_;
    size_t done_ = 0;
    std::deque<Receiving> own_;  // begun and not done
  };

  int size_;
  std::barrier<> meet_;
  std::vector<Place> places_;
  std::mutex mutex_;  // of what follows
  std::condition_variable changed_;
  std::deque<Operation> operations_;
  bool failed_ = false;
};

}  // namespace vicinity
