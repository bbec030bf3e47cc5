/* What exact sums over ranks cost against MPI_Allreduce, on the machine at hand.

   mpicc -O3 scripts/exchange_price.c -o exchange_price
   mpirun -np 2 --bind-to none --oversubscribe ./exchange_price [PARAMETERS] [REPEATS]

   Times, the best of the repeats, over f32 vectors of PARAMETERS: a copy in memory, all ranks at
   once; MPI_Allreduce; and all-to-all of shards, sum in the order of ranks, all-gather. Each repeat
   takes as long as its slowest rank. */
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { kCopy, kAllreduce, kToAll, kSum, kGather, kExact, kTimes };

static double lap(double* mark) {
  const double before = *mark;
  *mark = MPI_Wtime();
  return *mark - before;
}

int main(int argc, char** argv) {
  MPI_Init(&argc, &argv);
  int rank, ranks;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &ranks);
  const int shard = (argc > 1 ? atoi(argv[1]) : 22825576) / ranks, size = shard * ranks;
  const int repeats = argc > 2 ? atoi(argv[2]) : 50;
  float* own = calloc((size_t)size, sizeof(float));
  float* all = calloc((size_t)size, sizeof(float));
  if (own == NULL || all == NULL) MPI_Abort(MPI_COMM_WORLD, 1);
  for (int i = 0; i < size; ++i) own[i] = all[i] = (float)i;
  double best[kTimes];
  for (int t = 0; t < kTimes; ++t) best[t] = 1e9;
  for (int repeat = 0; repeat < repeats; ++repeat) {
    double times[kTimes], slowest[kTimes];
    MPI_Barrier(MPI_COMM_WORLD);
    double mark = MPI_Wtime();
    memcpy(all, own, (size_t)size * sizeof(float));
    times[kCopy] = lap(&mark);
    MPI_Barrier(MPI_COMM_WORLD);
    lap(&mark);
    MPI_Allreduce(own, all, size, MPI_FLOAT, MPI_SUM, MPI_COMM_WORLD);
    times[kAllreduce] = lap(&mark);
    MPI_Barrier(MPI_COMM_WORLD);
    lap(&mark);
    MPI_Alltoall(own, shard, MPI_FLOAT, all, shard, MPI_FLOAT, MPI_COMM_WORLD);
    times[kToAll] = lap(&mark);
    for (int r = 1; r < ranks; ++r)
      for (int i = 0; i < shard; ++i) all[i] += all[(size_t)r * (size_t)shard + (size_t)i];
    times[kSum] = lap(&mark);
    memmove(all + (size_t)rank * (size_t)shard, all, (size_t)shard * sizeof(float));
    MPI_Allgather(MPI_IN_PLACE, 0, MPI_FLOAT, all, shard, MPI_FLOAT, MPI_COMM_WORLD);
    times[kGather] = lap(&mark);
    times[kExact] = times[kToAll] + times[kSum] + times[kGather];
    MPI_Allreduce(times, slowest, kTimes, MPI_DOUBLE, MPI_MAX, MPI_COMM_WORLD);
    for (int t = 0; t < kTimes; ++t)
      if (slowest[t] < best[t]) best[t] = slowest[t];
  }
  const char* names[] = {"copy", "allreduce", "all-to-all", "sum", "all-gather", "exact"};
  for (int t = 0; t < kTimes && rank == 0; ++t) printf("%-10s %8.2f ms\n", names[t], 1e3 * best[t]);
  if (rank == 0) printf("copies of a rank: %.2f GB/s\n", 4e-9 * size / best[kCopy]);
  free(own);
  free(all);
  return MPI_Finalize();
}
