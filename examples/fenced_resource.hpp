// Two resources that check fencing tokens: a row of an SQLite table and a file.
//
// A lock service cannot keep a paused process from writing after its lease is over; only the resource can. It
// remembers the highest token that it has seen and refuses every lower one. That check and the write must be one
// step: here one SQL statement, and for the file one held flock.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

struct sqlite3;

namespace examples {

struct Written {
  bool accepted = false;
  std::uint64_t newest = 0;  // the highest token that the resource has seen, this one included
};

class FencedResource {
 public:
  virtual ~FencedResource() = default;
  // Replaces what is there, unless it was written with a higher token. Throws std::runtime_error if it cannot be
  // written at all.
  virtual Written write(std::uint64_t token, const std::string& text) = 0;
};

// The row `name` of the table `fenced` of an SQLite database.
class FencedTable : public FencedResource {
 public:
  FencedTable(const std::string& path, std::string name);
  Written write(std::uint64_t token, const std::string& text) override;

 private:
  struct Close {
    void operator()(sqlite3* database) const;
  };
  std::string name_;
  std::unique_ptr<sqlite3, Close> database_;
};

// A file whose first line is the token it was written with. It is replaced as a whole (rename), so that readers
// see all of it or nothing, while the file beside it, PATH.lock, is locked.
class FencedFile : public FencedResource {
 public:
  explicit FencedFile(std::string path) : path_(std::move(path)) {}
  Written write(std::uint64_t token, const std::string& text) override;

 private:
  std::string path_;
};

}  // namespace examples
