// open(2) and read(2) until the end.
#include "nodes/system/whole_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "nodes/system/file_descriptor.hpp"

namespace lockstep {

tl::expected<std::string, int> read_whole_file(const std::filesystem::path& path) {
  const FileDescriptor fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return tl::unexpected(errno);
  std::string content;
  std::array<char, 4096> buffer{};
  for (;;) {
    const ssize_t count = retry_interrupted([&] { return ::read(fd.get(), buffer.data(), buffer.size()); });
    if (count < 0) return tl::unexpected(errno);
    if (count == 0) return content;
    content.append(buffer.data(), static_cast<std::size_t>(count));
  }
}

}  // namespace lockstep
