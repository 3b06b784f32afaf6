// Fills a page until it has as many items or bytes as it may.
#pragma once

#include <cstddef>
#include <utility>

#include "protocol/locks/views.hpp"

namespace lockstep::locks {

template <typename T>
class PageBuilder {
 public:
  PageBuilder(std::size_t limit, std::size_t max_bytes) : limit_(limit), max_bytes_(max_bytes) {}

  // Whether one more has a place. If not, the page says that there is more.
  bool has_place() {
    page_.more = page_.items.size() >= limit_ || (bytes_ >= max_bytes_ && !page_.items.empty());
    return !page_.more;
  }
  void add(T item, std::size_t bytes) {
    page_.items.push_back(std::move(item));
    bytes_ += bytes;
  }
  Page<T> take() { return std::move(page_); }

 private:
  std::size_t limit_;
  std::size_t max_bytes_;
  std::size_t bytes_ = 0;
  Page<T> page_;
};

}  // namespace lockstep::locks
