// Preloaded, this makes MKL take its AVX-512 path on AMD too; it asks these functions whose processor it runs on.
int mkl_serv_intel_cpu_true(void) { return 1; }
int mkl_serv_intel_cpu(void) { return 1; }
