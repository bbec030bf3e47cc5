#include "core/base/files.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <vector>

#include "core/base/error.h"
#include "core/base/text.h"

namespace vicinity {
namespace {

std::string reason() {
  const int error = errno;
  const std::string text = std::strerror(error);
  if (error == ENOSPC || error == EFBIG || error == EDQUOT)
    return text + "; free some space or choose another folder";
  if (error == EACCES || error == EROFS || error == EPERM)
    return text + "; choose a folder that can be written";
  return text;
}

}  // namespace

FileWriter::FileWriter(std::string path, Mode mode, FileSystem& system)
    : path_(std::move(path)),
      system_(system),
      file_(system.open(
          path_, O_WRONLY | O_CREAT | O_CLOEXEC | (mode == Mode::append ? O_APPEND : O_TRUNC),
          0644)) {
  VIC_CHECK(IoError, file_ >= 0, "cannot create '", path_, "': ", reason());
}

FileWriter::~FileWriter() {
  if (file_ >= 0) system_.close(file_);
}

void FileWriter::write(const void* data, size_t bytes) {
  const char* at = static_cast<const char*>(data);
  while (bytes > 0) {
    errno = ENOSPC;  // what a write of nothing means
    const ssize_t done = system_.write(file_, at, bytes);
    if (done < 0 && errno == EINTR) continue;
    VIC_CHECK(IoError, done > 0, "cannot write ", bytes, " more bytes to '", path_,
              "': ", reason());
    at += done;
    bytes -= static_cast<size_t>(done);
  }
}

void FileWriter::sync() {
  VIC_CHECK(IoError, system_.fsync(file_) == 0, "cannot sync '", path_, "': ", reason());
}

void FileWriter::finish() {
  sync();
  const int file = file_;
  file_ = -1;
  VIC_CHECK(IoError, system_.close(file) == 0, "cannot close '", path_, "': ", reason());
}

void write_at(int file, std::string_view bytes, uint64_t at, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t done = pwrite(file, bytes.data(), bytes.size(), static_cast<off_t>(at));
    if (done < 0 && errno == EINTR) continue;
    VIC_CHECK(IoError, done > 0, "cannot write ", bytes.size(), " bytes to '", path,
              "': ", done < 0 ? std::strerror(errno) : "disk full",
              "; free some space and run the same command to go on");
    bytes.remove_prefix(static_cast<size_t>(done));
    at += static_cast<uint64_t>(done);
  }
}

void resize_file(const std::string& path, uint64_t bytes) {
  VIC_CHECK(IoError, truncate(path.c_str(), static_cast<off_t>(bytes)) == 0, "cannot make '", path,
            "' ", format_bytes(static_cast<double>(bytes)), " long: ", reason());
}

void check_room(const std::string& path, uint64_t bytes) {
  struct statvfs disk {};
  const std::string folder = std::filesystem::absolute(path).parent_path().string();
  if (statvfs(folder.c_str(), &disk) != 0) return;
  const uint64_t room = disk.f_bavail * disk.f_frsize;
  VIC_CHECK(IoError, room > bytes, "'", path, "' needs ", format_bytes(static_cast<double>(bytes)),
            ", its disk has ", format_bytes(static_cast<double>(room)), " free");
}

void write_file_atomically(const std::string& path, const std::function<void(FileWriter&)>& fill) {
  const std::string temporary = path + ".tmp";
  FileWriter file(temporary);
  try {
    fill(file);
    file.finish();
  } catch (...) {
    system_files().unlink(temporary);  // half a file takes room where there is none
    throw;
  }
  rename_durably(temporary, path);
}

void write_file_atomically(const std::string& path, const std::string& text) {
  write_file_atomically(path, [&text](FileWriter& file) { file.write(text); });
}

std::string read_file(const std::string& path) {
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  if (file) text << file.rdbuf();
  const int code = errno;
  std::error_code ignored;
  VIC_CHECK(IoError, file.good() || file.eof(), "cannot read '", path, "': ",
            std::filesystem::is_directory(path, ignored) ? "it is a folder" : std::strerror(code));
  return text.str();
}

void sync_file(const std::string& path, FileSystem& system) {
  const int file = system.open(path, O_RDONLY | O_CLOEXEC, 0);
  VIC_CHECK(IoError, file >= 0, "cannot open '", path, "': ", reason());
  const int result = system.fsync(file);
  const std::string why = result == 0 ? "" : reason();
  system.close(file);
  VIC_CHECK(IoError, result == 0, "cannot sync '", path, "': ", why);
}

void sync_directory(const std::string& directory, FileSystem& system) {
  sync_file(directory, system);
}

void rename_durably(const std::string& from, const std::string& to, FileSystem& system) {
  VIC_CHECK(IoError, system.rename(from, to) == 0, "cannot rename '", from, "' to '", to,
            "': ", reason());
  const std::string parent = std::filesystem::path(to).parent_path().string();
  sync_directory(parent.empty() ? "." : parent, system);
}

void replace_link(const std::string& target, const std::string& link, FileSystem& system) {
  const std::string temporary = link + ".tmp";
  system.unlink(temporary);  // of a process that was killed
  VIC_CHECK(IoError, system.symlink(target, temporary) == 0, "cannot make the link '", temporary,
            "': ", reason());
  rename_durably(temporary, link, system);
}

void make_directory(const std::string& path, FileSystem& system) {
  VIC_CHECK(IoError, system.mkdir(path, 0755) == 0, "cannot make the folder '", path,
            "': ", reason());
}

void remove_directory(const std::string& path, const std::string& first, FileSystem& system) {
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(path)) {
    const std::string file = entry.path().string();
    files.insert(entry.path().filename() == first ? files.begin() : files.end(), file);
  }
  for (const std::string& file : files)
    VIC_CHECK(IoError, system.unlink(file) == 0, "cannot remove '", file, "': ", reason());
  VIC_CHECK(IoError, system.rmdir(path) == 0, "cannot remove the folder '", path, "': ", reason());
}

void make_directories(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  VIC_CHECK(IoError, !error && std::filesystem::is_directory(path), "cannot make the folder '",
            path, "': ", error ? error.message() : "a file of that name is in the way",
            "; choose another place");
}

DirectoryLock::DirectoryLock(const std::string& path)
    : directory_(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)),
      held_(directory_ < 0 || ::flock(directory_, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK) {
}

DirectoryLock::~DirectoryLock() {
  if (directory_ >= 0) ::close(directory_);
}

}  // namespace vicinity
