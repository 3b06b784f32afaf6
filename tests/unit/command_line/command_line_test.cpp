// Goal: a manual page and completions have all that a command line's definition shows, and nothing that it hides.
// Method: a small definition with each kind of thing in it.
#include <doctest/doctest.h>

#include <algorithm>

#include "nodes/command_line/completion.hpp"
#include "nodes/command_line/manual_page.hpp"
#include "nodes/command_line/shell_quoted.hpp"
#include "nodes/command_line/usage.hpp"

using namespace lockstep;

namespace {

struct Definition {
  CLI::App app{"Opens doors.", "door"};
  std::string key;
  std::vector<std::string> names;
  std::string file;
  bool quiet = false;

  Definition() {
    app.footer("\nExit codes: 0 open.\n\nExamples:\n  door open front   the front door");
    app.add_option("--key", key, "Which key")->type_name("KEY")->envname("DOOR_KEY");
    CLI::App* open = app.add_subcommand("open", "Open it")->alias("unlock");
    open->add_option("NAME", names, "Which doors")->required();
    open->add_option("-w,--way", key, "How: it's said")->check(CLI::IsMember({"slowly", "at-once"}));
    open->add_flag("--quiet", quiet, "Without a noise");
    CLI::App* plan = app.add_subcommand("plan", "Of the house");
    plan->add_subcommand("show", "Show it")->add_option("PLAN", file, "Where it is")->type_name("FILE");
    app.add_subcommand("secret", "Nobody's business")->group("");
    app.add_flag("--secret", quiet, "Nobody's business")->group("");
  }
};

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("a definition is described with its commands, options and what they take") {
  Definition definition;
  const CommandDescription door = describe(definition.app);
  CHECK(door.words == std::vector<std::string>{"door"});
  REQUIRE(door.commands.size() == 2);
  const CommandDescription& open = door.commands[0];
  CHECK(open.words == std::vector<std::string>{"door", "open"});
  CHECK(open.aliases == std::vector<std::string>{"unlock"});
  REQUIRE(open.positionals.size() == 1);
  CHECK(open.positionals[0].is_list);
  CHECK(open.positionals[0].is_required);
  const auto is_way = [](const OptionDescription& option) { return option.names.back() == "--way"; };
  const auto way = std::find_if(open.options.begin(), open.options.end(), is_way);
  REQUIRE(way != open.options.end());
  CHECK(way->names == std::vector<std::string>{"-w", "--way"});
  CHECK(way->choices == std::vector<std::string>{"slowly", "at-once"});
  CHECK(door.commands[1].commands[0].positionals[0].is_file);
}

TEST_CASE("a command can be written with each of its names") {
  Definition definition;
  const CommandDescription door = describe(definition.app);
  std::vector<std::string> paths;
  for (const SpelledCommand& spelled : spelled_commands(door)) {
    paths.insert(paths.end(), spelled.paths.begin(), spelled.paths.end());
  }
  CHECK(paths == std::vector<std::string>{"", "open", "unlock", "plan", "plan show"});
}

TEST_CASE("a manual page says all of it, in roff that no text can break") {
  Definition definition;
  const std::string page =
      manual_page(describe(definition.app), {1, "door 1.0", "house(8)", {{"/etc/door-keys", "Who may."}}});
  CHECK(page.starts_with(".TH DOOR 1 \"\" \"door 1.0\"\n.SH NAME\ndoor \\- Opens doors\n"));
  CHECK(has(page, ".SS \\fBdoor open\\fR\n"));
  CHECK(has(page, "Also called unlock.\n"));
  CHECK(has(page, "\\fB\\-w\\fR, \\fB\\-\\-way\\fR"));
  CHECK(has(page, "How: it\\(aqs said.\nOne of slowly, at\\-once.\n"));
  CHECK(has(page, ".SS \\fBdoor plan show\\fR\n"));
  CHECK(has(page, ".TP\n\\fBDOOR_KEY\\fR\nStands for \\fB\\-\\-key\\fR.\n"));
  CHECK(has(page, ".nf\ndoor open front   the front door\n.fi\n"));
  CHECK(has(page, ".SH FILES\n.TP\n\\fI/etc/door\\-keys\\fR\nWho may.\n"));
  CHECK(has(page, ".SH SEE ALSO\nhouse(8)\n"));
}

TEST_CASE("a command may say itself how it is written, in its help and in the manual page") {
  Definition definition;
  CLI::App* open = definition.app.get_subcommand("open");
  CHECK(usage_of(*open).empty());
  set_usage(*open, {"[OPTIONS] NAME... -- WORD", "-q NAME WORD"});
  CHECK(has(open->help("door"), "Usage: door open [OPTIONS] NAME... -- WORD\n       door open -q NAME WORD\n"));
  CHECK(has(definition.app.get_subcommand("plan")->help("door"), "Usage: door plan [OPTIONS] [SUBCOMMAND]\n"));
  const std::string page = manual_page(describe(definition.app), {});
  CHECK(has(page,
            "\\fBdoor open\\fR \\fI[OPTIONS]\\fR \\fINAME...\\fR \\fB\\-\\-\\fR \\fIWORD\\fR\n.br\n"
            "\\fBdoor open\\fR \\fB\\-q\\fR \\fINAME\\fR \\fIWORD\\fR\n"));
}

TEST_CASE("a word is quoted so that a shell reads it back") {
  CHECK(shell_quoted("a b") == "'a b'");
  CHECK(shell_quoted("") == "''");
  CHECK(shell_quoted("-it's $HOME\\") == "'-it'\\''s $HOME\\'");
}

TEST_CASE("what --help hides is nowhere") {
  Definition definition;
  const CommandDescription door = describe(definition.app);
  for (const std::string& text :
       {manual_page(door, {}), bash_completion(door), zsh_completion(door), fish_completion(door)}) {
    CHECK(has(text, "open"));
    CHECK(has(text, "unlock"));
    CHECK(has(text, "quiet"));
    CHECK_FALSE(has(text, "secret"));
  }
}

TEST_CASE("completions offer the choices of an option, and the program's own options after a command") {
  Definition definition;
  const CommandDescription door = describe(definition.app);
  CHECK(has(bash_completion(door), "'-w' | '--way') words='slowly at-once' ;;"));
  CHECK(has(bash_completion(door), "words='-h --help -w --way --quiet --key' ;;"));
  CHECK(has(zsh_completion(door), "'--way[How\\: it'\\''s said]:TEXT:(slowly at-once)'"));
  CHECK(has(fish_completion(door), " -s w -l way -r -a 'slowly at-once' -d 'How: it\\'s said'"));
  CHECK(has(fish_completion(door), " -n '__door_is_at \\'open\\' \\'unlock\\'' -l key -r"));
}
