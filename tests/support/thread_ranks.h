// Ranks that are threads of one process: what the exchange does can be tested without MPI.
#pragma once

#include <barrier>
#include <cstring>
#include <exception>
#include <functional>
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

  class One : public Communicator {
   public:
    One(ThreadRanks& all, int rank) : all_(all), rank_(rank) {}
    int rank() const override { return rank_; }
    int size() const override { return all_.size_; }

    void all_to_all(const char* send, const Blocks& to, char* receive,
                    const Blocks& from) override {
      show(send, &to);
      for (int r = 0; r < size(); ++r) {
        const Place& other = all_.places_[static_cast<size_t>(r)];
        const Block& block = (*other.blocks)[static_cast<size_t>(rank_)];
        const Block& place = from[static_cast<size_t>(r)];
        VIC_CHECK(CommError, block.bytes == place.bytes, "rank ", r, " sends ", block.bytes,
                  " bytes, rank ", rank_, " expects ", place.bytes);
        if (block.bytes > 0)
          std::memcpy(receive + place.offset, other.data + block.offset, block.bytes);
      }
      all_.meet_.arrive_and_wait();
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
    void show(const char* data, const Blocks* blocks) {
      all_.places_[static_cast<size_t>(rank_)] = {data, blocks};
      all_.meet_.arrive_and_wait();
    }

    ThreadRanks& all_;
    int rank_;
  };

  int size_;
  std::barrier<> meet_;
  std::vector<Place> places_;
};

}  // namespace vicinity
