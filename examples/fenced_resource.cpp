// Each resource keeps the highest token that it has seen beside its data, and refuses a lower one in the same
// transaction.
#include "fenced_resource.hpp"

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/file.h>
#include <unistd.h>

#include <fstream>
#include <stdexcept>
#include <utility>

namespace examples {
namespace {

struct Finalize {
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};
using Statement = std::unique_ptr<sqlite3_stmt, Finalize>;

void check(sqlite3* database, int result) {
  if (result != SQLITE_OK && result != SQLITE_DONE && result != SQLITE_ROW) {
    throw std::runtime_error(sqlite3_errmsg(database));
  }
}

Statement prepare(sqlite3* database, const char* sql) {
  sqlite3_stmt* statement = nullptr;
  check(database, sqlite3_prepare_v2(database, sql, -1, &statement, nullptr));
  return Statement(statement);
}

void bind(sqlite3* database, const Statement& statement, int place, const std::string& text) {
  check(database,
        sqlite3_bind_text(statement.get(), place, text.data(), static_cast<int>(text.size()), SQLITE_TRANSIENT));
}

// Held from its construction to its destruction.
class FileLock {
 public:
  explicit FileLock(const std::string& path) : file_(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666)) {
    if (file_ < 0 || flock(file_, LOCK_EX) != 0) throw std::runtime_error("cannot lock " + path);
  }
  ~FileLock() { close(file_); }
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;

 private:
  int file_;
};

}  // namespace

void FencedTable::Close::operator()(sqlite3* database) const { sqlite3_close(database); }

FencedTable::FencedTable(const std::string& path, std::string name) : name_(std::move(name)) {
  sqlite3* database = nullptr;
  const int opened = sqlite3_open(path.c_str(), &database);
  database_.reset(database);
  check(database, opened);
  sqlite3_busy_timeout(database, 5000);
  check(database, sqlite3_exec(database,
                               "CREATE TABLE IF NOT EXISTS fenced (name TEXT PRIMARY KEY, token INTEGER NOT NULL, "
                               "body TEXT NOT NULL)",
                               nullptr, nullptr, nullptr));
}

Written FencedTable::write(std::uint64_t token, const std::string& text) {
  sqlite3* database = database_.get();
  const Statement write = prepare(database,
                                  "INSERT INTO fenced (name, token, body) VALUES (?1, ?2, ?3) "
                                  "ON CONFLICT (name) DO UPDATE SET token = ?2, body = ?3 WHERE token <= ?2");
  bind(database, write, 1, name_);
  check(database, sqlite3_bind_int64(write.get(), 2, static_cast<sqlite3_int64>(token)));
  bind(database, write, 3, text);
  check(database, sqlite3_step(write.get()));
  if (sqlite3_changes(database) == 1) return {true, token};

  const Statement read = prepare(database, "SELECT token FROM fenced WHERE name = ?1");
  bind(database, read, 1, name_);
  check(database, sqlite3_step(read.get()));
  return {false, static_cast<std::uint64_t>(sqlite3_column_int64(read.get(), 0))};
}

Written FencedFile::write(std::uint64_t token, const std::string& text) {
  const FileLock lock(path_ + ".lock");
  std::uint64_t newest = 0;
  std::ifstream(path_) >> newest;
  if (token < newest) return {false, newest};
  const std::string temporary = path_ + ".new";
  std::ofstream file(temporary);
  file << token << '\n' << text << '\n';
  file.close();
  if (!file || std::rename(temporary.c_str(), path_.c_str()) != 0) throw std::runtime_error("cannot write " + path_);
  return {true, token};
}

}  // namespace examples
