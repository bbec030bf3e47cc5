// The part of HDF5 that packs need, with errors as exceptions and handles that close themselves.
#pragma once

#include <hdf5.h>

#include <string>
#include <vector>

namespace vicinity {

/// Closes an HDF5 identifier.
class Hdf5Handle {
 public:
  Hdf5Handle(hid_t id, herr_t (*close)(hid_t)) : id_(id), close_(close) {}
  ~Hdf5Handle() {
    if (id_ >= 0) close_(id_);
  }
  Hdf5Handle(const Hdf5Handle&) = delete;
  Hdf5Handle& operator=(const Hdf5Handle&) = delete;
  operator hid_t() const { return id_; }

 private:
  hid_t id_;
  herr_t (*close_)(hid_t);
};

class Hdf5File {
 public:
  /// DataError if it is not an HDF5 file (reading), IoError if it cannot be made.
  static Hdf5File open(const std::string& path);
  static Hdf5File create(const std::string& path);
  Hdf5File(Hdf5File&& other) noexcept : id_(other.id_), path_(std::move(other.path_)) {
    other.id_ = -1;
  }
  ~Hdf5File();

  void make_group(const std::string& name);
  void write(const std::string& name, hid_t type, const std::vector<hsize_t>& dims,
             const void* data);
  /// A contiguous array, allocated now, contents undefined.
  void reserve(const std::string& name, hid_t type, const std::vector<hsize_t>& dims);
  void write_text(const std::string& name, const std::string& text);
  /// Closes a file that was written. IoError if the system refuses a part of it: the destructor
  /// would not tell.
  void finish();

  bool has(const std::string& name) const;
  uint64_t count(const std::string& name) const;
  void read(const std::string& name, hid_t type, void* data) const;
  std::string read_text(const std::string& name) const;
  /// Where the bytes of a contiguous data set lie in the file. DataError if it is stored otherwise.
  uint64_t offset(const std::string& name) const;

 private:
  Hdf5File(hid_t id, std::string path) : id_(id), path_(std::move(path)) {}
  hid_t dataset(const std::string& name) const;

  hid_t id_;
  std::string path_;
};

}  // namespace vicinity
