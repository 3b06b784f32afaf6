// All of a ClientCore that decides what it does next in the model `waiting`, and nothing else: see inside.hpp.
//
// Left out, with why two states that differ only there have the same future in the model:
//   random numbers, problems    retries have no pause, and what went wrong is said to people only
//   moments                     taken as distances from now
//   the line of operations      which operation goes first follows from which requests there are
//   the lease's renewals        known to the client of the model, which sent them
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "protocol/client_core/client_core.hpp"
#include "protocol/wire/codec.hpp"
#include "tests/explore/fingerprint.hpp"
#include "tests/explore/waiting_node.hpp"

namespace lockstep {

struct ClientInside {
  using Fingerprinter = explore::Fingerprinter;
  using Acquisition = client_core::Acquisition;

  static void project(const ClientCore& core, Time now, Fingerprinter& out) {
    const client_core::ClientParts& parts = core.parts_;
    const SavedSession saved = parts.session.saved();
    out.add(saved.session.value()).add(saved.next_number.value()).add(saved.highest_index.value());
    out.add(saved.open_nonce).add(saved.replaces.value()).add(parts.session.acknowledged_below().value());
    out.add(parts.session_error.has_value()).add(parts.lost ? 1U + static_cast<unsigned>(*parts.lost) : 0U);
    out.add(parts.open_sent ? distance(now, *parts.open_sent) : 0).add(parts.retiring.value());
    out.add(parts.last_call.value()).add(parts.last_copy.value());
    const ClientLease& lease = parts.lease;
    out.add(distance(now, lease.next_deadline())).add(lease.safe_until() ? distance(now, *lease.safe_until()) : 0);
    out.add(lease.silent_since() ? distance(now, *lease.silent_since()) : 0).add(lease.asked_endpoint().has_value());
    out.add(parts.requests.all().size());
    for (const auto& [id, request] : parts.requests.all()) {
      out.add(id.value());
      project(parts, now, request, out);
    }
    out.add(parts.acquisitions.all().size());
    for (const auto& [id, acquisition] : parts.acquisitions.all()) {
      out.add(id.value());
      project(now, acquisition, out);
    }
    out.add(parts.holds.held().size());
    for (const auto& [name, token] : parts.holds.held()) add(name, out).add(token.value());
  }

  // Whether something of the name is asked for, so that its answer may say who holds it.
  static bool is_asked_for(const ClientCore& core, const std::string& name) {
    const client_core::ClientParts& parts = core.parts_;
    for (const auto& [id, request] : parts.requests.all()) {
      const auto* operation = std::get_if<client_core::RunOnce>(&request.body);
      if (operation == nullptr || !operation->number) continue;
      const auto names = client_core::names_in(operation->operation);
      if (std::find(names.begin(), names.end(), name) != names.end()) return true;
    }
    for (const auto& [id, acquisition] : parts.acquisitions.all()) {
      const auto& names = acquisition.names;
      const auto& left = acquisition.to_release;
      if (acquisition.is_in_line() && std::find(names.begin(), names.end(), name) != names.end()) return true;
      if (std::find(left.begin(), left.end(), name) != left.end()) return true;
    }
    return false;
  }
  static bool is_being_released(const ClientCore& core, const std::string& name) {
    return core.parts_.requests.is_being_released(name);
  }
  // Whether some acquisition stands in line there, or was asked for and may do so.
  static bool may_wait(const ClientCore& core, WaiterId waiter, const std::vector<std::string>& names) {
    const auto& all = core.parts_.acquisitions.all();
    return std::any_of(all.begin(), all.end(), [&](const auto& one) {
      const Acquisition& acquisition = one.second;
      if (acquisition.is_in_line()) return acquisition.waiter == waiter;
      return acquisition.stage == Acquisition::Stage::kAsking && acquisition.names == names;
    });
  }
  static bool is_reading_what_it_took_over(const ClientCore& core) {
    return !core.parts_.requests.of<client_core::ReadTakenOver>().empty();
  }
  static bool was_lost(const ClientCore& core, const std::string& name) {
    return core.parts_.holds.loss_of(name).has_value();
  }
  static std::optional<Time> open_sent(const ClientCore& core) { return core.parts_.open_sent; }
  static bool keeps_renewal(const ClientCore& core, CallNumber renewal) {
    return core.parts_.lease.is_keep_alive(renewal);
  }

 private:
  static std::uint64_t distance(Time now, Time then) {
    return then == Time::max() ? ~0ULL : static_cast<std::uint64_t>((then - now).count());
  }
  static Fingerprinter& add(const std::string& text, Fingerprinter& out) {
    return out.add(explore::fingerprint_of(text));
  }

  static void project(const client_core::ClientParts& parts, Time now, client_core::OutstandingRequest request,
                      Fingerprinter& out) {
    out.add(request.body.index()).add(request.call.value()).add(distance(now, request.deadline));
    out.add(request.in_flight).add(distance(now, request.due)).add(distance(now, request.last_sent));
    out.add(request.copies.size()).add(request.another_copy_was_sent());
    for (const CallNumber copy : request.copies) out.add(copy.value());
    if (const auto* operation = std::get_if<client_core::RunOnce>(&request.body)) {
      const locks::Command command = locks::Execute{{}, operation->number, {}, operation->operation};
      out.add(explore::fingerprint_of(wire::encode(command)));
      out.add(operation->acquisition.value()).add(operation->claimed);
      out.add(operation->gives_back.value_or(FencingToken()).value());
      return;
    }
    std::visit(
        [&](auto& kind) {
          add(wire::encode(wire::Request{{}, kind.says(now, parts.session)}), out);
        },
        request.body);
    if (const auto* taken = std::get_if<client_core::ReadTakenOver>(&request.body)) {
      out.add(taken->locks.size());
      for (const auto& [name, mode] : taken->locks) add(name, out);
    }
    if (const auto* verify = std::get_if<client_core::VerifyHold>(&request.body)) out.add(verify->token.value());
    if (const auto* wait = std::get_if<client_core::WaitInLine>(&request.body)) {
      out.add(wait->acquisition.value()).add(distance(now, wait->ends));
    }
  }
  static void project(Time now, const Acquisition& acquisition, Fingerprinter& out) {
    out.add(acquisition.call.value()).add(static_cast<std::uint64_t>(acquisition.stage));
    out.add(distance(now, acquisition.wait_ends)).add(distance(now, acquisition.silent_since.value_or(Time::max())));
    out.add(acquisition.request.value()).add(acquisition.waiter.value()).add(acquisition.progress.has_value());
    if (acquisition.progress) {
      out.add(acquisition.progress->position).add(acquisition.progress->by.token.value());
      out.add(acquisition.progress->by.owner.bytes[0]);
    }
    out.add(acquisition.keeps_grant).add(acquisition.claimed);
    for (const auto& name : acquisition.names) add(name, out);
    out.add(acquisition.given_back.size());
    for (const auto& name : acquisition.given_back) add(name, out);
    out.add(acquisition.to_release.size());
    for (const auto& name : acquisition.to_release) add(name, out);
  }
};

}  // namespace lockstep
