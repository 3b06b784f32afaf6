// The log of a cluster, put together from what its nodes wrote.
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>

#include "nodes/storage/encoding.hpp"
#include "nodes/storage/file_names.hpp"
#include "nodes/storage/log_format.hpp"
#include "tests/support/process.hpp"
#include "tests/support/wait_until.hpp"
#include "tests/torture/segment_archive.hpp"
#include "tests/torture/written_entries.hpp"

using namespace lockstep;
using namespace lockstep::torture;

namespace {

using Folder = std::filesystem::path;

raft::Entry noop(std::uint64_t term, std::int64_t at = 0) {
  return {Term(term), WallTime(std::chrono::milliseconds(at)), raft::Noop{}};
}

// One segment, batch by batch.
class SegmentText {
 public:
  SegmentText(std::uint64_t number, std::uint64_t first_sequence) : number_(number), sequence_(first_sequence) {
    const std::string header = encode_segment_header({number, kSalt, 1, 1});
    bytes_ = header + header;
  }
  SegmentText& entry(std::uint64_t index, const raft::Entry& entry) {
    BatchBuilder batch;
    batch.add(LogIndex(index), entry, kMaxBatchBytes);
    return add(batch);
  }
  SegmentText& entries(std::uint64_t first, std::uint64_t last, std::uint64_t term) {
    for (std::uint64_t index = first; index <= last; ++index) entry(index, noop(term));
    return *this;
  }
  SegmentText& restart(std::uint64_t index, std::uint64_t term) {
    BatchBuilder batch;
    batch.add_restart({LogIndex(index), Term(term)});
    return add(batch);
  }
  void save(const Folder& folder) const {
    std::filesystem::create_directories(folder);
    std::ofstream(folder / segment_name(number_), std::ios::binary) << bytes_ << std::string(kSectorBytes, '\0');
  }

 private:
  static constexpr std::uint32_t kSalt = 77;

  SegmentText& add(BatchBuilder& batch) {
    bytes_ += batch.finish(sequence_++, batch.highest_index(), kSalt);
    return *this;
  }

  std::uint64_t number_;
  std::uint64_t sequence_;
  std::string bytes_;
};

raft::EntryId id(std::uint64_t index, std::uint64_t term) { return {LogIndex(index), Term(term)}; }

std::vector<std::uint64_t> terms_of(const tl::expected<std::vector<Entry>, std::string>& log) {
  std::vector<std::uint64_t> terms;
  REQUIRE_MESSAGE(log.has_value(), (log ? std::string() : log.error()));
  for (const Entry& entry : *log) {
    CHECK(entry.index == terms.size() + 1);
    terms.push_back(entry.term);
  }
  return terms;
}

using Terms = std::vector<std::uint64_t>;

}  // namespace

TEST_CASE("What a leader's snapshot took from one node's log is read from another's") {
  const testing::TemporaryFolder folder;
  SegmentText(1, 1).entries(1, 4, 1).save(folder.path() / "a");
  SegmentText(2, 5).entries(5, 6, 2).save(folder.path() / "a");
  SegmentText(1, 1).entries(1, 2, 1).restart(5, 2).entries(6, 7, 2).save(folder.path() / "b");
  WrittenEntries written;
  const auto a = written.read("a", {folder.path() / "a"});
  const auto b = written.read("b", {folder.path() / "b"});
  REQUIRE(a.has_value());
  REQUIRE(b.has_value());
  CHECK(b->base == id(5, 2));
  CHECK(b->term_at(LogIndex(5)) == Term(2));
  CHECK_FALSE(b->term_at(LogIndex(4)).has_value());
  CHECK_FALSE(b->term_at(LogIndex(8)).has_value());
  CHECK(terms_of(written.log_up_to(id(7, 2))) == Terms{1, 1, 1, 1, 2, 2, 2});
  CHECK(written.contradictions().empty());
}

TEST_CASE("What was replaced in a log is not part of the one log, even if its term was higher") {
  const testing::TemporaryFolder folder;
  // Figure 8 of the Raft paper: the entry of term 3 never had a quorum.
  SegmentText(1, 1).entries(1, 1, 1).entries(2, 2, 3).entries(2, 2, 2).entries(3, 3, 4).save(folder.path() / "a");
  WrittenEntries written;
  REQUIRE(written.read("a", {folder.path() / "a"}).has_value());
  CHECK(terms_of(written.log_up_to(id(3, 4))) == Terms{1, 2, 4});
}

TEST_CASE("What nobody has any more is said") {
  const testing::TemporaryFolder folder;
  WrittenEntries written;
  SUBCASE("a first segment that is gone") {
    SegmentText(2, 4).entries(4, 6, 1).save(folder.path() / "a");
    REQUIRE(written.read("a", {folder.path() / "a"}).has_value());
    CHECK(written.log_up_to(id(6, 1)).error() == "nobody has what came before entry 4 of term 1");
  }
  SUBCASE("a segment in the middle that is gone") {
    SegmentText(1, 1).entries(1, 2, 1).save(folder.path() / "a");
    SegmentText(3, 5).entries(5, 6, 1).save(folder.path() / "a");
    REQUIRE(written.read("a", {folder.path() / "a"}).has_value());
    CHECK(written.log_up_to(id(6, 1)).error() == "nobody has what came before entry 5 of term 1");
  }
  SUBCASE("an entry that was never written") {
    SegmentText(1, 1).entries(1, 2, 1).save(folder.path() / "a");
    REQUIRE(written.read("a", {folder.path() / "a"}).has_value());
    CHECK(written.log_up_to(id(3, 1)).error() == "nobody has entry 3 of term 1");
  }
}

