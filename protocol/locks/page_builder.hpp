// Fills a page until it has as many items or bytes as it may.
#pragma once

#include <cstddef>
#include <utility>

#include "protocol/locks/views.hpp"

namespace lockstep::locks {

template <typename T>
class PageBuilder {
 public:
  explicit PageBuilder(std::size_t limit) : limit_(limit) {}

  // Whether one more has a place. If not, the page says that there is more.
  bool has_place() {
    page_.more = page_.items.size() >= limit_ || (bytes_ >= kPageBytes && !page_.items.empty());
    return !page_.more;
  }
  void add(T item, std::size_t bytes) {
    page_.items.push_back(std::move(item));
    bytes_ += bytes;
  }
  Page<T> take() { return std::move(page_); }

 private:
  std::size_t limit_;
  std::size_t bytes_ = 0;
  Page<T> page_;
};

}  // namespace lockstep::locks
