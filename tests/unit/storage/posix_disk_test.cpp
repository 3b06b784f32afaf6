// The real disk: what the tests in memory take for granted, and its error messages.
#include "nodes/storage/posix_disk.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <doctest/doctest.h>

#include <cerrno>
#include <fstream>

#include "nodes/storage/storage.hpp"
#include "tests/unit/storage/fixture.hpp"
#include "tests/unit/storage/temporary_folder.hpp"

namespace lockstep::posix_disk_test {
namespace {

using test::TemporaryFolder;

StorageOptions options_in(const std::string& folder) {
  StorageOptions result = test::options();
  result.folder = folder;
  return result;
}

TEST_CASE("files are made, filled, written, read, renamed, listed and removed") {
  const TemporaryFolder folder;
  PosixDisk disk;
  REQUIRE(disk.lock_folder(folder / "a/b"));  // both folders are made
  const auto file = disk.create("one.tmp");
  REQUIRE(file);
  REQUIRE(disk.preallocate(*file, 10'000));
  REQUIRE(disk.write(*file, 5'000, "hello"));
  REQUIRE(disk.sync(*file));
  CHECK(disk.read(*file, 4'999, 7) == std::string("\0hello\0", 7));
  CHECK(disk.read(*file, 0, kWholeFile)->size() == 10'000);
  CHECK(disk.read(*file, 9'999, 100)->size() == 1);
  CHECK(disk.read(*file, 20'000, 100)->empty());
  REQUIRE(disk.rename("one.tmp", "one"));
  REQUIRE(disk.sync_folder());
  disk.close(*file);
  CHECK(disk.list() == std::vector<std::string>{"lock", "one"});
  REQUIRE(disk.remove("one"));
  const auto gone = disk.open("one");
  REQUIRE_FALSE(gone);
  CHECK(gone.error().code == ENOENT);
  CHECK(gone.error().detail == "cannot open " + (folder / "a/b/one") + ": No such file or directory");
}

TEST_CASE("a second process gets a clear error, and the folder is free when the first one has ended") {
  const TemporaryFolder folder;
  const StorageOptions options = options_in(folder / "data");
  int ready[2];
  int done[2];
  REQUIRE(::pipe(ready) == 0);
  REQUIRE(::pipe(done) == 0);
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  char byte = 0;
  if (child == 0) {
    PosixDisk disk;
    const bool opened = Storage::open(disk, options).has_value();
    ::close(done[1]);
    (void)!::write(ready[1], opened ? "y" : "n", 1);
    (void)!::read(done[0], &byte, 1);
    ::_exit(0);  // without any clean-up: the system gives the lock back
  }
  ::close(done[0]);
  REQUIRE(::read(ready[0], &byte, 1) == 1);
  CHECK(byte == 'y');
  {
    PosixDisk disk;
    const auto second = Storage::open(disk, options);
    REQUIRE_FALSE(second);
    CHECK(second.error().detail == "the data folder " + options.folder + " is in use by another process");
  }
  ::close(done[1]);
  REQUIRE(::waitpid(child, nullptr, 0) == child);
  PosixDisk disk;
  CHECK(Storage::open(disk, options));
  ::close(ready[0]);
  ::close(ready[1]);
}

TEST_CASE("a folder that cannot be made is one line with its name and the reason") {
  const TemporaryFolder folder;
  std::ofstream(folder / "file") << "not a folder";
  PosixDisk disk;
  const auto opened = Storage::open(disk, options_in(folder / "file/data"));
  REQUIRE_FALSE(opened);
  CHECK(opened.error().detail == "cannot make the data folder " + (folder / "file/data") + ": Not a directory");

  PosixDisk other;
  const auto file = Storage::open(other, options_in(folder / "file"));
  REQUIRE_FALSE(file);
  CHECK(file.error().detail == "cannot open the data folder " + (folder / "file") + ": Not a directory");
}

TEST_CASE("a node's storage on a real folder comes back after a restart") {
  const TemporaryFolder folder;
  StorageOptions options = options_in(folder / "data");
  options.background = true;
  std::vector<raft::Entry> expected;
  for (std::uint64_t start = 1; start <= 3; ++start) {
    PosixDisk disk;
    Storage storage = test::open(disk, options);
    CHECK(storage.take_restored().entries == expected);
    for (int i = 0; i < 10; ++i) {
      const raft::Write next =
          test::write(1, expected.size() + 1, test::large_entries(start, 60), test::hard_state(start));
      test::must_persist(storage, {next});
      test::follow(expected, next);
    }
  }
  PosixDisk disk;
  Storage storage = test::open(disk, options);
  const raft::Restored restored = storage.take_restored();
  CHECK(restored.entries == expected);
  CHECK(restored.hard_state == test::hard_state(3));
}

}  // namespace
}  // namespace lockstep::posix_disk_test
