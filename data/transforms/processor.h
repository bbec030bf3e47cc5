// preprocessor_config.json: how Hugging Face's image processors say what is done to a picture.
#pragma once

#include <string>

#include "data/transforms/pipeline.h"

namespace vicinity {

/// Sets image_size, interpolation, eval_resize, eval_crop, mean, std and rescale_factor to what
/// DIRECTORY/preprocessor_config.json says: BitImageProcessor, ViTImageProcessor or the old
/// ViTFeatureExtractor, each with its own defaults for what the file leaves out (transformers
/// 4.37.2). A switch that is off becomes `none` for a resize or a crop, a factor of 1, a mean of 0
/// and a deviation of 1. do_convert_rgb means nothing: pictures are RGB here,
/// or grey where the model has one channel.
///
/// False, and nothing changed, if there is no such file. DataError names the file and the key: a
/// type that is not supported, a key that is unknown and not switched off, a value of another kind.
bool read_processor(const std::string& directory, TransformConfig& config);

/// What evaluation does as the text of preprocessor_config.json: a ViTImageProcessor where
/// every picture is resized to the size it keeps, else a BitImageProcessor. Reading it back gives
/// the same pixels.
std::string processor_text(const TransformConfig& config);
/// Writes it into a folder.
void write_processor(const TransformConfig& config, const std::string& directory);

}  // namespace vicinity
