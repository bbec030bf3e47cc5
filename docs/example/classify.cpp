// usage: classify MODEL IMAGE...     the best class of each image, and the length of its pooled
// features
#include <vicinity.h>

#include <algorithm>
#include <cmath>
#include <iostream>

namespace {

const float* row(const vicinity::Array& array, size_t i) {
  return array.values.data() + i * static_cast<size_t>(array.shape[1]);
}

void print(const vicinity::Pretrained& model, const std::vector<std::string>& files) {
  const auto arrays = model.run(files);
  const vicinity::Array &logits = arrays.at("logits"), &pooled = arrays.at("pooled");
  for (size_t i = 0; i < files.size(); ++i) {
    const float *first = row(logits, i), *best = std::max_element(first, first + logits.shape[1]);
    double squares = 0;
    for (int64_t c = 0; c < pooled.shape[1]; ++c) squares += std::pow(row(pooled, i)[c], 2);
    std::cout << files[i] << "\t" << model.class_names()[static_cast<size_t>(best - first)] << "\t"
              << *best << "\t" << std::sqrt(squares) << "\n";
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::cerr << "usage: classify MODEL IMAGE...\n";
    return 2;
  }
  try {
    print(vicinity::Pretrained(argv[1], "logits,pooled"), {argv + 2, argv + argc});
  } catch (const vicinity::PretrainedError& error) {
    std::cerr << error.what() << "\n";
    return 1;
  }
  return 0;
}
