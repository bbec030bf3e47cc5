#include "train/report/mistake_images.h"

#include "core/base/error.h"
#include "data/image/png_writer.h"
#include "data/image/sheet.h"

namespace vicinity {
namespace {

constexpr int kSide = 112;

}  // namespace

std::string base64(std::string_view bytes) {
  static constexpr char kDigits[] =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (size_t i = 0; i < bytes.size(); i += 3) {
    uint32_t group = 0;
    for (size_t j = 0; j < 3; ++j)
      group = group << 8 | (i + j < bytes.size() ? static_cast<unsigned char>(bytes[i + j]) : 0u);
    for (size_t j = 0; j < 4; ++j)
      text += i + j <= bytes.size() ? kDigits[group >> (18 - 6 * j) & 63] : '=';
  }
  return text;
}

void add_mistake_images(RunRecord& run, const Source& images, size_t most) {
  const std::vector<EvaluationRecord::Mistake>& worst = run.evaluation->worst;
  std::string problem;
  for (size_t i = 0; i < std::min(most, worst.size()); ++i) {
    const EvaluationRecord::Mistake& mistake = worst[i];
    MistakeImage image;
    try {
      VIC_CHECK(DataError,
                mistake.index >= 0 && mistake.index < images.size() &&
                    images.name(mistake.index) == mistake.file,
                "'", mistake.file, "' is not where it was among the validation images");
      const Image small = thumbnail(images.load(mistake.index), kSide);
      image = {"data:image/png;base64," + base64(encode_png(small)), small.width, small.height};
    } catch (const Error& error) {
      if (problem.empty()) problem = error.user_text();
    }
    run.mistake_images.push_back(std::move(image));
  }
  if (!problem.empty()) run.notes.push_back("not all images of mistakes are shown: " + problem);
}

}  // namespace vicinity
