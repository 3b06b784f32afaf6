// RequestTable: every change of a request takes it out of the indexes, and puts it back as it is then.
#include "protocol/client_core/request_table.hpp"

#include <algorithm>

#include "protocol/base/invariant.hpp"

namespace lockstep::client_core {
namespace {

std::vector<RequestId> in_order(std::vector<RequestId> ids) {
  std::sort(ids.begin(), ids.end());
  return ids;
}

// Those up to `now`.
void append_due(const std::set<std::pair<Time, RequestId>>& times, Time now, std::vector<RequestId>& ids) {
  for (const auto& [time, id] : times) {
    if (time > now) break;
    ids.push_back(id);
  }
}

Time first_of(const std::set<std::pair<Time, RequestId>>& times) {
  return times.empty() ? Time::max() : times.begin()->first;
}

std::vector<RequestId> at_endpoint(const std::map<std::size_t, std::set<RequestId>>& index, std::size_t endpoint) {
  const auto found = index.find(endpoint);
  if (found == index.end()) return {};
  return {found->second.begin(), found->second.end()};
}

// An operation in these lanes stands in the line of operations instead.
bool is_in_line(Lane lane) { return lane == Lane::kNew || lane == Lane::kEnding; }

std::size_t place_of(Lane lane) { return static_cast<std::size_t>(lane); }

}  // namespace

// ---- The indexes

void RequestTable::index(RequestId id, const OutstandingRequest& request) {
  of_kind_[request.body.index()].insert(id);
  if (request.deadline != Time::max()) deadlines_.emplace(request.deadline, id);
  const Lane lane = lane_of(request.body);
  if (request.in_flight) {
    lanes_[place_of(lane)].in_flight.emplace(request.due, id);
    in_flight_at_[request.endpoint].insert(id);
    if (polls(request.body)) polls_at_[request.endpoint].insert(id);
  } else if (!is_in_line(lane)) {
    lanes_[place_of(lane)].waiting.emplace(request.due, id);
  }
  count(request, 1);
}

void RequestTable::unindex(RequestId id, const OutstandingRequest& request) {
  of_kind_[request.body.index()].erase(id);
  if (request.deadline != Time::max()) deadlines_.erase({request.deadline, id});
  const Lane lane = lane_of(request.body);
  if (request.in_flight) {
    lanes_[place_of(lane)].in_flight.erase({request.due, id});
    in_flight_at_[request.endpoint].erase(id);
    polls_at_[request.endpoint].erase(id);
  } else {
    lanes_[place_of(lane)].waiting.erase({request.due, id});
  }
  count(request, static_cast<std::size_t>(-1));
}

void RequestTable::count(const OutstandingRequest& request, std::size_t by) {
  const auto* operation = std::get_if<RunOnce>(&request.body);
  const bool has_number = operation && operation->number;
  const bool is_of_session = operation || std::holds_alternative<ReadTakenOver>(request.body);
  if (request.call) counts_.calls += by;
  if (request.call && is_of_session) counts_.calls_of_session += by;
  if (has_number) counts_.numbers += by;
  if (has_number && !request.call && !operation->acquisition) counts_.abandoned += by;
}

template <typename Change>
void RequestTable::change(RequestId id, const Change& change) {
  const auto found = requests_.find(id);
  INVARIANT(found != requests_.end(), "only a request that is outstanding changes");
  unindex(id, found->second);
  change(found->second);
  index(id, found->second);
}

// ---- Which requests there are

RequestId RequestTable::add(OutstandingRequest request) {
  last_ = last_.next();
  const OutstandingRequest& added = requests_.emplace(last_, std::move(request)).first->second;
  INVARIANT(!added.in_flight && added.copies.empty(), "a new request was not sent yet");
  if (const auto* operation = std::get_if<RunOnce>(&added.body)) {
    line_.add(last_, *operation);
    if (operation->number) {
      line_.start(last_);
      const bool is_first = numbers_.emplace(operation->number, last_).second;
      INVARIANT(is_first, "a number is used for one operation only");
    }
  }
  index(last_, added);
  return last_;
}

void RequestTable::erase(RequestId id) {
  const auto found = requests_.find(id);
  INVARIANT(found != requests_.end(), "only a request that is under way is given up");
  OutstandingRequest& request = found->second;
  unindex(id, request);
  forget_copies(request);
  if (const auto* operation = std::get_if<RunOnce>(&request.body)) {
    if (operation->number) numbers_.erase(operation->number);
    line_.remove(id);
  }
  requests_.erase(found);
}

const OutstandingRequest& RequestTable::at(RequestId id) const {
  const auto found = requests_.find(id);
  INVARIANT(found != requests_.end(), "a request that is spoken of is outstanding");
  return found->second;
}

RequestKind& RequestTable::body(RequestId id) {
  const auto found = requests_.find(id);
  INVARIANT(found != requests_.end(), "a request that is spoken of is outstanding");
  return found->second.body;
}

// ---- What happens to one

void RequestTable::set_call(RequestId id, CallId call, Time deadline, Duration timeout) {
  change(id, [&](OutstandingRequest& request) {
    INVARIANT(!request.call, "a request answers one call");
    request.call = call;
    request.deadline = deadline;
    request.timeout = timeout;
  });
}

CallId RequestTable::take_call(RequestId id) {
  CallId call;
  change(id, [&](OutstandingRequest& request) {
    call = std::exchange(request.call, CallId());
    request.deadline = Time::max();
  });
  return call;
}

void RequestTable::give_number(RequestId id, RequestNumber number) {
  change(id, [&](OutstandingRequest& request) {
    auto& operation = std::get<RunOnce>(request.body);
    INVARIANT(!operation.number, "an operation has one number");
    operation.number = number;
  });
  line_.start(id);
  const bool is_first = numbers_.emplace(number, id).second;
  INVARIANT(is_first, "a number is used for one operation only");
}

void RequestTable::sent(RequestId id, Time now, CallNumber copy, std::size_t endpoint, Duration patience) {
  change(id, [&](OutstandingRequest& request) {
    INVARIANT(!request.in_flight, "one copy of a request is in flight");
    INVARIANT(request.copies.empty() || request.copies.back() < copy, "each copy has a call number of its own");
    INVARIANT(!is_in_line(lane_of(request.body)), "an operation is sent under its number");
    request.in_flight = true;
    request.endpoint = endpoint;
    request.last_sent = now;
    request.due = now + patience;
    ++request.sent;
    request.copies.push_back(copy);
    copies_.emplace(copy, id);
    if (request.copies.size() > kept_copies_) {
      copies_.erase(request.copies.front());
      request.copies.erase(request.copies.begin());
    }
  });
}

void RequestTable::failed(RequestId id, Time now, Duration pause) {
  change(id, [&](OutstandingRequest& request) {
    request.in_flight = false;
    request.due = now + pause;
    ++request.failures;
  });
}

void RequestTable::ask_again(RequestId id, Time now) {
  change(id, [&](OutstandingRequest& request) {
    request.in_flight = false;
    request.due = now;
  });
}

void RequestTable::start_again(RequestId id, Time now) {
  RequestNumber number;
  change(id, [&](OutstandingRequest& request) {
    forget_copies(request);
    request.in_flight = false;
    request.sent = 0;
    request.failures = 0;
    request.due = now;
    if (auto* operation = std::get_if<RunOnce>(&request.body)) {
      operation->claimed = false;
      number = std::exchange(operation->number, RequestNumber());
    }
  });
  if (!number) return;
  numbers_.erase(number);
  line_.remove(id);
  line_.add(id, std::get<RunOnce>(at(id).body));
}

void RequestTable::forget_copies(OutstandingRequest& request) {
  for (const CallNumber copy : request.copies) copies_.erase(copy);
  request.copies.clear();
}

// ---- Which ones an event concerns

std::optional<RequestId> RequestTable::find_copy(CallNumber copy) const {
  const auto found = copies_.find(copy);
  if (found == copies_.end()) return std::nullopt;
  return found->second;
}

bool RequestTable::is_newest_copy(CallNumber copy) const {
  const auto id = find_copy(copy);
  return id && at(*id).copies.back() == copy;
}

std::optional<RequestId> RequestTable::find_number(RequestNumber number) const {
  const auto found = numbers_.find(number);
  if (found == numbers_.end()) return std::nullopt;
  return found->second;
}

std::vector<RequestId> RequestTable::late_calls(Time now) const {
  std::vector<RequestId> ids;
  append_due(deadlines_, now, ids);
  return in_order(std::move(ids));
}

std::vector<RequestId> RequestTable::unanswered(Time now) const {
  std::vector<RequestId> ids;
  for (const Queue& lane : lanes_) append_due(lane.in_flight, now, ids);
  return in_order(std::move(ids));
}

std::vector<RequestId> RequestTable::in_flight_at(std::size_t endpoint) const {
  return at_endpoint(in_flight_at_, endpoint);
}

std::vector<RequestId> RequestTable::polls_in_flight_at(std::size_t endpoint) const {
  return at_endpoint(polls_at_, endpoint);
}

std::vector<RequestId> RequestTable::due(Time now, Lanes open) const {
  std::vector<RequestId> ids;
  for (std::size_t lane = 0; lane < kLanes; ++lane) {
    if (open[lane]) append_due(lanes_[lane].waiting, now, ids);
  }
  return in_order(std::move(ids));
}

std::vector<RequestId> RequestTable::of_session() const {
  std::vector<RequestId> ids;
  for (const std::set<RequestId>& kind : of_kind_) {
    if (!kind.empty() && is_of_session(at(*kind.begin()).body)) ids.insert(ids.end(), kind.begin(), kind.end());
  }
  return in_order(std::move(ids));
}

Time RequestTable::next_deadline(Lanes open) const {
  Time next = first_of(deadlines_);
  for (std::size_t lane = 0; lane < kLanes; ++lane) {
    if (open[lane]) next = std::min({next, first_of(lanes_[lane].waiting), first_of(lanes_[lane].in_flight)});
  }
  return next;
}

// ---- Invariants

bool RequestTable::is_idle() const {
  const auto all_empty = [](const auto& indexes) {
    return std::all_of(indexes.begin(), indexes.end(), [](const auto& index) { return index.empty(); });
  };
  const auto none_at = [](const auto& by_endpoint) {
    return std::all_of(by_endpoint.begin(), by_endpoint.end(), [](const auto& at) { return at.second.empty(); });
  };
  const bool no_times = std::all_of(lanes_.begin(), lanes_.end(),
                                    [](const Queue& lane) { return lane.waiting.empty() && lane.in_flight.empty(); });
  return requests_.empty() && copies_.empty() && numbers_.empty() && all_empty(of_kind_) && deadlines_.empty() &&
         no_times && none_at(in_flight_at_) && none_at(polls_at_) && line_.is_idle() && counts_ == Counts{};
}

void RequestTable::check_invariants() const {
  RequestTable again(kept_copies_);
  std::size_t copies = 0;
  for (const auto& [id, request] : requests_) {
    again.index(id, request);
    copies += request.copies.size();
    for (const CallNumber copy : request.copies) INVARIANT(find_copy(copy) == id, "a copy belongs to one request");
    const auto* operation = std::get_if<RunOnce>(&request.body);
    if (operation == nullptr) continue;
    INVARIANT(!operation->number || find_number(operation->number) == id, "a number belongs to one operation");
    INVARIANT(operation->number || request.sent == 0, "an operation is sent under its number");
    again.numbers_.emplace(operation->number, id);
  }
  again.numbers_.erase(RequestNumber());
  INVARIANT(copies == copies_.size(), "every copy belongs to one request");
  INVARIANT(again.numbers_ == numbers_, "every number belongs to one operation");
  INVARIANT(again.of_kind_ == of_kind_, "each request is found by its kind");
  INVARIANT(again.deadlines_ == deadlines_, "each call is found by its deadline");
  for (std::size_t lane = 0; lane < kLanes; ++lane) {
    INVARIANT(again.lanes_[lane].waiting == lanes_[lane].waiting, "each request is found by when it is due");
    INVARIANT(again.lanes_[lane].in_flight == lanes_[lane].in_flight, "each copy is found by when it is given up");
  }
  const auto same = [](const auto& one, const auto& other) {
    return std::all_of(other.begin(), other.end(), [&](const auto& entry) {
      return entry.second.empty() || (one.contains(entry.first) && one.at(entry.first) == entry.second);
    });
  };
  INVARIANT(same(again.in_flight_at_, in_flight_at_), "each copy in flight is found by its endpoint");
  INVARIANT(same(again.polls_at_, polls_at_), "each long poll is found by its endpoint");
  INVARIANT(again.counts_ == counts_, "what is counted is there");
  line_.check_invariants();
}

}  // namespace lockstep::client_core
