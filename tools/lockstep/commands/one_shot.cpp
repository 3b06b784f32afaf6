// Opens the kept session or the remembered index, runs the subcommand, and keeps what it learnt.
#include "tools/lockstep/commands/one_shot.hpp"

#include <algorithm>
#include <memory>

#include "nodes/client/about_process.hpp"
#include "nodes/system/clock.hpp"
#include "tools/lockstep/kept/kept_session.hpp"
#include "tools/lockstep/kept/state_folder.hpp"

namespace lockstep {
namespace {

namespace fs = std::filesystem;

Duration left_until(Time deadline) { return std::max(deadline - boot_time(), Duration::zero()); }

Expected<Client> make_client(const GlobalOptions& options, std::optional<ClientId> id, bool keeps_session) {
  ClientConfig config;
  config.endpoints = options.servers;
  config.client_id = id;
  config.timeout = options.timeout;
  config.keeps_session = keeps_session;
  if (keeps_session) config.ttl = Duration::zero();  // the next command goes on with it, whenever that is
  // The session outlives this process, so its number would lead a person astray.
  if (keeps_session) config.note = user_name() + "@" + host_name() + " lockstep";
  return Client::create(config);
}

// Whether the work was refused because its session has ended, and certainly did not run before: another copy of it
// may have, and then running it again could say `not_holder` of a lock that was just released.
bool may_run_in_another_session(const Report& report) {
  if (!report.error || !report.error->definite) return false;
  return report.error->is(ErrorCode::kSessionExpired) || report.error->is(ErrorCode::kSessionSuperseded);
}

struct Opened {
  ClientId id;
  ClusterId cluster;
  std::shared_ptr<StateFile> file;
  Client client;
};

Expected<Opened> open_kept(const GlobalOptions& options, Time deadline) {
  auto folder = open_state_folder();
  if (!folder) return tl::unexpected(std::move(folder.error()));
  auto id = options.client_id ? Expected<ClientId>(*options.client_id) : default_client_id(*folder);
  if (!id) return tl::unexpected(std::move(id.error()));
  auto client = make_client(options, *id, true);
  if (!client) return tl::unexpected(std::move(client.error()));
  auto cluster = find_cluster(*client, deadline);
  if (!cluster) return tl::unexpected(std::move(cluster.error()));
  auto file = StateFile::open(*folder, *id, left_until(deadline));
  if (!file) return tl::unexpected(std::move(file.error()));
  auto shared = std::make_shared<StateFile>(*std::move(file));
  if (auto used = use_kept_session(*client, shared, *cluster); !used) return tl::unexpected(std::move(used.error()));
  return Opened{*id, *cluster, std::move(shared), *std::move(client)};
}

// The highest index is worth remembering only if the client has been here before, and never worth
// waiting for: a command that has the lock learns it by itself.
void remember_index(const fs::path& folder, const ClientId& id, ClusterId cluster, LogIndex index) {
  auto file = StateFile::open(folder, id, Duration::zero());
  if (!file) return;
  SavedSession& saved = file->session_in(cluster).saved;
  if (index <= saved.highest_index) return;
  saved.highest_index = index;
  (void)file->store();
}

}  // namespace

Report with_kept_session(const GlobalOptions& options, const std::string& name, const WithClient& work) {
  const Time deadline = boot_time() + options.timeout;
  auto opened = open_kept(options, deadline);
  if (!opened) return report_of(name, opened.error());
  Report report = work(opened->client, left_until(deadline));
  if (!may_run_in_another_session(report)) return report;
  // L1: the file now names the ended session, and the next Open will.
  auto again = make_client(options, opened->id, true);
  if (!again) return report_of(name, again.error());
  if (auto used = use_kept_session(*again, opened->file, opened->cluster); !used) return report_of(name, used.error());
  return work(*again, left_until(deadline));
}

Report with_remembered_index(const GlobalOptions& options, const std::string& name, const WithClient& work) {
  const Time deadline = boot_time() + options.timeout;
  auto folder = open_state_folder();
  if (!folder) {  // nothing can be kept here, so nothing is remembered: who only looks needs no home
    auto client = make_client(options, options.client_id, false);
    return client ? work(*client, left_until(deadline)) : report_of(name, client.error());
  }
  auto id = options.client_id ? Expected<std::optional<ClientId>>(options.client_id) : kept_client_id(*folder);
  if (!id) return report_of(name, id.error());
  auto kept = *id ? read_state(*folder, **id) : Expected<KeptSessions>();
  if (!kept) return report_of(name, kept.error());
  auto client = make_client(options, *id, false);
  if (!client) return report_of(name, client.error());
  if (kept->empty()) return work(*client, left_until(deadline));

  auto cluster = find_cluster(*client, deadline);
  if (!cluster) return report_of(name, cluster.error());
  const auto session = kept->find(*cluster);
  if (session == kept->end()) return work(*client, left_until(deadline));
  SessionKeeper reader;
  reader.saved.highest_index = session->second.saved.highest_index;
  if (auto used = client->keep_session(std::move(reader)); !used) return report_of(name, used.error());
  Report report = work(*client, left_until(deadline));
  if (client->highest_index() > session->second.saved.highest_index) {
    remember_index(*folder, **id, *cluster, client->highest_index());
  }
  return report;
}

Expected<ShellClient> open_shell_client(const GlobalOptions& options) {
  if (!options.client_id) {
    auto client = make_client(options, std::nullopt, false);
    if (!client) return tl::unexpected(std::move(client.error()));
    return ShellClient{*std::move(client), nullptr};
  }
  auto opened = open_kept(options, boot_time() + options.timeout);
  if (!opened) return tl::unexpected(std::move(opened.error()));
  return ShellClient{std::move(opened->client), std::move(opened->file)};
}

}  // namespace lockstep