TEST_CASE("Logs that contradict each other are found") {
  const testing::TemporaryFolder folder;
  WrittenEntries written;
  SUBCASE("one index and term, two entries") {
    SegmentText(1, 1).entry(1, noop(1)).save(folder.path() / "a");
    SegmentText(1, 1).entry(1, noop(1, 5)).save(folder.path() / "b");
    REQUIRE(written.read("a", {folder.path() / "a"}).has_value());
    REQUIRE(written.read("b", {folder.path() / "b"}).has_value());
    REQUIRE(written.contradictions().size() == 1);
    CHECK(written.contradictions()[0] == "entry 1 of term 1 is another one on a and on b");
  }
  SUBCASE("one entry after two") {
    SegmentText(1, 1).entries(1, 1, 1).entries(2, 2, 3).save(folder.path() / "a");
    SegmentText(1, 1).entries(1, 1, 2).entries(2, 2, 3).save(folder.path() / "b");
    REQUIRE(written.read("a", {folder.path() / "a"}).has_value());
    REQUIRE(written.read("b", {folder.path() / "b"}).has_value());
    REQUIRE(written.contradictions().size() == 1);
    CHECK(written.contradictions()[0] == "entry 2 of term 3 follows other entries on a and on b");
  }
}

TEST_CASE("A node's own log that has a gap, or along which terms fall, is found") {
  const testing::TemporaryFolder folder;
  WrittenEntries written;
  SUBCASE("a gap") {
    SegmentText(1, 1).entries(1, 2, 1).entries(4, 4, 1).save(folder.path() / "a");
    REQUIRE(written.read("a", {folder.path() / "a"}).has_value());
    REQUIRE(written.contradictions().size() == 1);
    CHECK(written.contradictions()[0] == "entry 4 of term 1 on a was written where the log ended with entry 2");
  }
  SUBCASE("a gap behind a snapshot") {
    SegmentText(1, 1).restart(5, 2).entries(7, 7, 2).save(folder.path() / "a");
    REQUIRE(written.read("a", {folder.path() / "a"}).has_value());
    CHECK(written.contradictions().size() == 1);
  }
  SUBCASE("a lower term") {
    SegmentText(1, 1).entries(1, 1, 1).entries(2, 2, 3).entries(3, 3, 2).save(folder.path() / "a");
    REQUIRE(written.read("a", {folder.path() / "a"}).has_value());
    REQUIRE(written.contradictions().size() == 1);
    CHECK(written.contradictions()[0] == "entry 3 of term 2 on a has a lower term than entry 2");
  }
}

TEST_CASE("A segment whose first write was cut short does not hide the one that took its place") {
  const testing::TemporaryFolder folder;
  SegmentText(1, 1).entries(1, 2, 1).save(folder.path() / "a");
  for (const char* kept : {"1", "3"}) {  // read in either order
    SegmentText(2, 3).entries(3, 3, 1).save(folder.path() / "a" / kept);
    std::filesystem::resize_file(folder.path() / "a" / kept / segment_name(2), kFirstBatchOffset + kBatchHeaderBytes);
  }
  SegmentText(2, 3).entries(3, 4, 1).save(folder.path() / "a" / "2");
  WrittenEntries written;
  REQUIRE(written.read("a", {folder.path() / "a"}).has_value());
  CHECK(terms_of(written.log_up_to(id(4, 1))) == Terms{1, 1, 1, 1});
}

TEST_CASE("A segment whose number a later process uses again is kept like the one before it") {
  const testing::TemporaryFolder folder;
  const Folder data = folder.path() / "data";
  SegmentArchive archive({{"a", data}}, folder.path() / "kept");
  SegmentText(1, 1).entries(1, 2, 1).save(data);
  SegmentText(2, 3).save(data);  // prepared and not used
  const auto kept = [&] {
    std::size_t count = 0;
    for (const auto& file : std::filesystem::recursive_directory_iterator(archive.kept("a"))) {
      if (file.is_regular_file()) ++count;
    }
    return count;
  };
  REQUIRE(testing::wait_until([&] { return kept() == 2; }));
  std::filesystem::remove(data / segment_name(2));
  SegmentText(2, 3).entries(3, 4, 1).save(data);
  REQUIRE(testing::wait_until([&] { return kept() == 3; }));
  std::filesystem::remove(data / segment_name(2));
  WrittenEntries written;
  REQUIRE(written.read("a", {archive.kept("a"), data}).has_value());
  CHECK(terms_of(written.log_up_to(id(4, 1))) == Terms{1, 1, 1, 1});
}

TEST_CASE("An archive has what a node deleted, with what it wrote to the file after it was kept") {
  const testing::TemporaryFolder folder;
  const Folder data = folder.path() / "data";
  SegmentArchive archive({{"a", data}}, folder.path() / "kept");
  SegmentText(1, 1).entries(1, 2, 1).save(data);
  const Folder segment = data / segment_name(1);
  const auto is_kept = [&] {
    const std::filesystem::directory_iterator files(archive.kept("a"));
    return std::distance(begin(files), end(files)) == 1 &&
           std::filesystem::exists(std::filesystem::directory_iterator(archive.kept("a"))->path() / segment_name(1));
  };
  REQUIRE(testing::wait_until(is_kept));
  SegmentText(1, 1).entries(1, 3, 1).save(data);  // writes into the same file
  std::filesystem::remove(segment);
  SegmentText(2, 4).entries(4, 4, 1).save(data);
  WrittenEntries written;
  REQUIRE(written.read("a", {archive.kept("a"), data}).has_value());
  CHECK(terms_of(written.log_up_to(id(4, 1))) == Terms{1, 1, 1, 1});
}
